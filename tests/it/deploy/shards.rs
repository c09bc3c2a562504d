//! `--shard`: several daemons share the targets of one configuration.

use std::collections::BTreeMap;

use reqwest::StatusCode;

use crate::{
    program::rollcall,
    support::{Config, Daemon, Folder, Sim, Target},
};

#[test]
fn every_target_is_polled_by_exactly_one_shard() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let names: Vec<String> = (1..=6).map(|n| format!("filer-{n:02}")).collect();
    let filers = names.iter().map(|name| Target::resilio(name, &sim, 1));
    let config = Config::quick().targets(filers).target(Target::azure("builds", &sim)).write(&folder);
    let shards = ["0/3", "1/3", "2/3"].map(|shard| Daemon::with_flags(&config, &["--shard", shard]));

    let mut polled: BTreeMap<String, usize> = BTreeMap::new();
    for (index, shard) in shards.iter().enumerate() {
        let status: serde_json::Value = serde_json::from_slice(&shard.get("/api/v1/status").body).expect("JSON");
        assert_eq!(status["shard"], format!("{index}/3"));
        let all: serde_json::Value = serde_json::from_slice(&shard.get("/api/v1/targets").body).expect("JSON");
        for target in all["targets"].as_array().expect("a list") {
            *polled.entry(target["name"].as_str().expect("a name").to_owned()).or_default() += 1;
        }
        shard.wait_for("the shard is ready", |_| shard.get("/-/ready").status == StatusCode::OK);
        // One job scrapes all shards with the same parameters; what nobody has is an error everywhere.
        assert_eq!(shard.get("/metrics?target=filer-01&vendor=azure_devops").status, StatusCode::OK);
        assert_eq!(shard.get("/metrics?target=filer-99").status, StatusCode::BAD_REQUEST);
    }
    let expected: BTreeMap<String, usize> = names.into_iter().chain(["builds".into()]).map(|name| (name, 1)).collect();
    assert_eq!(polled, expected);
}

#[test]
fn a_shard_without_targets_is_ready_and_empty_until_a_reload_brings_one() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    // `filer-07` is in shard 2 of 3, `filer-08` in shard 0.
    let of = |names: &[&str]| Config::quick().targets(names.iter().map(|name| Target::resilio(name, &sim, 1)));
    let config = of(&["filer-07"]).write(&folder);
    let daemon = Daemon::with_environment(&config, &[], &[("ROLLCALL_SHARD", "0/3")]);
    assert_eq!(daemon.get("/-/ready").status, StatusCode::OK);
    assert!(!daemon.get("/metrics").text().contains("target=\""));
    of(&["filer-07", "filer-08"]).write(&folder);
    daemon.reload();
    let exposition = daemon.wait_until_up(&["filer-08"]);
    assert!(!exposition.text.contains("filer-07"));
}

#[test]
fn a_shard_that_cannot_be_is_a_bad_command_line() {
    let said = rollcall(&["serve", "--shard", "3/3"]).expect(2).err;
    assert!(said.contains("invalid value '3/3' for '--shard <I/N>': there is no shard \"3\" of 3"), "{said}");
}
