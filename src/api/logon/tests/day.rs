//! A day of twelve targets that share one account: how many passwords reach the vendor.

use super::*;

/// What happens besides the polls.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    /// Every hour, after the log-on of one of them has left and before its answer is noted.
    restarts: bool,
    /// Every ten minutes the configuration changes in one `url`.
    edits: bool,
    /// Every half an hour somebody looks.
    looks: bool,
    /// Every minute somebody releases.
    releases: bool,
    /// Hours at which the file gets lost.
    lost: &'static [u32],
    /// The clock goes back a year after three hours, to where it should have been.
    clock: bool,
}

/// The passwords of a day that were not taken; `verdict` is that of the vendor, by the hour.
async fn day(day: Day, verdict: impl Fn(u32) -> LogonVerdict) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let path = folder.path().join("rollcall.state");
    let secret = SecretText::new("good");
    let names: Vec<String> = (0..12).map(|i| format!("t{i}")).collect();
    // Who has a session, and until when: four hours after the log-on.
    let mut sessions = [None::<u32>; 12];
    let mut logons = Logons::beside(&path, Keeper::Daemon);
    let mut sent = Vec::new();
    let year = if day.clock { 365 * 24 * HOUR } else { Duration::ZERO };
    for minute in (0..24 * 60u32).step_by(5) {
        let hour = minute / 60;
        let elapsed = minute * MINUTE;
        let now = START.plus(elapsed + if hour < 3 { year } else { Duration::ZERO });
        if day.lost.contains(&hour) && minute % 60 == 30 {
            std::fs::remove_file(folder.path().join("rollcall.state.logons")).expect("it is there");
            (logons, sessions) = (Logons::beside(&path, Keeper::Daemon), [None; 12]);
        }
        if day.restarts && minute % 60 == 0 {
            (logons, sessions) = (Logons::beside(&path, Keeper::Daemon), [None; 12]);
        }
        if day.releases {
            let _ = logons.release("t3", now).await;
        }
        let edition = if day.edits { minute / 10 } else { 0 };
        let url = |i: usize| format!("https://host-{}.example", if i == 5 { edition } else { 0 });
        let looking = Logons::beside(&path, Keeper::Look);
        let look = (day.looks && minute % 30 == 0).then_some((&looking, 7));
        for (who, i) in (0..12).map(|i| (&logons, i)).chain(look) {
            if who.shared.keeper == Keeper::Daemon && sessions[i].is_some_and(|until| minute < until) {
                continue;
            }
            let verdict = verdict(hour);
            match try_log_on(who, &target(&names[i], &url(i)), &secret, now, verdict.clone()).await {
                Ok(_) if verdict == LogonVerdict::Accepted => sessions[i] = Some(minute + 240),
                Ok(_) => sent.push(elapsed),
                Err(_) => {}
            }
        }
    }
    sent
}

fn most_within(sent: &[Duration], span: Duration) -> usize {
    sent.iter()
        .enumerate()
        .map(|(i, from)| sent[i..].iter().take_while(|at| **at < *from + span).count())
        .max()
        .unwrap_or(0)
}

const ALL: Day = Day { restarts: true, edits: false, looks: true, releases: false, lost: &[], clock: false };

#[tokio::test]
async fn a_server_that_refuses_gets_a_few_passwords_a_day() {
    let sent = day(ALL, |_| refusal()).await;
    assert_eq!(sent, [0, 6, 12, 18].map(|hours| hours * HOUR));
}

#[tokio::test]
async fn a_server_that_begins_to_refuse_gets_a_few_passwords_and_one_that_takes_them_again_is_found_out() {
    let refuses = |hour: u32| if (6..23).contains(&hour) { refusal() } else { LogonVerdict::Accepted };
    let sent = day(ALL, refuses).await;
    // At the restart of 6 o'clock, a quarter of an hour and an hour later, and then every six hours.
    let minutes = [360, 375, 435, 795, 1155];
    assert_eq!(sent, minutes.map(|minutes| minutes * MINUTE));
}

#[tokio::test]
async fn a_server_that_proves_nothing_gets_one_an_hour() {
    let sent = day(ALL, |_| trouble()).await;
    assert!((25..=27).contains(&sent.len()), "{sent:?}");
    assert!(most_within(&sent, 15 * MINUTE) <= 3 && most_within(&sent, 30 * MINUTE) <= 4, "{sent:?}");
}

#[tokio::test]
async fn releases_edits_lost_files_and_a_clock_that_jumps_break_no_bound() {
    let day_of = |edits, releases, lost, clock| Day { edits, releases, lost, clock, ..ALL };
    for (what, most_refused, most_unproven) in [
        (day_of(true, true, &[], false), 2, 3),
        (day_of(false, false, &[], true), 2, 3),
        // A file that is lost is forgotten: it costs what a new daemon would.
        (day_of(false, false, &[2, 9, 20], false), 2, 4),
    ] {
        let refused = day(what, |_| refusal()).await;
        assert!(most_within(&refused, 15 * MINUTE) <= most_refused, "{what:?}: {refused:?}");
        let mixed = day(what, |hour| if hour % 2 == 0 { trouble() } else { refusal() }).await;
        assert!(most_within(&mixed, 15 * MINUTE) <= most_unproven, "{what:?}: {mixed:?}");
    }
}
