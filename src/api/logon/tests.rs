use super::*;
use crate::config::{
    VendorSettings,
    secret::Secret,
    target::{Login, ParallelsRas},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn target(name: &str, url: &str) -> Target {
    let secret = Secret::Inline(SecretText::new("unused"));
    let settings = ParallelsRas {
        auth: Login { username: "monitor".to_owned(), password: secret },
        site_ids: Vec::new(),
        resolve_names: true,
        power_managed: Vec::new(),
    };
    Target { name: name.to_owned(), ..Target::sample(url, VendorSettings::ParallelsRas(settings)) }
}

/// A deadline that no test meets.
fn far() -> Instant {
    Instant::now() + HOUR
}

async fn refuse(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) {
    let permit = logons.acquire(target, "monitor", secret, now, far()).await.expect("not held");
    assert_eq!(permit.refused("401 Unauthorized").reason, Reason::Auth);
}

fn held(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) -> bool {
    logons.held(target, "monitor", secret, now).is_some()
}

#[tokio::test]
async fn a_refused_secret_holds_every_target_that_brings_it() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    refuse(&logons, &one, &secret, now).await;
    assert!(held(&logons, &one, &secret, now));
    let failure = logons.acquire(&two, "monitor", &secret, now, far()).await.expect_err("held for both");
    assert_eq!(failure.reason, Reason::Held);
    assert!(logons.hold_of("two", now).is_some());
    assert!(!failure.message.contains("wrong"));
}

#[tokio::test]
async fn a_secret_that_never_worked_is_tried_every_six_hours() {
    let (logons, secret, start) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, start).await;
    assert!(held(&logons, &one, &secret, start.plus(6 * HOUR - MINUTE)));
    refuse(&logons, &one, &secret, start.plus(6 * HOUR)).await;
    assert!(held(&logons, &one, &secret, start.plus(12 * HOUR - MINUTE)));
    assert!(!held(&logons, &one, &secret, start.plus(12 * HOUR)));
}

#[tokio::test]
async fn a_release_allows_one_log_on_and_the_next_refusal_counts_on() {
    let (logons, secret, start) = (Logons::default(), SecretText::new("right"), UnixTime::from_secs(1_000_000));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    assert!(!logons.release("one", start), "nothing is held yet");
    refuse(&logons, &one, &secret, start).await;
    assert!(held(&logons, &two, &secret, start));
    assert!(!logons.release("three", start));
    assert!(logons.release("two", start.plus(MINUTE)), "it shares the account");
    refuse(&logons, &one, &secret, start.plus(MINUTE)).await;
    assert!(held(&logons, &two, &secret, start.plus(2 * MINUTE)), "one try, not one for each target");
    assert_eq!(logons.hold_of("one", start.plus(MINUTE)).map(|hold| hold.refusals), Some(2));
    assert!(logons.release("one", start.plus(2 * MINUTE)));
    logons.acquire(&one, "monitor", &secret, start.plus(2 * MINUTE), far()).await.expect("released").accepted();
    assert!(!held(&logons, &two, &secret, start.plus(2 * MINUTE)));
}

#[tokio::test]
async fn a_secret_that_worked_today_is_tried_sooner() {
    let (logons, secret, start) = (Logons::default(), SecretText::new("good"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    logons.acquire(&one, "monitor", &secret, start, far()).await.expect("not held").accepted();
    let mut now = start.plus(23 * HOUR);
    for wait in [15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR] {
        refuse(&logons, &one, &secret, now).await;
        assert!(held(&logons, &one, &secret, now.plus(wait - MINUTE)));
        now = now.plus(wait);
    }
    logons.acquire(&one, "monitor", &secret, now, far()).await.expect("due").accepted();
    assert!(logons.hold_of("one", now).is_none());
}

#[tokio::test]
async fn a_new_secret_or_a_new_url_ends_the_hold_and_nothing_else_does() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, now).await;
    let mut edited = one.clone();
    edited.interval = 2 * MINUTE;
    assert!(held(&logons, &edited, &secret, now));
    assert!(!held(&logons, &one, &SecretText::new("right"), now));
    assert!(logons.hold_of("one", now).is_none());

    refuse(&logons, &one, &secret, now).await;
    assert!(!held(&logons, &target("one", "https://b.example"), &secret, now));
}

#[tokio::test]
async fn a_hold_survives_a_restart_without_its_secret_being_saved() {
    let (secret, now) = (SecretText::new("wrong-Kanarienvogel"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let logons = Logons::default();
    refuse(&logons, &one, &secret, now).await;
    let saved = serde_json::to_string(&logons.save()).expect("plain data");
    assert!(!saved.contains("Kanarienvogel"));

    let restarted = Logons::default();
    restarted.restore(serde_json::from_str(&saved).expect("what was just saved"));
    assert!(restarted.hold_of("one", now).is_some());
    assert!(held(&restarted, &one, &secret, now));
    assert!(!held(&restarted, &one, &SecretText::new("right"), now));
}

#[tokio::test(start_paused = true)]
async fn log_ons_of_one_identity_follow_each_other() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
    let second = logons.acquire(&two, "monitor", &secret, now, far());
    tokio::pin!(second);
    assert!(tokio::time::timeout(MINUTE, &mut second).await.is_err(), "it waits for its turn");
    let _ = permit.refused("401");
    assert_eq!(second.await.expect_err("refused meanwhile").reason, Reason::Held);
}

const SECOND: Duration = Duration::from_secs(1);

/// Logs on at a vendor that answers after `takes`.
async fn run_exchange(
    permit: Permit,
    limit: Duration,
    takes: Duration,
    verdict: LogonVerdict,
) -> Result<Option<Failure>, Failure> {
    let exchange = move |sent: crate::http::SendTracker| async move {
        assert!(sent.mark_sent());
        let answer = async {
            tokio::time::sleep(takes).await;
            verdict
        };
        (tokio::time::timeout_at(sent.until(), answer).await.unwrap_or(LogonVerdict::Unknown), ())
    };
    permit.run_exchange(Instant::now() + limit, exchange).await.map(|((), refused)| refused)
}

fn refusal() -> LogonVerdict {
    LogonVerdict::Refused("401 Unauthorized".to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_cancelled_poll_is_noted() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
    let poll = tokio::spawn(run_exchange(permit, 20 * SECOND, 5 * SECOND, refusal()));
    tokio::time::sleep(SECOND).await;
    poll.abort();
    // The next poll, of the edited target.
    let mut edited = one.clone();
    edited.interval = 2 * MINUTE;
    let failure = logons.acquire(&edited, "monitor", &secret, now, far()).await.expect_err("refused meanwhile");
    assert_eq!(failure.reason, Reason::Held);
    assert!(failure.message.contains("401 Unauthorized"), "{failure}");
    tokio::time::timeout(SECOND, logons.changed()).await.expect("the state file is to be written");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_after_the_poll_is_noted() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
    let failure = run_exchange(permit, 3 * SECOND, MINUTE, refusal()).await.expect_err("too slow");
    assert_eq!(failure.reason, Reason::Timeout);
    let next = logons.acquire(&one, "monitor", &secret, now, far());
    assert!(tokio::time::timeout(3 * SECOND, next).await.is_err(), "the turn is taken");
    tokio::time::sleep(MINUTE).await;
    assert!(held(&logons, &one, &secret, now.plus(6 * HOUR)));
}

#[tokio::test(start_paused = true)]
async fn a_log_on_that_is_never_answered_is_held_for_a_quarter_of_an_hour() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("good"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
    let _ = run_exchange(permit, 3 * SECOND, 10 * MINUTE, LogonVerdict::Accepted).await.expect_err("too slow");
    tokio::time::sleep(2 * MINUTE).await;
    let ended = now.plus(2 * MINUTE);
    let failure = logons.held(&one, "monitor", &secret, ended).expect("held");
    assert!(failure.message.contains("no answer came"), "{failure}");
    assert!(held(&logons, &one, &secret, ended.plus(14 * MINUTE)));
    // A refusal that follows is one of a secret that never worked.
    let due = ended.plus(15 * MINUTE);
    refuse(&logons, &one, &secret, due).await;
    assert!(held(&logons, &one, &secret, due.plus(6 * HOUR - MINUTE)));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_by_the_deadline_is_never_sent_nor_held() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("good"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
    let (kept, sent) = tokio::sync::oneshot::channel();
    let exchange = |sent: crate::http::SendTracker| async move {
        kept.send(sent).expect("somebody waits");
        std::future::pending::<(LogonVerdict, ())>().await
    };
    let failure = permit.run_exchange(Instant::now() + SECOND, exchange).await.expect_err("no connection");
    assert_eq!(failure.reason, Reason::Timeout);
    tokio::time::sleep(SECOND).await;
    assert!(!sent.await.expect("it began").mark_sent());
    logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held, and the turn is free").unknown();
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_without_a_word_holds() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("good"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    drop(logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held"));
    assert!(held(&logons, &one, &secret, now.plus(14 * MINUTE)));
    assert!(!held(&logons, &one, &secret, now.plus(15 * MINUTE)));
    let other = SecretText::new("other");
    drop(logons.acquire_unqueued(&one, "monitor", &other, now).expect("not held"));
    assert!(!held(&logons, &one, &other, now), "it logged nobody on");

    let panics = |sent: crate::http::SendTracker| async move {
        assert!(sent.mark_sent());
        if sent.is_sent() {
            panic!("a bug");
        }
        (LogonVerdict::Unknown, ())
    };
    let permit = logons.acquire(&one, "monitor", &other, now, far()).await.expect("not held");
    let failure = permit.run_exchange(Instant::now() + SECOND, panics).await.expect_err("it panicked");
    assert_eq!(failure.reason, Reason::Internal);
    assert!(held(&logons, &one, &other, now.plus(14 * MINUTE)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_verdicts_and_holds_what_has_none() {
    let now = UnixTime::from_secs(1_000_000);
    let one = target("one", "https://a.example");
    for (takes, message) in [(SECOND, "401 Unauthorized"), (MINUTE, "no answer came")] {
        let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
        let permit = logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held");
        let poll = tokio::spawn(run_exchange(permit, 20 * SECOND, takes, refusal()));
        tokio::task::yield_now().await;
        poll.abort();
        let began = Instant::now();
        logons.close(began + 2 * SECOND).await;
        assert!(began.elapsed() <= 2 * SECOND);
        let restarted = Logons::default();
        restarted.restore(logons.save());
        let failure = restarted.held(&one, "monitor", &secret, now).expect("held");
        assert!(failure.message.contains(message), "{failure}");
    }
}

#[tokio::test]
async fn a_hold_whose_next_try_is_due_keeps_nobody() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, now).await;
    assert!(logons.hold_of("one", now.plus(6 * HOUR - MINUTE)).is_some());
    let due = now.plus(6 * HOUR);
    logons.acquire(&one, "monitor", &secret, due, far()).await.expect("due").unknown();
    assert!(logons.hold_of("one", due).is_none(), "requests are sent");
    refuse(&logons, &one, &secret, due.plus(HOUR)).await;
    assert!(logons.hold_of("one", due.plus(HOUR)).is_some());
}

/// State files of the first version have slow hashes.
#[test]
fn rotated_passwords_after_an_upgrade_are_hashed_once_each() {
    let now = UnixTime::from_secs(1_000_000);
    let logons = Logons::default();
    let targets: Vec<Target> = (0..300).map(|i| target(&format!("t{i}"), "https://a.example")).collect();
    // What 300 hashes take on this machine.
    let began = std::time::Instant::now();
    let saved: Vec<serde_json::Value> = (0..300)
        .map(|i| {
            let hash = saved::hash(&SecretText::new(format!("old-{i}")), [7; 16]);
            let (vendor, hold) = (targets[0].vendor(), Hold::new(now, false));
            serde_json::json!({
                "vendor": vendor, "username": "monitor", "secret_bcrypt": hash, "last_accepted": null, "hold": hold,
            })
        })
        .collect();
    let once_each = began.elapsed();
    logons.restore(serde_json::from_value(saved.into()).expect("as it was saved"));
    let began = std::time::Instant::now();
    for (i, target) in targets.iter().enumerate() {
        assert!(!held(&logons, target, &SecretText::new(format!("new-{i}")), now));
    }
    // 300 hashes; one for every two would be 45000.
    assert!(began.elapsed() < 20 * once_each, "{:?}, once {once_each:?}", began.elapsed());
    let again = std::time::Instant::now();
    for _ in 0..1000 {
        assert!(!held(&logons, &targets[299], &SecretText::new("new-299"), now));
    }
    assert!(again.elapsed() < once_each, "known by now: {:?}, once {once_each:?}", again.elapsed());
}

#[tokio::test]
async fn identities_that_nobody_brings_are_forgotten() {
    let (logons, start) = (Logons::default(), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    let secret = SecretText::new("held");
    let _ = logons
        .acquire_unqueued(&target("two", "https://a.example"), "monitor", &secret, start)
        .map(|p| p.refused("401"));
    for day in 0..5u32 {
        let now = start.plus(day * 24 * HOUR);
        let secret = SecretText::new(format!("day-{day}"));
        logons.acquire(&one, "monitor", &secret, now, far()).await.expect("not held").accepted();
        assert!(logons.lock().len() <= 3);
    }
    assert_eq!(logons.save().len(), 2, "today's and the held one");
}

#[tokio::test]
async fn a_hold_that_was_saved_under_a_wrong_clock_is_no_longer_than_the_longest() {
    let (secret, wrong) = (SecretText::new("wrong"), UnixTime::from_secs(9_000_000));
    let one = target("one", "https://a.example");
    let logons = Logons::default();
    refuse(&logons, &one, &secret, wrong).await;
    let now = UnixTime::from_secs(1_000_000);
    let mut saved = logons.save();
    saved.iter_mut().for_each(|identity| identity.limit(now));
    let restarted = Logons::default();
    restarted.restore(saved);
    assert!(held(&restarted, &one, &secret, now.plus(6 * HOUR - MINUTE)));
    assert!(!held(&restarted, &one, &secret, now.plus(6 * HOUR)));
}
