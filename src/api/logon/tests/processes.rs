//! Several processes that share a state file, and what becomes of a log-on when one of them is killed.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A folder with a state file that nobody writes: only what stands beside it counts.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("the temporary folder can be written"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("rollcall.state")
    }

    fn daemon(&self) -> Logons {
        Logons::beside(&self.path(), Keeper::Daemon)
    }

    fn look(&self) -> Logons {
        Logons::beside(&self.path(), Keeper::Look)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0.path().join("rollcall.state.logons")).unwrap_or_default()
    }
}

/// A daemon or a look is killed when its password has left: nobody notes what became of it.
fn killed_while_it_waits(logons: Logons, one: Target, secret: SecretText, now: UnixTime) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let left = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        let Ok(permit) = logons.acquire(&one, "monitor", &secret, now, far()).await else { return };
        let (noted, leaves) = (Arc::clone(&left), Arc::new(Notify::new()));
        let exchange = {
            let leaves = Arc::clone(&leaves);
            |sent: SendTracker| async move {
                if sent.announce().await.is_ok() {
                    assert!(sent.mark_sent());
                    noted.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                leaves.notify_one();
                std::future::pending::<(LogonVerdict, ())>().await
            }
        };
        let poll = tokio::spawn(async move { permit.run_exchange(far(), exchange).await.is_ok() });
        leaves.notified().await;
        poll.abort();
    });
    // All tasks are dropped where they wait, as a kill would.
    drop(runtime);
    left.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn eight_kills_while_a_log_on_is_awaited_send_three_passwords_in_a_quarter_of_an_hour() {
    let (place, secret, one) = (Place::new(), SecretText::new("good"), target("one", "https://a.example"));
    let mut sent = Vec::new();
    for kill in 0..45u64 {
        let now = START.plus(kill as u32 * 20 * SECOND);
        if killed_while_it_waits(place.daemon(), one.clone(), secret.clone(), now) {
            sent.push(now.since(START));
        }
    }
    assert_eq!(sent, [0, 60, 360].map(Duration::from_secs));
    assert!(!place.text().contains("good"), "the secret is not written");
}

#[tokio::test]
async fn eight_looks_at_once_beside_a_daemon_send_one_password() {
    for verdict in [refusal(), trouble()] {
        let (place, secret, one) = (Place::new(), SecretText::new("wrong"), target("one", "https://a.example"));
        let daemon = place.daemon();
        let looks: Vec<Logons> = (0..8).map(|_| place.look()).chain([daemon.clone()]).collect();
        let all = looks.iter().map(|logons| try_log_on(logons, &one, &secret, START, verdict.clone()));
        let sent = futures_util::future::join_all(all).await.into_iter().filter(|ended| ended.is_ok()).count();
        assert_eq!(sent, 1, "{verdict:?}");
        // What a look has learnt the daemon knows at its next poll.
        let failure = daemon.acquire(&one, "monitor", &secret, START.plus(30 * SECOND), far()).await;
        let reason = if verdict == refusal() { Reason::Held } else { Reason::HttpStatus };
        assert_eq!(failure.expect_err("nothing is sent").reason, reason);
        assert_eq!(daemon.hold_of("one", START).is_some(), verdict == refusal());
    }
}

#[tokio::test]
async fn a_look_beside_a_daemon_with_a_session_sends_what_was_refused_once() {
    let (place, secret, one) = (Place::new(), SecretText::new("good"), target("one", "https://a.example"));
    let daemon = place.daemon();
    log_on(&daemon, &one, &secret, START).await;
    let mut sent = 0;
    for minute in 1..15u32 {
        let now = START.plus(minute * MINUTE);
        sent += usize::from(try_log_on(&place.look(), &one, &secret, now, refusal()).await.is_ok());
    }
    assert_eq!(sent, 1, "it had worked, so the next is after a quarter of an hour");
    // A look that is taken ends it for the daemon.
    let now = START.plus(16 * MINUTE);
    log_on(&place.look(), &one, &secret, now).await;
    log_on(&daemon, &one, &secret, now).await;
}

#[tokio::test]
async fn a_hold_survives_a_restart_without_its_secret_being_saved() {
    let (place, secret) = (Place::new(), SecretText::new("wrong-Kanarienvogel"));
    let one = target("one", "https://a.example");
    refuse(&place.daemon(), &one, &secret, START).await;
    assert!(!place.text().contains("Kanarienvogel"));
    let restarted = place.daemon();
    assert!(restarted.hold_of("one", START).is_some(), "before anybody asks");
    assert!(held(&restarted, &one, &secret, START).await);
    assert!(!held(&restarted, &one, &SecretText::new("right"), START).await);
    assert!(place.daemon().hold_of("one", START).is_none(), "it brings another one now");
}

#[tokio::test]
async fn a_clock_that_was_ahead_when_it_was_written_lengthens_nothing() {
    let (place, secret, one) = (Place::new(), SecretText::new("wrong"), target("one", "https://a.example"));
    refuse(&place.daemon(), &one, &secret, START.plus(365 * 24 * HOUR)).await;
    let mut due = None;
    for minute in 0..8 * 60u32 {
        let now = START.plus(minute * MINUTE);
        if due.is_none() && !held(&place.daemon(), &one, &secret, now).await {
            due = Some(minute);
        }
    }
    assert_eq!(due, Some(6 * 60));
}

#[tokio::test]
async fn two_replicas_with_files_of_their_own_send_twice_as_many() {
    let places = [Place::new(), Place::new()];
    let (secret, one) = (SecretText::new("wrong"), target("one", "https://a.example"));
    let replicas = places.each_ref().map(Place::daemon);
    let mut sent = 0;
    for minute in 0..15u32 {
        for replica in &replicas {
            let now = START.plus(minute * MINUTE);
            sent += usize::from(try_log_on(replica, &one, &secret, now, trouble()).await.is_ok());
        }
    }
    assert_eq!(sent, 6);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_sent_by_a_daemon_that_has_run_for_a_while_and_by_nobody_else() {
    let (place, secret, one) = (Place::new(), SecretText::new("good"), target("one", "https://a.example"));
    // Nobody writes through a folder, not even root.
    std::fs::create_dir(place.0.path().join("rollcall.state.logons.lock")).expect("a folder of ours");
    let failure = try_log_on(&place.look(), &one, &secret, START, LogonVerdict::Accepted).await.expect_err("not sent");
    assert!(failure.message.contains("must be written down first"), "{failure}");
    // A loop of restarts, each of them killed while it waits.
    let mut sent = Vec::new();
    for minute in 0..60u32 {
        let now = START.plus(minute * MINUTE);
        if try_log_on(&place.daemon(), &one, &secret, now, trouble()).await.is_ok() {
            sent.push(minute);
        }
    }
    assert_eq!(sent, [0u32; 0], "none runs for five minutes");
    let daemon = place.daemon();
    for minute in 0..40u32 {
        let now = START.plus(minute * MINUTE);
        if try_log_on(&daemon, &one, &secret, now, trouble()).await.is_ok() {
            sent.push(minute);
        }
        tokio::time::advance(MINUTE).await;
    }
    assert_eq!(sent, [5, 6, 11, 26], "and then as it remembers");
    // When the disk is back, what it remembers is written.
    std::fs::remove_dir(place.0.path().join("rollcall.state.logons.lock")).expect("it is empty");
    let now = START.plus(41 * MINUTE);
    assert!(daemon.acquire(&one, "monitor", &secret, now, far()).await.is_err());
    let restarted = place.daemon();
    assert!(restarted.acquire(&one, "monitor", &secret, now, far()).await.is_err());
    assert_eq!(restarted.next_logon("one", now), Some(START.plus(86 * MINUTE)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_verdicts_and_what_has_none_was_written_before() {
    let one = target("one", "https://a.example");
    for (takes, message) in [(SECOND, "401 Unauthorized"), (MINUTE, "no answer came")] {
        let (place, secret) = (Place::new(), SecretText::new("wrong"));
        let logons = place.daemon();
        let permit = logons.acquire(&one, "monitor", &secret, START, far()).await.expect("nothing waits");
        let poll = tokio::spawn(run_exchange(permit, 20 * SECOND, takes, refusal()));
        while !place.text().contains("monitor") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        poll.abort();
        let began = Instant::now();
        logons.close(began + 2 * SECOND).await;
        assert!(began.elapsed() <= 2 * SECOND);
        let failure = place.daemon().acquire(&one, "monitor", &secret, START, far()).await.expect_err("it waits");
        assert!(failure.message.contains(message), "{failure}");
    }
}

/// What an earlier version has written: a hold, by a bcrypt hash of "wrong".
fn of_an_earlier_version() -> Vec<saved::SavedIdentity> {
    let hash = saved::hash(&SecretText::new("wrong"), [7; 16]).expect("it can be hashed");
    let hold = serde_json::json!({
        "since": START, "refusals": 1, "retry_at": START.plus(6 * HOUR), "worked": false, "message": "401",
        "suspect": false, "targets": { "one": "https://a.example/ x" },
    });
    let row = |username: &str, secret: &str| {
        serde_json::json!({
            "vendor": "parallels_ras", "username": username, "secret_bcrypt": secret, "last_accepted": null, "hold": hold,
        })
    };
    let rows = serde_json::json!([row("Monitor", &hash), row("other", &hash)]);
    serde_json::from_value(rows).expect("as it was saved")
}

#[tokio::test]
async fn what_an_earlier_version_has_held_moves_to_the_file_and_is_known_by_its_secret() {
    let (place, one) = (Place::new(), target("two", "https://a.example"));
    let daemon = place.daemon();
    daemon.restore(of_an_earlier_version(), START);
    assert_eq!(daemon.save(), [], "nothing stays where it was");
    assert!(!held(&daemon, &one, &SecretText::new("right"), START).await);
    assert!(held(&daemon, &one, &SecretText::new("wrong"), START).await);
    let file = place.text();
    assert_eq!(file.matches("$2b$").count(), 1, "that of the other user: {file}");
    let restarted = place.daemon();
    restarted.restore(of_an_earlier_version(), START);
    assert_eq!(restarted.lock().len(), 2, "it moves once");
    assert!(held(&restarted, &one, &SecretText::new("wrong"), START).await);
}
