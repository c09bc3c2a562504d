//! Two Alertmanagers in memory, one of which has its days, on a paused clock.

use tokio::time::{Instant, sleep};

use super::{
    super::outbox::PeerSettings,
    receiver::{Behaviour, Receiver},
    *,
};
use crate::{clock::Clock, config::Alertmanager, event};

const SECOND: Duration = Duration::from_secs(1);

struct Site {
    outbox: Outbox,
    clock: Clock,
    well: Receiver,
    ill: Receiver,
}

fn settings(label: &str, timing: Timing) -> PeerSettings {
    let url = "http://127.0.0.1:9093".parse().expect("a valid URL");
    let alertmanager = Alertmanager { url, auth: None, http: Default::default() };
    PeerSettings { label: label.to_owned(), alertmanager, timing, external: Labels::new() }
}

/// `name` keeps the metrics of the tests apart.
async fn site(name: &str, timing: Timing) -> Site {
    let clock = Clock::at(START);
    let (well, ill) = (Receiver::new(clock), Receiver::new(clock));
    let outbox = Outbox::new(clock);
    let links = [("well", &well), ("ill", &ill)];
    let links = links.map(|(peer, receiver)| (settings(&format!("{name}-{peer}"), timing), receiver.clone()));
    outbox.exchange(links.into()).await;
    Site { outbox, clock, well, ill }
}

impl Site {
    fn send(&self, alerts: impl IntoIterator<Item = Notification>) {
        self.outbox.update(self.clock.now(), alerts.into_iter().map(Change::Notify));
    }

    fn waiting(&self) -> [usize; 2] {
        let waiting = self.outbox.waiting();
        [waiting[0].1, waiting[1].1]
    }
}

/// The value of a sample of the daemon's own metrics; of a histogram the count.
fn sample(name: &str, alertmanager: &str) -> Option<f64> {
    let families = event::gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let metric = family.get_metric().iter().find(|metric| metric.get_label()[0].value() == alertmanager)?;
    Some(match family.get_field_type() {
        prometheus::proto::MetricType::COUNTER => metric.get_counter().get_value(),
        prometheus::proto::MetricType::HISTOGRAM => metric.get_histogram().get_sample_count() as f64,
        _ => metric.get_gauge().get_value(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_peer_dead_for_ten_minutes_loses_nothing_and_delays_nobody() {
    for (name, behaviour) in [("silent", Behaviour::Silent), ("gone", Behaviour::Answers(failed()))] {
        let site = site(name, timing()).await;
        site.ill.set(behaviour);
        site.send((0..1000).map(firing));
        for round in 0..600usize {
            // One alert flaps each second: it is resolved, and fires again a second later.
            let (n, now) = (round / 2 % 1000, site.clock.now());
            let again = Notification { starts_at: now, ..firing(n) };
            site.send([if round % 2 == 0 { resolved(n, now) } else { again }]);
            sleep(SECOND / 2).await;
            // The living peer has heard it at once.
            let fires = site.well.firing().contains(&firing(n).fingerprint());
            assert_eq!((fires, site.waiting()[0]), (round % 2 == 1, 0), "{name} {round}");
            assert!(site.waiting()[1] <= 1000, "{name}: bounded by the number of alerts");
            sleep(SECOND / 2).await;
        }
        assert!(site.ill.firing().is_empty());
        let requests = site.ill.inner().requests.len();
        assert!((20..250).contains(&requests), "{name}: full jitter below 30 s, {requests} requests");
        // 250 of them end while it is away.
        let now = site.clock.now();
        site.send((0..250).map(|n| resolved(n, now)));
        site.ill.set(Behaviour::Takes(Duration::ZERO));
        // A request that is under way for 10 s, a pause of up to 30 s.
        sleep(42 * SECOND).await;
        assert_eq!((site.ill.firing().len(), site.waiting()), (750, [0, 0]), "{name}");
        assert_eq!(site.ill.firing(), site.well.firing());
        assert_eq!(site.ill.ends(), 250, "{name}");
        assert_eq!(sample("rollcall_notifications_dropped_total", &format!("{name}-ill")), Some(0.0));
        assert!(sample("rollcall_notifications_failed_total", &format!("{name}-ill")) > Some(5000.0));
        assert_eq!(sample("rollcall_notifications_failed_total", &format!("{name}-well")), Some(0.0));
    }
}

/// When a peer that is well was asked, and with how many alerts, beside one that behaves like this.
async fn heard_beside(name: &str, behaviour: Behaviour) -> Vec<(Duration, usize)> {
    let site = site(name, timing()).await;
    site.ill.set(behaviour);
    site.send((0..600).map(firing));
    for turn in 0..200 {
        sleep(3 * SECOND).await;
        let now = site.clock.now();
        let again = |n| Notification { starts_at: now, ..firing(n) };
        site.send((0..5).map(|n| if turn % 2 == 0 { resolved(n, now) } else { again(n) }));
    }
    sleep(SECOND).await;
    let requests = site.well.inner().requests.clone();
    requests.into_iter().map(|(at, alerts)| (at.since(START), alerts)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_well_is_told_the_same_at_the_same_moments_whatever_the_other_one_does() {
    let alone = heard_beside("beside-well", Behaviour::Takes(Duration::ZERO)).await;
    assert!(alone.len() > 200, "{}", alone.len());
    let moods = [
        Behaviour::Silent,
        Behaviour::Takes(9 * SECOND),
        Behaviour::Answers(failed()),
        Behaviour::Answers(invalid()),
        Behaviour::Answers(refused()),
    ];
    for (n, behaviour) in moods.into_iter().enumerate() {
        assert_eq!(heard_beside(&format!("beside-{n}"), behaviour.clone()).await, alone, "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_arrives_as_soon_as_the_peer_is_back() {
    let site = site("back", timing()).await;
    site.send([firing(1)]);
    sleep(SECOND).await;
    assert_eq!(site.ill.firing().len(), 1);
    site.ill.set(Behaviour::Answers(failed()));
    site.send([resolved(1, site.clock.now())]);
    sleep(2 * MINUTE + SECOND / 2).await;
    assert_eq!((site.ill.ends(), site.waiting()), (0, [0, 1]));
    site.ill.set(Behaviour::Takes(Duration::ZERO));
    sleep(30 * SECOND).await;
    assert_eq!((site.ill.ends(), site.ill.firing().len()), (1, 0));
    // And again for a quarter of an hour after the end, so that one lost on the way inside does no harm.
    sleep(60 * MINUTE).await;
    let ends = site.well.ends();
    assert_eq!(ends, 16);
    assert_eq!(site.waiting(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_restarts_hears_everything_within_the_resend_delay() {
    let site = site("restart", timing()).await;
    site.send((0..10).map(firing));
    sleep(SECOND).await;
    site.ill.inner().alerts.clear();
    sleep(MINUTE).await;
    assert_eq!(site.ill.firing().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn firing_alerts_never_lapse_between_two_resends() {
    let site = site("lapse", timing()).await;
    site.send((0..300).map(firing));
    site.ill.set(Behaviour::Takes(8 * SECOND));
    for second in 0..600 {
        sleep(SECOND).await;
        assert!(second < 20 || site.ill.firing().len() == 300, "{second}");
    }
    // Two requests a minute, each resend before the one before is forgotten.
    assert!((18..=22).contains(&site.ill.inner().requests.len()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_400_is_counted_and_ends_the_matter_until_the_next_resend() {
    let site = site("invalid", timing()).await;
    site.ill.set(Behaviour::Answers(invalid()));
    site.send((0..300).map(firing));
    sleep(59 * SECOND).await;
    assert_eq!((site.ill.inner().requests.len(), site.waiting()), (2, [0, 0]));
    assert_eq!(sample("rollcall_notifications_failed_total", "invalid-ill"), Some(300.0));
    assert_eq!(sample("rollcall_notifications_sent_total", "invalid-ill"), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_answer_is_given_up_after_ten_seconds() {
    let site = site("never", timing()).await;
    site.ill.set(Behaviour::Silent);
    site.send([firing(1)]);
    sleep(25 * SECOND).await;
    let requests: Vec<_> = site.ill.inner().requests.iter().map(|(at, _)| at.since(START)).collect();
    assert!(requests.len() >= 2 && (10 * SECOND..12 * SECOND).contains(&requests[1]), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_what_is_not_told_and_resolves_nothing() {
    let site = site("stop", timing()).await;
    site.send((0..600).map(firing));
    sleep(SECOND).await;
    site.ill.set(Behaviour::Answers(failed()));
    let now = site.clock.now();
    site.send((0..100).map(|n| resolved(n, now)).chain((600..700).map(firing)));
    sleep(2 * MINUTE).await;
    // It is back at the last moment, in the middle of a pause.
    site.ill.set(Behaviour::Takes(Duration::ZERO));
    let stopped = Instant::now();
    site.outbox.stop().await;
    assert!(stopped.elapsed() < SECOND, "{:?}", stopped.elapsed());
    assert_eq!((site.ill.ends(), site.ill.firing().len()), (100, 600));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_five_seconds_for_a_dead_peer() {
    for (name, behaviour) in [("stop-silent", Behaviour::Silent), ("stop-gone", Behaviour::Answers(failed()))] {
        let site = site(name, timing()).await;
        site.ill.set(behaviour);
        site.send([firing(1), firing(2)]);
        sleep(SECOND).await;
        let stopped = Instant::now();
        site.outbox.stop().await;
        assert!((4 * SECOND..6 * SECOND).contains(&stopped.elapsed()), "{name}: {:?}", stopped.elapsed());
        assert_eq!(sample("rollcall_notifications_dropped_total", &format!("{name}-ill")), Some(2.0));
    }
}

#[tokio::test(start_paused = true)]
async fn with_ha_alerts_lapse() {
    let site = site("ha", Timing { ha: true, ..timing() }).await;
    site.send((0..10).map(firing));
    sleep(SECOND).await;
    site.send((0..10).map(|n| resolved(n, site.clock.now())));
    sleep(3 * MINUTE).await;
    assert_eq!(site.well.firing().len(), 10);
    sleep(MINUTE).await;
    assert_eq!((site.well.firing().len(), site.well.ends()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reload_starts_and_ends_peers_and_their_series() {
    let site = site("reload", timing()).await;
    for name in ["sent_total", "failed_total", "dropped_total", "queue_length", "last_success_timestamp_seconds"] {
        assert_eq!(sample(&format!("rollcall_notifications_{name}"), "reload-ill"), Some(0.0), "{name}");
    }
    assert_eq!(sample("rollcall_notification_duration_seconds", "reload-ill"), Some(0.0));
    site.send((0..10).map(firing));
    site.send([resolved(11, START)]);
    sleep(SECOND).await;
    assert_eq!(sample("rollcall_notifications_sent_total", "reload-well"), Some(11.0));
    assert_eq!(sample("rollcall_notification_duration_seconds", "reload-well"), Some(1.0));
    let (well, late) = (settings("reload-well", timing()), settings("reload-late", timing()));
    let newcomer = Receiver::new(site.clock);
    site.outbox.exchange(vec![(well, site.well.clone()), (late, newcomer.clone())]).await;
    sleep(SECOND).await;
    assert_eq!(sample("rollcall_notifications_sent_total", "reload-ill"), None);
    assert_eq!(sample("rollcall_notification_duration_seconds", "reload-ill"), None);
    // The one that stays is not disturbed, the new one hears all of it.
    assert_eq!(site.well.inner().requests.len(), 1);
    assert_eq!((newcomer.firing().len(), newcomer.ends()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn requests_go_by_the_systems_clock_also_where_nothing_is_polled() {
    let clock = Clock::system();
    let (receiver, outbox) = (Receiver::new(clock), Outbox::new(clock));
    outbox.exchange(vec![(settings("stepped", timing()), receiver.clone())]).await;
    // The system's clock stands still meanwhile, so to the daemon it was set back by an hour.
    tokio::time::advance(3600 * SECOND).await;
    outbox.update(clock.now(), [Change::Notify(firing(0))]);
    sleep(SECOND).await;
    assert_eq!(receiver.firing().len(), 1);
    let ahead = clock.now().since(std::time::SystemTime::now().into());
    assert!(ahead < 60 * SECOND, "{ahead:?}");
}
