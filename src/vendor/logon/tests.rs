use super::*;
use crate::config::{
    Http,
    secret::Secret,
    target::{Login, ParallelsRas},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn target(name: &str, url: &str) -> Target {
    let secret = Secret::Inline(SecretText::new("unused"));
    Target {
        name: name.to_owned(),
        url: url.parse().expect("a valid URL"),
        interval: MINUTE,
        timeout: MINUTE,
        stale_after: 5 * MINUTE,
        max_response_size: 1 << 20,
        max_agents: 1000,
        http: Http::default(),
        labels: Vec::new(),
        expect: Vec::new(),
        health_overrides: Vec::new(),
        settings: VendorSettings::ParallelsRas(ParallelsRas {
            auth: Login { username: "monitor".to_owned(), password: secret },
            site_ids: Vec::new(),
            resolve_names: true,
            power_managed: Vec::new(),
        }),
    }
}

async fn refuse(logons: &Logons, target: &Target, secret: &SecretText, now: UnixTime) {
    let permit = logons.acquire(target, "monitor", secret, now).await.expect("not held");
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
    let failure = logons.acquire(&two, "monitor", &secret, now).await.expect_err("held for both");
    assert_eq!(failure.reason, Reason::Held);
    assert!(logons.hold_of("two").is_some());
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
async fn a_secret_that_worked_today_is_tried_sooner() {
    let (logons, secret, start) = (Logons::default(), SecretText::new("good"), UnixTime::from_secs(1_000_000));
    let one = target("one", "https://a.example");
    logons.acquire(&one, "monitor", &secret, start).await.expect("not held").accepted();
    let mut now = start.plus(23 * HOUR);
    for wait in [15 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR] {
        refuse(&logons, &one, &secret, now).await;
        assert!(held(&logons, &one, &secret, now.plus(wait - MINUTE)));
        now = now.plus(wait);
    }
    logons.acquire(&one, "monitor", &secret, now).await.expect("due").accepted();
    assert!(logons.hold_of("one").is_none());
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
    assert!(logons.hold_of("one").is_none());

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
    assert!(restarted.hold_of("one").is_some());
    assert!(held(&restarted, &one, &secret, now));
    assert!(!held(&restarted, &one, &SecretText::new("right"), now));
}

#[tokio::test(start_paused = true)]
async fn log_ons_of_one_identity_follow_each_other() {
    let (logons, secret, now) = (Logons::default(), SecretText::new("wrong"), UnixTime::from_secs(1_000_000));
    let (one, two) = (target("one", "https://a.example"), target("two", "https://b.example"));
    let permit = logons.acquire(&one, "monitor", &secret, now).await.expect("not held");
    let second = logons.acquire(&two, "monitor", &secret, now);
    tokio::pin!(second);
    assert!(tokio::time::timeout(MINUTE, &mut second).await.is_err(), "it waits for its turn");
    let _ = permit.refused("401");
    assert_eq!(second.await.expect_err("refused meanwhile").reason, Reason::Held);
}
