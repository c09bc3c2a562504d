//! When targets are polled, and how the daemon starts and stops.

use crate::support::{Config, Daemon, Folder, Sim, Target, VENDORS};

#[test]
fn every_vendor_is_up_within_seconds_and_a_stop_logs_off() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().targets(VENDORS.map(|vendor| Target::of(vendor, vendor, &sim)));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&VENDORS);
    assert_eq!(sim.parallels_ras().open_sessions(), 1);
    daemon.terminate();
    assert_eq!(sim.parallels_ras().open_sessions(), 0, "the RAS session was not logged off");
}
