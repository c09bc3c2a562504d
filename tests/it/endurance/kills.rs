//! kill -9 at random moments, with alerts firing and a hold on: it always starts, no hold is lost, no page repeated.

use std::{fs, time::Duration};

use rollcall_sim::ParallelsRas;
use serde_json::Value;

use crate::{
    paging::site::Site,
    support::{Daemon, Target, WAIT_TIMEOUT, wait_until},
};

/// A daemon lives so long at most, from when it listens: state is written each second, and at once for what begins and ends.
const LONGEST_LIFE: u64 = 1500;

/// Every other kill is of one that has just been started: it takes some 300 ms until it listens.
const LONGEST_START: u64 = 500;

/// Numbers that look random. The seed is in the name of whatever fails.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn seed() -> u64 {
    let given = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).expect("the system has random numbers");
        u64::from_ne_bytes(seed)
    })
}

/// Kills a daemon so often. Its build pool is offline all the time, and the password of its farm was refused.
fn kill(times: u32) {
    let seed = seed();
    println!("PROPTEST_RNG_SEED={seed}");
    let mut random = Random(seed);
    let site = Site::new();
    let farm = Target::ras("farm", &site.sim).auth_password(ParallelsRas::USERNAME, "wrong");
    let mut daemon = site.pages_beside("one", farm);
    daemon.wait_until_up(&["builds"]);
    site.begin();
    site.wait_for("both are told", &[true]);
    site.wait_until_saved("one");
    wait_until("the hold is saved", WAIT_TIMEOUT, || {
        let logons = logons(&site);
        if is_held(&logons) { Ok(()) } else { Err(logons.to_string()) }
    });
    let mut kills = 0;
    while kills < times {
        std::thread::sleep(Duration::from_millis(random.below(LONGEST_LIFE)));
        if kills % 2 == 0 {
            daemon.kill_and_restart();
            kills += 1;
        } else {
            daemon.kill_twice_and_restart(Duration::from_millis(random.below(LONGEST_START)));
            kills += 2;
        }
        let logons = logons(&site);
        assert!(is_held(&logons), "after {kills} kills with seed {seed}: {logons}");
        assert_eq!(site.sim.secrets_seen("parallels_ras"), 1, "after {kills} kills with seed {seed}");
        site.stays(Duration::ZERO, &[true]);
    }
    let now = daemon.wait_until_up(&["builds"]);
    assert!(now.of("farm", "rollcall_login_held").is_some());
    daemon.wait_for("the farm is held", |now| now.of("farm", "rollcall_login_held") == Some(1.0));
    site.stays(Duration::from_secs(2), &[true]);
    no_remains(&site, &daemon);
    // The end is told once, too.
    site.end();
    site.wait_for("the ends are told", &[true, false]);
    assert_eq!(site.sim.secrets_seen("parallels_ras"), 1, "the refused password was sent once in all");
}

/// The file of log-ons, which is whole at any moment.
fn logons(site: &Site) -> Value {
    let file = site.state_file("one").with_file_name("one.state.logons");
    let text = fs::read_to_string(file).expect("it was written");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn is_held(logons: &Value) -> bool {
    let identities = logons["identities"].as_array().into_iter().flatten();
    identities.filter(|identity| !identity["hold"].is_null()).count() == 1
}

/// Nothing was set aside, and what killed writers have left is gone but for what is being written now.
#[track_caller]
fn no_remains(site: &Site, daemon: &Daemon) {
    let folder = site.state_file("one").with_file_name("");
    wait_until("nothing is left beside the state file", WAIT_TIMEOUT, || {
        let entries = fs::read_dir(&folder).expect("a folder of ours");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let ours = ["one.state", "one.state.lock", "one.state.logons", "one.state.logons.lock", "rollcall.yml"];
        if names == ours { Ok(()) } else { Err(format!("{names:?}")) }
    });
    assert!(!daemon.log().contains("damaged"), "{}", daemon.log());
}

#[test]
fn a_few_kills_lose_no_hold_and_repeat_no_page() {
    kill(5);
}

#[test]
#[ignore = "minutes: tests/run endurance"]
fn a_hundred_kills_lose_no_hold_and_repeat_no_page() {
    kill(100);
}
