//! The configuration of a fleet that lives many times faster, and is polled accordingly.

use std::{fmt::Write as _, time::Duration};

/// What the simulated clock of a fast fleet shows at the start: 8 o'clock of a day. What fleets do by themselves follows the
/// clock.
pub const MORNING: Duration = Duration::from_secs(1_768_464_000);

/// The times of all targets but deep probes, this many times faster: polled every two minutes, given up after three.
pub fn quick_defaults(factor: u32) -> String {
    let [interval, timeout, stale_after] = [2, 3, 7].map(|minutes| minutes * 60 / factor);
    format!("defaults: {{ interval: {interval}s, timeout: {timeout}s, stale_after: {stale_after}s }}\n")
}

/// Targets of the simulation, as its configuration has them, with the times of such a fleet: a deep probe every fifteen
/// minutes.
pub fn quick_target(target: &str, factor: u32) -> String {
    let seconds = |minutes: u32| minutes * 60 / factor;
    let mut out = String::new();
    for line in target.lines() {
        let line = match line.trim() {
            "interval: 15m" => {
                let (interval, timeout, stale_after) = (seconds(15), seconds(6), seconds(40));
                format!("    interval: {interval}s\n    timeout: {timeout}s\n    stale_after: {stale_after}s")
            }
            "interval: 10s" => continue,
            "prime_timeout: 60s" => format!("      prime_timeout: {}s", seconds(5)),
            "enumerate_interval: 30s" => format!("    enumerate_interval: {}s", seconds(10)),
            // The lists would use up the budget of requests, which is not scaled.
            "vendor: parallels_ras" => "    vendor: parallels_ras\n    resolve_names: false".to_owned(),
            _ => line.to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    out
}
