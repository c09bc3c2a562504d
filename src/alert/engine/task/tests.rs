use super::*;
use crate::{
    clock::Clock,
    config::Config,
    poll::SavedFleet,
    snapshot::{Ledger, Slot},
};

fn config(mode: &str) -> Config {
    let planted = super::super::tests::PLANTED;
    let yaml = format!(
        "targets: [{{name: t, vendor: resilio, url: 'http://127.0.0.1:1'}},\n\
         {{name: {planted}, vendor: resilio, url: 'http://127.0.0.1:1'}}]\n\
         alerting: {{mode: {mode}, alertmanagers: [{{url: 'http://127.0.0.1:1'}}]}}"
    );
    Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).expect("the configuration is valid")
}

/// A fleet of one target that fails; nothing polls it.
fn fleet(clock: Clock) -> Arc<Fleet> {
    let fleet = Arc::new(Fleet::new(clock, SavedFleet::default()));
    fleet.store().replace(vec![slot(clock, 0)]);
    fleet
}

/// A target of the configuration, which fails.
fn slot(clock: Clock, index: usize) -> Arc<Slot> {
    let mut ledger = Ledger::new(Arc::clone(&config("off").targets[index]), false);
    (ledger.status.up, ledger.status.consecutive_failures) = (Some(false), 3);
    // No task polls it here, and that is not what the tests are about.
    ledger.status.last_poll = Some(UnixTime::from_secs(2_000_000));
    Arc::new(Slot::new(ledger.publish(clock.now()).snapshot))
}

fn names(evaluator: &AlertEvaluator) -> Vec<(&'static str, bool)> {
    evaluator.alerts().iter().map(|alert| (alert.name, alert.fired.is_some())).collect()
}

/// An evaluator that runs in direct mode.
struct RunningEvaluator {
    evaluator: Arc<AlertEvaluator>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl RunningEvaluator {
    async fn start() -> RunningEvaluator {
        let turn = crate::event::COUNTING_ALERTS.lock().await;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clock = Clock::at(UnixTime::from_secs(1_000_000));
        let evaluator =
            Arc::new(AlertEvaluator::new(fleet(clock), SavedAlerts::default(), String::new(), "a:1".to_owned()));
        evaluator.apply(&config("direct").alerting).await.expect("it can be used");
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&evaluator).run(stop.clone()));
        RunningEvaluator { evaluator, stop, running, _turn: turn }
    }

    async fn end(self) -> Arc<AlertEvaluator> {
        self.stop.cancel();
        self.running.await.expect("it ends");
        self.evaluator
    }
}

async fn minutes(n: u64) {
    sleep(Duration::from_secs(60 * n)).await;
}

#[tokio::test(start_paused = true)]
async fn time_alone_makes_an_alert_fire_and_the_mode_says_who_tells() {
    let paging = RunningEvaluator::start().await;
    let evaluator = &paging.evaluator;
    minutes(1).await;
    assert_eq!(names(evaluator), [("RollcallTargetDown", false), ("RollcallDirectWatchdog", true)]);
    minutes(10).await;
    assert_eq!(names(evaluator), [("RollcallTargetDown", true), ("RollcallDirectWatchdog", true)]);
    assert_eq!(evaluator.outbox.known().len(), 2);
    let family =
        crate::event::gather().into_iter().find(|family| family.name() == "rollcall_alerts").expect("it is there");
    assert_eq!(family.get_metric().len(), 4);

    // While somebody else pages nothing is shown and nothing told.
    evaluator.apply(&config("off").alerting).await.expect("it can be used");
    minutes(2).await;
    assert_eq!((names(evaluator), evaluator.outbox.known().len()), (Vec::new(), 0));
    assert!(crate::event::gather().iter().all(|family| family.name() != "rollcall_alerts"));

    // Back after a short while it goes on where it was.
    evaluator.apply(&config("direct").alerting).await.expect("it can be used");
    minutes(1).await;
    assert_eq!(names(evaluator), [("RollcallTargetDown", true), ("RollcallDirectWatchdog", true)]);
    let down = evaluator.outbox.known().into_iter().find(|alert| alert.labels["alertname"] == "RollcallTargetDown");
    // The result of a poll is evaluated together with all that follow within this time.
    let (began, due) = (down.expect("it fires").starts_at, UnixTime::from_secs(1_000_600));
    assert!(began >= due && began.since(due) <= BATCH_DELAY, "{began:?}");

    let evaluator = paging.end().await;
    assert!(evaluator.outbox.known().iter().all(|alert| alert.ends_at.is_none()), "a stop resolves nothing");
    evaluator.stop().await;
}

#[tokio::test(start_paused = true)]
#[expect(clippy::await_holding_lock, reason = "that is how it hangs")]
async fn an_evaluation_that_hangs_ends_the_sign_of_life_and_nothing_else() {
    let paging = RunningEvaluator::start().await;
    let evaluator = &paging.evaluator;
    let told = || {
        let mut told: Vec<String> =
            evaluator.outbox.known().iter().map(|alert| alert.labels["alertname"].clone()).collect();
        told.sort();
        told
    };
    minutes(15).await;
    assert_eq!(told(), ["RollcallDirectWatchdog", "RollcallTargetDown"]);

    let busy = evaluator.state();
    // Time does not go on by itself while an evaluation waits.
    let steps = 2 * (EVALUATION_INTERVAL + STUCK_TIMEOUT).as_secs();
    for _ in 0..steps {
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    assert_eq!(told(), ["RollcallTargetDown"]);

    drop(busy);
    minutes(1).await;
    assert_eq!(told(), ["RollcallDirectWatchdog", "RollcallTargetDown"]);
    paging.end().await.stop().await;
}

#[tokio::test(start_paused = true)]
async fn polls_that_have_stopped_end_the_sign_of_life_and_nothing_else() {
    let paging = RunningEvaluator::start().await;
    let evaluator = &paging.evaluator;
    let told = || {
        let known = evaluator.outbox.known();
        let mut told: Vec<String> = known.iter().map(|alert| alert.labels["alertname"].clone()).collect();
        told.sort();
        told
    };
    // Of two targets one polls; the other one fails in any case.
    let publish = |missed: [u64; 2]| {
        let slots = missed.into_iter().zip(["t", "u"]).map(|(missed, name)| {
            let mut target = (*config("off").targets[0]).clone();
            target.name = name.to_owned();
            let mut ledger = Ledger::new(Arc::new(target), false);
            (ledger.status.up, ledger.status.consecutive_failures) = (Some(name == "u"), u64::from(name == "t") * 3);
            ledger.status.missed = missed;
            Arc::new(Slot::new(ledger.publish(evaluator.fleet.clock().now()).snapshot))
        });
        evaluator.fleet.store().replace(slots.collect());
    };
    publish([0, 0]);
    minutes(15).await;
    assert_eq!(told(), ["RollcallDirectWatchdog", "RollcallTargetDown"]);
    publish([3, 0]);
    minutes(1).await;
    assert_eq!(told(), ["RollcallTargetDown"]);
    publish([0, 0]);
    minutes(1).await;
    assert_eq!(told(), ["RollcallDirectWatchdog", "RollcallTargetDown"]);
    paging.end().await.stop().await;
}

/// A fault in the evaluation of one target is counted; everybody else is evaluated, and the sign of life goes on.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_engine_costs_the_alerts_of_its_target_and_no_others() {
    let panics = || {
        let families = crate::event::gather();
        let family = families.iter().find(|family| family.name() == "rollcall_panics_total");
        family.and_then(|family| family.get_metric().first()).map_or(0.0, |metric| metric.get_counter().get_value())
    };
    let paging = RunningEvaluator::start().await;
    let (evaluator, before) = (&paging.evaluator, panics());
    let clock = evaluator.fleet.clock();
    // First the one that panics.
    evaluator.fleet.store().replace(vec![slot(clock, 1), slot(clock, 0)]);
    minutes(12).await;
    assert_eq!(names(evaluator), [("RollcallTargetDown", true), ("RollcallDirectWatchdog", true)]);
    // Once in 15 s.
    assert!(panics() >= before + 40.0, "{before} to {}", panics());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_not_polled_since_the_start_pages_once_polls_should_have_come() {
    let paging = RunningEvaluator::start().await;
    let evaluator = &paging.evaluator;
    let fired = || names(evaluator).into_iter().filter_map(|(name, fired)| fired.then_some(name)).collect::<Vec<_>>();
    let publish = |missed| {
        let now = evaluator.fleet.clock().now();
        let mut ledger = Ledger::new(Arc::clone(&config("off").targets[0]), false);
        (ledger.status.next_poll, ledger.status.missed) = (Some(now.minus(Duration::from_secs(3600))), missed);
        evaluator.fleet.store().replace(vec![Arc::new(Slot::new(ledger.publish(now).snapshot))]);
    };
    publish(0);
    minutes(15).await;
    assert_eq!(fired(), ["RollcallDirectWatchdog"]);
    publish(60);
    minutes(15).await;
    assert_eq!(fired(), ["RollcallPollsStopped", "RollcallTargetDown", "RollcallDirectWatchdog"]);
    paging.end().await.stop().await;
}
