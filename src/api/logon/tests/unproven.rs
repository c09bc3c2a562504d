//! Log-ons that prove nothing: how long they wait, and whom they do not keep waiting.

use super::*;

/// The moments at which a password leaves within these hours, asked for every ten seconds.
async fn times(hours: u32, mut try_it: impl AsyncFnMut(UnixTime) -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    for tenth in 0..hours * 360 {
        let now = START.plus(tenth * 10 * SECOND);
        if try_it(now).await {
            times.push(now.since(START));
        }
    }
    times
}

#[tokio::test]
async fn they_wait_one_five_and_fifteen_minutes_and_then_an_hour() {
    let (logons, secret, one) = (Logons::default(), SecretText::new("good"), target("one", "https://a.example"));
    let sent = times(4, async |now| try_log_on(&logons, &one, &secret, now, trouble()).await.is_ok()).await;
    assert_eq!(sent, [0, 1, 6, 21, 81, 141, 201].map(|minutes| minutes * MINUTE));
    let now = START.plus(202 * MINUTE);
    let failure = logons.acquire(&one, "monitor", &secret, now, far()).await.expect_err("it waits");
    assert_eq!((failure.reason, failure.retry_after), (Reason::HttpStatus, None));
    assert_eq!(logons.next_logon("one", now), Some(START.plus(261 * MINUTE)));
    assert!(logons.hold_of("one", now).is_none(), "it is no hold");
    assert!(failure.message.ends_with("proved nothing: POST /logon: 500"), "{failure}");
    // A new secret waits for nothing, and one that is taken ends the row.
    log_on(&logons, &one, &SecretText::new("new"), now).await;
    let now = START.plus(261 * MINUTE);
    log_on(&logons, &one, &secret, now).await;
    assert_eq!(logons.next_logon("one", now), None);
    let failure = try_log_on(&logons, &one, &secret, now, trouble()).await.expect("it may").expect("it failed");
    assert!(failure.message.contains(&format!("no log-on before {}", now.plus(MINUTE))), "{failure}");
}

#[tokio::test]
async fn no_more_than_three_leave_within_a_quarter_of_an_hour_whatever_happens_in_between() {
    // Taken at one server and not at the other, and refused now and then.
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let targets = ["good", "bad", "worse"].map(|name| target(name, "https://a.example"));
    let mut sent = Vec::new();
    for tenth in 0..6 * 360u32 {
        let now = START.plus(tenth * 10 * SECOND);
        let _ = try_log_on(&logons, &targets[0], &secret, now, LogonVerdict::Accepted).await;
        for bad in &targets[1..] {
            let verdict = if tenth % 700 == 3 { refusal() } else { trouble() };
            if try_log_on(&logons, bad, &secret, now, verdict).await.is_ok() {
                sent.push(now);
            }
            if tenth % 90 == 0 {
                let _ = logons.release(&bad.name, now).await;
            }
        }
    }
    assert!(sent.len() > 10, "{sent:?}");
    assert!(sent.windows(4).all(|four| four[3].since(four[0]) >= 15 * MINUTE), "{sent:?}");
}

#[tokio::test]
async fn a_server_in_trouble_keeps_its_neighbours_waiting_for_minutes_only() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let (good, bad) = (target("good", "https://a.example"), target("bad", "https://b.example"));
    let (mut waits, mut sent) = (Vec::new(), Vec::new());
    for minute in 0..240u32 {
        let now = START.plus(minute * MINUTE);
        if try_log_on(&logons, &bad, &secret, now, trouble()).await.is_ok() {
            sent.push(minute);
        }
        // It has to log on at every poll, and is asked for after the other one.
        if try_log_on(&logons, &good, &secret, now, LogonVerdict::Accepted).await.is_err() {
            waits.push(minute);
        }
    }
    // The bad one gives way first, and has waits of its own, which the good one does not end.
    assert_eq!(sent, [0, 2, 7, 22, 82, 142, 202]);
    // From the third on until a quarter of an hour is over nobody may send what could be a fourth.
    assert_eq!(waits, [0, 2, 7, 8, 9, 10, 11, 12, 13, 14, 22, 82, 142, 202]);
}

#[tokio::test]
async fn a_new_url_is_tried_at_once_and_a_release_too() {
    for what in ["url", "release"] {
        let (logons, secret) = (Logons::default(), SecretText::new("good"));
        let one = target("one", "https://a.example");
        for minutes in [0, 1, 6, 21] {
            let failure = try_log_on(&logons, &one, &secret, START.plus(minutes * MINUTE), trouble()).await;
            failure.expect("it may").expect("it failed");
        }
        let now = START.plus(30 * MINUTE);
        assert!(logons.acquire(&one, "monitor", &secret, now, far()).await.is_err());
        match what {
            "url" => log_on(&logons, &target("one", "https://right.example"), &secret, now).await,
            _ => {
                assert_eq!(logons.release("one", now).await, Released::Yes);
                log_on(&logons, &one, &secret, now).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_answered_waits_a_minute() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
    let _ = run_exchange(permit, 3 * SECOND, 10 * MINUTE, LogonVerdict::Accepted).await.expect_err("too slow");
    tokio::time::sleep(2 * MINUTE).await;
    let ended = START.plus(2 * MINUTE);
    let failure = logons.acquire(&one, "monitor", &secret, ended, far()).await.expect_err("it waits");
    assert_eq!(failure.reason, Reason::Timeout, "{failure}");
    assert!(logons.hold_of("one", ended).is_none());
    // A refusal that follows is one of a secret that never worked.
    let due = ended.plus(MINUTE);
    refuse(&logons, &one, &secret, due).await;
    assert!(held(&logons, &one, &secret, due.plus(6 * HOUR - MINUTE)).await);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_after_it_was_sent_waits_like_the_others() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let one = target("one", "https://a.example");
    let panics = |sent: SendTracker| async move {
        sent.announce().await.expect("it may be sent");
        assert!(sent.mark_sent());
        if sent.is_sent() {
            panic!("a bug");
        }
        (LogonVerdict::Accepted, ())
    };
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
    let failure: Failure = permit.run_exchange(far(), panics).await.expect_err("it panicked").into();
    assert_eq!(failure.reason, Reason::Internal);
    let failure = logons.acquire(&one, "monitor", &secret, START, far()).await.expect_err("it waits");
    assert_eq!(failure.reason, Reason::Internal, "{failure}");
}

#[tokio::test]
async fn what_the_server_said_is_told_without_the_secret() {
    let (logons, secret) = (Logons::default(), SecretText::new("Kanarienvogel"));
    let one = target("one", "https://a.example");
    let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
    let exchange = |sent: SendTracker| async move {
        sent.announce().await.expect("it may be sent");
        assert!(sent.mark_sent());
        sent.note_answer(&"Konto gesperrt:\u{1b}[2J\r\nKanarienvogel".into());
        (LogonVerdict::Unproven(Failure::new(Reason::HttpStatus, "POST /logon: 423 Kanarienvogel")), ())
    };
    let ((), failure) = permit.run_exchange(far(), exchange).await.expect("it ends");
    let words = r#"POST /logon: 423 <secret>, with the words "Konto gesperrt:\u{1b}[2J\r\n<secret>""#;
    assert!(failure.expect("it failed").message.starts_with(words));
    let failure = logons.acquire(&one, "monitor", &secret, START, far()).await.expect_err("it waits");
    assert!(failure.message.ends_with(words), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_aside_as_may_prove_nothing_run_side_by_side_and_the_others_wait_for_them() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let aside = |name: String, takes: Duration, verdict: LogonVerdict| {
        let (logons, secret) = (logons.clone(), secret.clone());
        tokio::spawn(async move {
            let target = target(&name, "https://a.example");
            let permit = logons.acquire_aside(&target, "monitor", &secret, START, Instant::now() + MINUTE).await?;
            run_exchange(permit, MINUTE, takes, verdict).await
        })
    };
    let begun = Instant::now();
    let all: Vec<_> = (0..12).map(|i| aside(format!("t{i}"), SECOND, LogonVerdict::Accepted)).collect();
    for one in all {
        assert_eq!(one.await.expect("no panic"), Ok(None), "nobody is kept from it");
    }
    assert_eq!(begun.elapsed(), 4 * SECOND, "three at a time");

    let all: Vec<_> = (0..12).map(|i| aside(format!("t{i}"), SECOND, trouble())).collect();
    let mut sent = 0;
    for one in all {
        sent += usize::from(one.await.expect("no panic").is_ok());
    }
    assert_eq!(sent, 3, "what nobody takes is sent three times, whoever asks");
}

#[tokio::test]
async fn a_request_aside_waits_for_its_own_failures_only() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let aside = async |name: &str, now: UnixTime, verdict: LogonVerdict| {
        let target = target(name, "https://a.example");
        let permit = logons.acquire_aside(&target, "monitor", &secret, now, far()).await?;
        permit.run_exchange(far(), answered(verdict)).await.map_err(Failure::from)
    };
    assert!(aside("bad", START, trouble()).await.is_ok());
    assert!(aside("bad", START, trouble()).await.is_err());
    assert!(aside("good", START, LogonVerdict::Accepted).await.is_ok());
    // A log-on is not kept waiting by what logs nobody on.
    log_on(&logons, &target("deep", "https://a.example"), &secret, START).await;
    assert!(aside("bad", START.plus(MINUTE), LogonVerdict::Accepted).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_answered_too_late_says_nothing_once_a_later_one_was_taken() {
    let (logons, secret) = (Logons::default(), SecretText::new("good"));
    let one = target("one", "https://a.example");
    let ask = async |now: UnixTime| logons.acquire_aside(&one, "monitor", &secret, now, Instant::now() + MINUTE).await;
    let permit = ask(START).await.expect("nothing waits");
    let slow = tokio::spawn(run_exchange(permit, SECOND, 90 * SECOND, trouble()));
    tokio::time::sleep(MINUTE).await;
    let permit = ask(START.plus(MINUTE)).await.expect("the wait is over");
    assert_eq!(permit.run_exchange(far(), answered(LogonVerdict::Accepted)).await, Ok(((), None)));
    assert!(slow.await.expect("no panic").is_err(), "nobody waited for it");
    tokio::time::sleep(MINUTE).await;
    let now = START.plus(2 * MINUTE);
    assert!(ask(now).await.is_ok(), "the server has answered since");
    assert_eq!(logons.next_logon("one", now), None);
}
