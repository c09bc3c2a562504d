//! Whether the machine keeps up with a replay: what takes seconds of a minute's length is lost by whoever is a minute late.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::support::ask;

/// Looks at the daemon as Prometheus does, all the time, until it is dropped.
pub struct Pace {
    worst: Arc<Mutex<f64>>,
    looking: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Pace {
    /// Of a daemon in a replay whose minutes are so long, with targets that are given up after `timeout`.
    pub fn of(daemon: &str, minute: Duration, timeout: Duration) -> Pace {
        let (url, worst) = (format!("{daemon}/metrics"), Arc::new(Mutex::new(0.0_f64)));
        let (stop, stopped) = mpsc::channel();
        let seen = Arc::clone(&worst);
        let thread = std::thread::spawn(move || {
            let mut last = Instant::now();
            while stopped.recv_timeout(minute) == Err(RecvTimeoutError::Timeout) {
                let poll = ask("GET", &url, &[]).map_or(0.0, |answer| slowest_poll(answer.text()));
                // How long the scrape took, and how late it was asked for.
                let scrape = last.elapsed().saturating_sub(minute);
                last = Instant::now();
                let share = scrape.div_duration_f64(minute).max(poll / timeout.as_secs_f64());
                let mut worst = seen.lock().expect("nothing panics with it");
                *worst = worst.max(share);
            }
        });
        Pace { worst, looking: Some((stop, thread)) }
    }

    /// What was seen at the worst: a scrape or a poll of a calm target, as a share of the time after which it is given up.
    pub fn worst(&self) -> f64 {
        *self.worst.lock().expect("nothing panics with it")
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.looking.take() {
            drop(stop);
            // What it panicked with was said.
            let _ = thread.join();
        }
    }
}

/// The longest last poll of a target of the calm fleet, in seconds. A deep probe takes its time on every machine.
fn slowest_poll(exposition: &str) -> f64 {
    let polls = exposition.lines().filter(|line| line.starts_with("rollcall_target_poll_duration_seconds{"));
    let calm = polls.filter(|line| line.contains("target=\"calm.") && !line.contains("-deep\""));
    calm.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, f64::max)
}

#[test]
fn the_slowest_poll_is_that_of_a_calm_target_and_no_deep_probe() {
    let line = |target: &str, seconds: f64| {
        format!("rollcall_target_poll_duration_seconds{{vendor=\"any\",target=\"{target}\"}} {seconds}\n")
    };
    let all =
        [("calm.builds", 0.25), ("calm.hq-farm", 0.5), ("calm.hq-session-deep", 4.0), ("rate-limited.builds", 3.0)];
    let text: String = all.map(|(target, seconds)| line(target, seconds)).concat();
    assert_eq!(slowest_poll(&text), 0.5);
}
