//! Hundreds of polls of every vendor while fleets change, incidents come and go and the configuration is loaded again and again:
//! what the daemon holds stays what it was. Everything takes a sixtieth of its time, so 500 polls are eight hours of a fleet.
//!
//! `tests/run endurance` is the long run, a quarter of an hour, and prints its table; a short one is among the ordinary tests.

use std::time::{Duration, Instant};

use rollcall_sim::{Incident, Options, ParallelsRas};
use rollcall_test_server::{Response, Server};

use super::{
    churn::Churn,
    table::{Row, Table},
};
use crate::support::{Config, Daemon, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, on_runtime};

/// How many times faster everything is.
const FACTOR: u32 = 60;

/// Seconds between two incidents; each lasts for half of that.
const INCIDENT_EVERY: u64 = 12;

/// Seconds between two reloads.
const RELOAD_EVERY: u64 = 5;

#[test]
fn twenty_polls_of_every_vendor_leave_nothing_behind() {
    endure(false, 20).assert_flat(0.25, 12_000.0);
}

#[test]
fn twenty_polls_of_every_vendor_leave_nothing_behind_where_the_daemon_pages() {
    endure(true, 20).assert_flat(0.25, 12_000.0);
}

#[test]
#[ignore = "tests/run endurance"]
fn five_hundred_polls_of_every_vendor_leave_nothing_behind() {
    endure(false, 500).assert_flat(0.10, 4_000.0);
}

#[test]
#[ignore = "tests/run endurance"]
fn five_hundred_polls_of_every_vendor_leave_nothing_behind_where_the_daemon_pages() {
    endure(true, 500).assert_flat(0.10, 4_000.0);
}

/// A daemon, what it polls, and whom it tells.
struct Run {
    sim: Sim,
    churn: Churn,
    /// Takes every alert.
    alertmanager: Server,
    folder: Folder,
    direct: bool,
    /// How often the password of the farm was changed.
    password: u32,
    /// How often a target came in the place of another one.
    generation: u32,
}

impl Run {
    fn new(direct: bool) -> Run {
        let sim = Sim::start(Options { agents: 200, speed: f64::from(FACTOR), ..Options::default() });
        let alertmanager = on_runtime(|| Server::http(|_| Response::status(200)));
        Run { sim, churn: Churn::start(), alertmanager, folder: Folder::new(), direct, password: 0, generation: 0 }
    }

    fn password(&self) -> String {
        match self.password {
            0 => ParallelsRas::PASSWORD.to_owned(),
            n => format!("renewed-{n}"),
        }
    }

    /// Every vendor, agents that come and go, and a target that does.
    fn write_config(&self) -> std::path::PathBuf {
        let mut config = Config::quick().head("state_file: rollcall.state");
        if self.direct {
            let url = self.alertmanager.url();
            config = config.head(&format!("alerting: {{ mode: direct, alertmanagers: [{{ url: '{url}' }}] }}"));
        }
        for vendor in VENDORS {
            let target = Target::of(vendor, vendor, &self.sim);
            config = config.target(match vendor {
                "parallels_ras" => target.auth_password(ParallelsRas::USERNAME, &self.password()),
                _ => target,
            });
        }
        let guest = Target::of("resilio", &format!("guest-{}", self.generation), &self.sim);
        config.target(self.churn.target()).target(guest).write(&self.folder)
    }

    /// What happens in this second.
    fn tick(&mut self, second: u64, daemon: &Daemon) {
        let incident = Incident::ALL[(second / INCIDENT_EVERY) as usize % Incident::ALL.len()];
        if second.is_multiple_of(INCIDENT_EVERY) {
            self.sim.world().begin(incident);
        } else if second % INCIDENT_EVERY == INCIDENT_EVERY / 2 {
            self.sim.world().end(incident);
            if incident == Incident::PasswordExpired {
                // Somebody sets a new one, there and here.
                self.password += 1;
                self.sim.set_secret("parallels_ras", &self.password());
                self.write_config();
                daemon.reload();
            }
        }
        if second % RELOAD_EVERY == RELOAD_EVERY - 1 {
            // Every other one changes something.
            self.generation += u32::from(second % (2 * RELOAD_EVERY) == RELOAD_EVERY - 1);
            self.write_config();
            daemon.reload();
        }
        // What it was told is of no interest.
        self.alertmanager.take();
        self.churn.forget();
    }
}

/// Lets every vendor be polled so often.
fn endure(direct: bool, polls: u64) -> Table {
    let mut run = Run::new(direct);
    let daemon = Daemon::logging_little(&run.write_config(), &["--time-scale", &FACTOR.to_string()]);
    daemon.wait_until_up(&VENDORS);
    let mut table = Table::new(polls);
    let (begun, mut second) = (Instant::now(), 0);
    // Incidents put polls off.
    let limit = WAIT_TIMEOUT + Duration::from_secs(6 * polls);
    loop {
        run.tick(second, &daemon);
        for path in ["/", "/api/v1/agents?limit=1000", "/config"] {
            assert_eq!(daemon.get(path).status, 200, "{path}");
        }
        if table.take(Row::of(&daemon), &VENDORS) {
            break;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}:\n{table}");
        second += 1;
        std::thread::sleep(Duration::from_secs(second).saturating_sub(begun.elapsed()));
    }
    println!("\n{} in {:.0?}:\n{table}", if direct { "The daemon pages" } else { "Prometheus pages" }, begun.elapsed());
    let exposition = daemon.scrape();
    assert_eq!(exposition.get("rollcall_panics_total", &[]), Some(0.0));
    assert_eq!(exposition.get("rollcall_config_last_reload_successful", &[]), Some(1.0));
    daemon.terminate();
    table
}
