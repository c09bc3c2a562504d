//! Passwords and tokens: what is sent how often, and what ends a log-on.

use super::*;

#[tokio::test]
async fn a_refused_password_is_sent_once_and_then_held() {
    for protocol in ["ExplicitForms", "HttpBasic"] {
        let mut bench =
            Fixture::new(|settings, _| settings.auth.login.password = Secret::Inline(SecretText::new("wrong"))).await;
        bench.store.set(|behaviour| behaviour.protocols = vec![protocol]);
        let (result, seen) = bench.poll().await;
        assert_eq!((result.expect_err("refused").reason, log_ons(&seen)), (Reason::Auth, 1), "{protocol}");
        for _ in 0..3 {
            let (result, seen) = bench.poll().await;
            assert_eq!((result.expect_err("held").reason, seen.len()), (Reason::Held, 0), "{protocol}");
        }
    }
}

#[tokio::test]
async fn a_form_that_wants_another_password_or_a_passcode_ends_the_log_on() {
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.form_result = "update-credentials");
    let (result, seen) = bench.poll().await;
    assert_eq!((result.expect_err("refused").reason, log_ons(&seen)), (Reason::Auth, 0));
    assert_eq!(bench.poll().await.0.expect_err("held").reason, Reason::Held);
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.passcode = true);
    for _ in 0..2 {
        let (result, seen) = bench.poll().await;
        assert_eq!((result.expect_err("not filled in").reason, log_ons(&seen)), (Reason::Auth, 0));
    }
}

#[tokio::test]
async fn a_token_that_ends_in_a_poll_is_replaced_without_a_log_on() {
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.poll().await.0.expect("a poll");
    bench.store.expire(false);
    let (result, seen) = bench.poll().await;
    result.expect("a poll");
    assert_eq!((log_ons(&seen), count(&seen, "/token"), count(&seen, "/machinecontrol/list")), (0, 1, 2), "{seen:#?}");
    // The primary token ended too: one log-on.
    bench.store.expire(true);
    let (result, seen) = bench.poll().await;
    result.expect("a poll");
    assert_eq!(log_ons(&seen), 1, "{seen:#?}");
    // Tokens that have ended by our clock are not sent at all.
    bench.now = bench.now.plus(Duration::from_secs(3 * 3600));
    let (result, seen) = bench.poll().await;
    result.expect("a poll");
    assert_eq!((log_ons(&seen), seen.iter().filter(|seen| seen.status == 401).count()), (0, 0), "{seen:#?}");
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_fails_the_poll() {
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.refuse_with = Some("expired"));
    let (result, seen) = bench.poll().await;
    assert_eq!(result.expect_err("refused").reason, Reason::Auth);
    assert_eq!(log_ons(&seen), 1, "{seen:#?}");
    // Bare, with a token, and with a new one.
    assert_eq!(count(&seen, "/withoutautoprovision"), 3, "{seen:#?}");
}

#[tokio::test]
async fn a_challenge_may_say_that_the_password_is_bad() {
    for (reason, held) in [("badpassword", true), ("badaccount", true), ("nottrusted", false)] {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.store.set(|behaviour| behaviour.refuse_with = Some(reason));
        assert_eq!(bench.poll().await.0.expect_err("refused").reason, Reason::Auth, "{reason}");
        let (result, seen) = bench.poll().await;
        let expected = if held { Reason::Held } else { Reason::Auth };
        assert_eq!((result.expect_err("again").reason, log_ons(&seen)), (expected, 0), "{reason}");
        assert_eq!(seen.is_empty(), held, "{reason}");
    }
}

#[tokio::test]
async fn a_changed_secret_drops_all_tokens() {
    let file = std::env::temp_dir().join(format!("rollcall-citrix-{}", request::transaction_id()));
    std::fs::write(&file, PASSWORD).expect("a temporary file");
    let mut bench = Fixture::new(|settings, _| settings.auth.login.password = Secret::File(file.clone())).await;
    bench.poll().await.0.expect("a poll");
    std::fs::write(&file, "wrong").expect("a temporary file");
    let (result, seen) = bench.poll().await;
    assert_eq!((result.expect_err("refused").reason, log_ons(&seen)), (Reason::Auth, 1));
    assert_eq!(bench.poll().await.0.expect_err("held").reason, Reason::Held);
    std::fs::write(&file, PASSWORD).expect("a temporary file");
    let (result, seen) = bench.poll().await;
    result.expect("a poll");
    assert_eq!(log_ons(&seen), 1);
    std::fs::remove_file(&file).expect("a temporary file");
}
