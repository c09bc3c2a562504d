mod day;
mod processes;
mod unproven;
mod vendors;

use super::*;
use crate::{
    config::{
        VendorSettings,
        secret::Secret,
        target::{Login, ParallelsRas},
    },
    http::SendTracker,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const START: UnixTime = UnixTime::from_secs(1_768_464_000);

fn target(name: &str, url: &str) -> Target {
    let secret = Secret::Inline(SecretText::new("unused"));
    let settings = ParallelsRas {
        auth: Login { username: "monitor".to_owned(), password: secret },
        site_ids: Vec::new(),
        resolve_names: true,
        power_managed: Vec::new(),
        load: false,
        license: false,
        host_pools: false,
    };
    Target { name: name.to_owned(), ..Target::sample(url, VendorSettings::ParallelsRas(settings)) }
}

/// A deadline that no test meets.
fn far() -> Instant {
    Instant::now() + HOUR
}

/// What a vendor answers to a password that reaches it.
fn answered(
    verdict: LogonVerdict,
) -> impl FnOnce(SendTracker) -> futures_util::future::BoxFuture<'static, (LogonVerdict, ())> {
    |sent| {
        Box::pin(async move {
            match sent.announce().await {
                Err(failure) => (LogonVerdict::Unproven(failure), ()),
                Ok(()) => {
                    assert!(sent.mark_sent());
                    (verdict, ())
                }
            }
        })
    }
}

/// Logs on; `Err`: nothing was sent.
async fn try_log_on(
    logons: &Logons,
    target: &Target,
    secret: &SecretText,
    now: UnixTime,
    verdict: LogonVerdict,
) -> Result<Option<Failure>, Failure> {
    let permit = logons.acquire(target, "monitor", secret, now, far()).await?;
    permit.run_exchange(far(), answered(verdict)).await.map(|((), failure)| failure).map_err(Failure::from)
}

async fn log_on(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) {
    assert_eq!(try_log_on(logons, target, secret, now, LogonVerdict::Accepted).await, Ok(None));
}

async fn refuse(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) {
    let failure = try_log_on(logons, target, secret, now, refusal()).await.expect("not held").expect("refused");
    assert_eq!(failure.reason, Reason::Auth);
}

fn refusal() -> LogonVerdict {
    LogonVerdict::Refused("401 Unauthorized".to_owned())
}

fn trouble() -> LogonVerdict {
    LogonVerdict::Unproven(Failure::new(Reason::HttpStatus, "POST /logon: 500"))
}

/// Whether a log-on would not be sent because the identity is held.
async fn held(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) -> bool {
    match logons.acquire(target, "monitor", secret, now, far()).await {
        Ok(_) => false,
        Err(failure) => {
            assert_eq!(failure.reason, Reason::Held, "{failure}");
            true
        }
    }
}

#[tokio::test]
async fn a_refused_secret_holds_every_target_that_brings_it() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    refuse(&logons, &one, &secret, START).await;
    assert!(held(&logons, &one, &secret, START).await);
    let failure = logons.acquire(&two, "monitor", &secret, START, far()).await.expect_err("held for both");
    assert_eq!(failure.reason, Reason::Held);
    assert!(logons.hold_of("two", START).is_some());
    assert_eq!(logons.next_logon("two", START), Some(START.plus(6 * HOUR)));
    assert!(!failure.message.contains("wrong"));
}

#[tokio::test]
async fn a_secret_that_never_worked_is_tried_every_six_hours() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, START).await;
    assert!(held(&logons, &one, &secret, START.plus(6 * HOUR - MINUTE)).await);
    refuse(&logons, &one, &secret, START.plus(6 * HOUR)).await;
    assert!(held(&logons, &one, &secret, START.plus(12 * HOUR - MINUTE)).await);
    assert!(!held(&logons, &one, &secret, START.plus(12 * HOUR)).await);
}

#[tokio::test]
async fn a_secret_that_worked_today_is_tried_sooner() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let one = target("one", "https://a.example");
    log_on(&logons, &one, &secret, START).await;
    let mut now = START.plus(23 * HOUR);
    for wait in [15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR] {
        refuse(&logons, &one, &secret, now).await;
        assert!(held(&logons, &one, &secret, now.plus(wait - MINUTE)).await);
        now = now.plus(wait);
    }
    log_on(&logons, &one, &secret, now).await;
    assert!(logons.hold_of("one", now).is_none());
}

#[tokio::test]
async fn nobody_is_denied_while_a_log_on_of_the_identity_is_under_way() {
    let (logons, secret) = (Logons::default(), SecretText::new("right"));
    let (one, other) = (target("one", "https://a.example"), target("other", "https://b.example"));
    let (answer, answered) = tokio::sync::oneshot::channel::<LogonVerdict>();
    let (left, has_left) = tokio::sync::oneshot::channel();
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing is in the way");
    let exchange = permit.run_exchange(far(), |sent: SendTracker| async move {
        sent.announce().await.expect("it may leave");
        assert!(sent.mark_sent());
        left.send(()).expect("somebody waits");
        (answered.await.expect("an answer"), ())
    });
    let look = async {
        has_left.await.expect("it leaves");
        assert_eq!(logons.denied(&other, "monitor", &secret, START).await, None);
        answer.send(trouble()).expect("it is awaited");
    };
    let (_, ()) = tokio::join!(exchange, look);
    let denied = logons.denied(&other, "monitor", &secret, START).await.expect("it proved nothing");
    assert_eq!(denied.reason, Reason::HttpStatus);
}

#[tokio::test]
async fn a_release_allows_one_log_on_in_a_quarter_of_an_hour_and_the_next_refusal_counts_on() {
    let (logons, secret) = (Logons::default(), SecretText::new("right"));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    assert_eq!(logons.release("one", START).await, Released::NotWaiting, "nothing is held yet");
    refuse(&logons, &one, &secret, START).await;
    assert!(held(&logons, &two, &secret, START).await);
    assert_eq!(logons.release("three", START).await, Released::NotWaiting);
    let released = START.plus(MINUTE);
    assert_eq!(logons.release("two", released).await, Released::Yes, "it shares the account");
    refuse(&logons, &one, &secret, released).await;
    assert!(held(&logons, &two, &secret, released.plus(MINUTE)).await, "one try, not one for each target");
    assert_eq!(logons.hold_of("one", released).map(|hold| hold.refusals), Some(2));
    for minutes in 0..15 {
        let now = released.plus(minutes * MINUTE);
        assert_eq!(logons.release("one", now).await, Released::NotBefore(released.plus(15 * MINUTE)));
    }
    let now = released.plus(15 * MINUTE);
    assert_eq!(logons.release("one", now).await, Released::Yes);
    log_on(&logons, &one, &secret, now).await;
    assert!(!held(&logons, &two, &secret, now).await);
}

#[tokio::test]
async fn a_new_secret_or_a_new_url_ends_the_hold_and_nothing_else_does() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, START).await;
    let mut edited = one.clone();
    edited.interval = 2 * MINUTE;
    assert!(held(&logons, &edited, &secret, START).await);
    assert!(!held(&logons, &one, &SecretText::new("right"), START).await);
    assert!(logons.hold_of("one", START).is_none());
    assert!(!held(&logons, &target("one", "https://b.example"), &secret, START).await);
}

#[tokio::test]
async fn whatever_ends_a_hold_two_refused_passwords_leave_within_a_quarter_of_an_hour() {
    let urls = |minute: u64| target("one", &format!("https://host-{minute}.example"));
    let one = || target("one", "https://a.example");
    for what in ["url", "secret and back", "release"] {
        let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
        let mut sent = Vec::new();
        for second in (0..2 * 3600u32).step_by(20) {
            let now = START.plus(second * SECOND);
            let target = if what == "url" { urls(u64::from(second)) } else { one() };
            match what {
                "release" => _ = logons.release("one", now).await,
                "secret and back" => _ = held(&logons, &target, &SecretText::new("another"), now).await,
                _ => {}
            }
            if try_log_on(&logons, &target, &secret, now, refusal()).await.is_ok() {
                sent.push(now);
            }
        }
        // Again and again: whoever mends something need not wait for hours.
        assert!((8..=9).contains(&sent.len()), "{what}: {sent:?}");
        assert!(sent.windows(3).all(|three| three[2].since(three[0]) >= 15 * MINUTE), "{what}: {sent:?}");
    }
}

#[tokio::test]
async fn case_and_space_around_a_user_name_make_no_other_identity() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, START).await;
    for (name, held) in [("MONITOR", true), (" Monitor\t", true), ("monitor2", false)] {
        let acquired = logons.acquire(&target(name, "https://b.example"), name, &secret, START, far()).await;
        assert_eq!(acquired.is_err(), held, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn log_ons_of_one_identity_follow_each_other() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("not held");
    let second = logons.acquire(&two, "monitor", &secret, START, far());
    tokio::pin!(second);
    assert!(tokio::time::timeout(MINUTE, &mut second).await.is_err(), "it waits for its turn");
    let _ = permit.run_exchange(far(), answered(refusal())).await;
    assert_eq!(second.await.expect_err("refused meanwhile").reason, Reason::Held);
}

/// Logs on at a vendor that answers after `takes`.
async fn run_exchange(
    permit: Permit,
    limit: Duration,
    takes: Duration,
    verdict: LogonVerdict,
) -> Result<Option<Failure>, Failure> {
    let exchange = move |sent: SendTracker| async move {
        sent.announce().await.expect("it may be sent");
        assert!(sent.mark_sent());
        let answer = async {
            tokio::time::sleep(takes).await;
            verdict
        };
        let silence = LogonVerdict::Unproven(Failure::new(Reason::Timeout, "POST /logon: no complete answer"));
        (tokio::time::timeout_at(sent.until(), answer).await.unwrap_or(silence), ())
    };
    let ended = permit.run_exchange(Instant::now() + limit, exchange).await;
    ended.map(|((), refused)| refused).map_err(Failure::from)
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_cancelled_poll_is_noted() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("not held");
    let poll = tokio::spawn(run_exchange(permit, 20 * SECOND, 5 * SECOND, refusal()));
    tokio::time::sleep(SECOND).await;
    poll.abort();
    // The next poll, of the edited target.
    let mut edited = one.clone();
    edited.interval = 2 * MINUTE;
    let failure = logons.acquire(&edited, "monitor", &secret, START, far()).await.expect_err("refused meanwhile");
    assert_eq!(failure.reason, Reason::Held);
    assert!(failure.message.contains("401 Unauthorized"), "{failure}");
    tokio::time::timeout(SECOND, logons.changed()).await.expect("whoever shows it is told");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_after_the_poll_is_noted() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("not held");
    let failure = run_exchange(permit, 3 * SECOND, MINUTE, refusal()).await.expect_err("too slow");
    assert_eq!(failure.reason, Reason::Timeout);
    let next = logons.acquire(&one, "monitor", &secret, START, far());
    assert!(tokio::time::timeout(3 * SECOND, next).await.is_err(), "the turn is taken");
    tokio::time::sleep(MINUTE).await;
    assert!(held(&logons, &one, &secret, START.plus(6 * HOUR)).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_by_the_deadline_is_never_sent_nor_counted() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let one = target("one", "https://a.example");
    for announces in [false, true] {
        let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
        let (kept, sent) = tokio::sync::oneshot::channel();
        let exchange = move |sent: SendTracker| async move {
            if announces {
                sent.announce().await.expect("it may be sent");
            }
            kept.send(sent).expect("somebody waits");
            std::future::pending::<(LogonVerdict, ())>().await
        };
        let failure = permit.run_exchange(Instant::now() + SECOND, exchange).await.expect_err("no connection");
        assert_eq!(Failure::from(failure).reason, Reason::Timeout);
        tokio::time::sleep(SECOND).await;
        assert!(!sent.await.expect("it began").mark_sent());
    }
    let unreachable = LogonVerdict::Unproven(Failure::new(Reason::Dns, "no such host"));
    for _ in 0..10 {
        let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
        let unreachable = unreachable.clone();
        let exchange = |sent: SendTracker| async move {
            sent.announce().await.expect("it may be sent");
            (unreachable, ())
        };
        let ended = permit.run_exchange(far(), exchange).await;
        assert_eq!(ended, Ok(((), None)));
    }
    log_on(&logons, &one, &secret, START).await;
}

#[tokio::test(start_paused = true)]
async fn credentials_that_may_leave_do_so_once() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let permit = logons.acquire(&target("one", "https://a.example"), "monitor", &secret, START, far()).await;
    let exchange = |sent: SendTracker| async move {
        sent.announce().await.expect("it may be sent");
        let again = sent.announce().await.expect_err("it is sent already");
        (LogonVerdict::Unproven(again), ())
    };
    permit.expect("nothing waits").run_exchange(far(), exchange).await.expect("it ends");
}

#[tokio::test]
async fn a_hold_whose_next_try_is_due_keeps_nobody() {
    let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
    let one = target("one", "https://a.example");
    refuse(&logons, &one, &secret, START).await;
    assert!(logons.hold_of("one", START.plus(6 * HOUR - MINUTE)).is_some());
    let due = START.plus(6 * HOUR);
    assert!(logons.hold_of("one", due).is_none(), "requests are sent");
    refuse(&logons, &one, &secret, due.plus(HOUR)).await;
    assert!(logons.hold_of("one", due.plus(HOUR)).is_some());
}

#[tokio::test]
async fn identities_that_nobody_brings_are_forgotten() {
    let logons = Logons::default();
    let (one, two) = (target("one", "https://a.example"), target("two", "https://a.example"));
    refuse(&logons, &two, &SecretText::new("held"), START).await;
    for day in 0..5u32 {
        let now = START.plus(day * 24 * HOUR);
        log_on(&logons, &one, &SecretText::new(format!("day-{day}")), now).await;
        assert!(logons.lock().len() <= 3);
    }
    assert!(logons.hold_of("two", START.plus(HOUR)).is_some());
}

#[tokio::test]
async fn a_clock_that_was_ahead_lengthens_nothing() {
    let year = 365 * 24 * HOUR;
    let one = target("one", "https://a.example");
    for (verdict, longest) in [(refusal(), 6 * HOUR), (trouble(), MINUTE)] {
        let (logons, secret) = (Logons::default(), SecretText::new("wrong"));
        let _ = try_log_on(&logons, &one, &secret, START.plus(year), verdict.clone()).await;
        let now = START;
        assert!(logons.acquire(&one, "monitor", &secret, now, far()).await.is_err());
        assert!(logons.acquire(&one, "monitor", &secret, now.plus(longest - SECOND), far()).await.is_err());
        assert!(logons.acquire(&one, "monitor", &secret, now.plus(longest), far()).await.is_ok(), "{verdict:?}");
    }
    // Nor does it shorten what had worked: a refusal is tried again after 15 minutes.
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    log_on(&logons, &one, &secret, START.plus(year)).await;
    refuse(&logons, &one, &secret, START).await;
    assert!(held(&logons, &one, &secret, START.plus(14 * MINUTE)).await);
    assert!(!held(&logons, &one, &secret, START.plus(15 * MINUTE)).await);
}
