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

#[tokio::test]
async fn pages_with_nothing_but_a_button_are_acknowledged() {
    for pages in 1..=3 {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.store.set(|behaviour| behaviour.pages = (pages, false));
        let (result, seen) = bench.poll().await;
        result.expect("a poll");
        let acknowledged = seen.iter().filter(|seen| seen.path.contains("/Page/")).count();
        assert_eq!((log_ons(&seen), acknowledged), (1, pages), "{seen:#?}");
    }
}

#[tokio::test]
async fn a_page_that_wants_more_is_told_by_its_text_and_holds_nobody() {
    for pages in [(1, true), (2, true), (9, false)] {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.store.set(|behaviour| behaviour.pages = pages);
        for poll in 0..3 {
            let (result, seen) = bench.poll().await;
            let failure = result.expect_err("no token");
            assert_eq!(failure.reason, Reason::Auth, "{failure}");
            assert!(
                failure.message.contains(if pages.1 { "\"Maintenance on Sunday\"" } else { "more than 4 pages" }),
                "{failure}"
            );
            assert!(failure.message.contains("no log-on before") && !failure.message.contains("<Auth"), "{failure}");
            // A minute, then five.
            assert_eq!(log_ons(&seen), usize::from(poll < 2), "{seen:#?}");
        }
    }
}

#[tokio::test]
async fn tokens_with_odd_ends_do_not_cost_a_log_on_each_poll() {
    for ends in [
        "",
        "<lifetime>0.00:00:00</lifetime>",
        "<lifetime>-0.00:10:00</lifetime>",
        "<lifetime>P1D</lifetime>",
        "<expiry>1</expiry>",
        "<issued>2025-05-12T15:27:28Z</issued><expiry>2025-05-12T15:27:28Z</expiry>",
        "<issued>2025-05-12T15:27:28Z</issued><expiry>2024-05-12T15:27:28Z</expiry>",
        "<issued>2025-05-12T15:27:28Z</issued><expiry>9999-12-31T23:59:59Z</expiry>",
        "<issued>05/12/2025 15:27</issued><expiry>05/12/2025 15:28</expiry>",
        "<lifetime>10675199.02:48:05</lifetime>",
    ] {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.store.set(|behaviour| behaviour.ends = Some(ends));
        let mut sent = 0;
        for _ in 0..10 {
            let (result, seen) = bench.poll().await;
            result.unwrap_or_else(|failure| panic!("{ends}: {failure}"));
            sent += log_ons(&seen);
        }
        assert_eq!(sent, 1, "{ends}");
    }
}

#[tokio::test]
async fn tokens_that_are_never_taken_cost_few_log_ons() {
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.refuse_with = Some("expired"));
    let mut sent = 0;
    for _ in 0..60 {
        let (result, seen) = bench.poll().await;
        // Each poll begins without a token that worked.
        bench.store.expire(true);
        assert_eq!(result.expect_err("refused").reason, Reason::Auth);
        sent += log_ons(&seen);
    }
    assert!((4..=8).contains(&sent), "{sent}");
}

#[tokio::test]
async fn tokens_that_are_lost_are_got_anew_however_that_is_answered() {
    for status in [400, 403] {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.poll().await.0.expect("a poll");
        bench.store.set(|behaviour| behaviour.forgets_with = Some(status));
        bench.store.expire(true);
        for expected in [1, 0, 0] {
            let (result, seen) = bench.poll().await;
            result.expect("a poll");
            assert_eq!(log_ons(&seen), expected, "{status}: {seen:#?}");
        }
    }
}
