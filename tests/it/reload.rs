//! A reload touches what changed and nothing else, and a bad configuration touches nothing.

use reqwest::StatusCode;
use rollcall_sim::ParallelsRas;

use crate::{
    program::rollcall,
    support::{Config, Daemon, Exposition, Folder, Sim, Target, VENDORS},
};

const LIFECYCLE: &[&str] = &["--web.enable-lifecycle"];

fn reload_ok(now: &Exposition) -> Option<f64> {
    now.get("rollcall_config_last_reload_successful", &[])
}

fn reload_time(now: &Exposition) -> f64 {
    now.get("rollcall_config_last_reload_success_timestamp_seconds", &[]).expect("it was loaded once")
}

/// In alphabetical order: that of the exposition depends on when which was polled last.
fn targets(now: &Exposition) -> Vec<String> {
    let infos = now.all("rollcall_target_info", &[]);
    let mut targets: Vec<String> = infos.iter().map(|sample| sample.label("target").to_owned()).collect();
    targets.sort();
    targets
}

#[test]
fn reload_over_http_is_off_unless_it_was_asked_for() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder);
    let daemon = Daemon::start(&config);
    let reply = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.text().contains("--web.enable-lifecycle"), "{}", reply.text());
    assert_eq!(daemon.log().matches("Configuration loaded.").count(), 1);
}

#[test]
fn targets_that_did_not_change_keep_session_data_and_counters_through_reloads() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let all = || Config::quick().targets(VENDORS.map(|vendor| Target::of(vendor, vendor, &sim)));
    let config = all().target(Target::resilio("goes", &sim, 2)).write(&folder);
    let daemon = Daemon::with_flags(&config, LIFECYCLE);
    let before = daemon.wait_until_up(&[&VENDORS[..], &["goes"]].concat());
    assert_eq!(reload_ok(&before), Some(1.0));
    let log_ons = || ["parallels_ras", "citrix_storefront"].map(|vendor| sim.secrets_seen(vendor));
    assert_eq!((log_ons(), sim.asked("resilio", "/filer-01/api/v3/token")), ([1, 1], 1));

    all().target(Target::resilio("comes", &sim, 3)).write(&folder);
    let reply = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    // At once, without a poll in between: the data of before are there, and the counters go on.
    let after = daemon.scrape();
    for vendor in VENDORS {
        assert!(!after.data(vendor).is_empty(), "{vendor} lost its data");
        let polls = |now: &Exposition| now.of(vendor, "rollcall_polls_total");
        assert!(polls(&after) >= polls(&before), "{vendor}");
        assert_eq!(after.of(vendor, "rollcall_target_up"), Some(1.0), "{vendor}");
    }
    let mut expected = [&VENDORS[..], &["comes"]].concat();
    expected.sort_unstable();
    assert_eq!(targets(&after), expected);
    assert!(!after.text.contains("target=\"goes\""), "a target that was removed is gone at once");
    assert!(reload_time(&after) > reload_time(&before));
    let since = |now: &Exposition| -> Vec<f64> {
        let all = now.all("rollcall_agent_health_since_timestamp_seconds", &[("target", "parallels_ras")]);
        all.iter().map(|sample| sample.value).collect()
    };
    assert_eq!(since(&after), since(&before));

    let polls = |now: &Exposition| VENDORS.map(|vendor| now.of(vendor, "rollcall_polls_total").unwrap_or(0.0));
    daemon.reload();
    let now = daemon.wait_for("everything is polled again", |now| {
        let enough = polls(now).iter().zip(polls(&after)).all(|(now, after)| *now >= after + 2.0);
        enough && now.of("comes", "rollcall_target_up") == Some(1.0)
    });
    assert!(VENDORS.iter().all(|vendor| now.failure(vendor).is_empty()));
    assert_eq!(log_ons(), [1, 1], "nobody logged on again");
    assert_eq!(sim.asked("resilio", "/filer-01/api/v3/token"), 1, "the agent's token is kept");
    let gone = sim.asked("resilio", "/filer-02/");
    daemon.wait_for("one more poll", |later| polls(later)[2] > polls(&now)[2] + 1.0);
    assert_eq!(sim.asked("resilio", "/filer-02/"), gone, "a target that was removed is not asked any more");
}

#[test]
fn a_target_whose_settings_changed_keeps_its_data_and_one_at_another_address_does_not() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = |filer, labels| {
        let target = Target::resilio("filer", &sim, filer).set("labels", labels);
        Config::quick().target(target).target(Target::ras("farm", &sim).set("labels", labels)).write(&folder)
    };
    let daemon = Daemon::start(&config(1, "{ site: zrh }"));
    let before = daemon.wait_until_up(&["filer", "farm"]);
    assert_eq!(before.all("rollcall_target_info", &[("site", "zrh")]).len(), 2);
    config(1, "{ site: gva }");
    daemon.reload();
    let now = daemon.scrape();
    assert_eq!(now.all("rollcall_target_info", &[("site", "gva")]).len(), 2);
    assert!(!now.data("filer").is_empty() && !now.data("farm").is_empty());
    assert!(now.of("filer", "rollcall_polls_total") >= before.of("filer", "rollcall_polls_total"));

    config(2, "{ site: gva }");
    daemon.reload();
    let agent = |now: &Exposition| {
        now.all("resilio_client_state", &[]).iter().map(|sample| sample.label("agent").to_owned()).collect::<Vec<_>>()
    };
    let now = daemon.scrape();
    assert!(agent(&now) != agent(&before), "what another server said: {:?}", agent(&now));
    let now = daemon.wait_until_up(&["filer"]);
    assert_eq!(agent(&now), ["FILER-02"]);
}

#[test]
fn a_bad_configuration_is_refused_with_every_error_and_changes_nothing() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer", &sim, 1));
    let daemon = Daemon::with_flags(&config.write(&folder), LIFECYCLE);
    let before = daemon.wait_until_up(&["filer"]);
    let good = daemon.get("/config").text().to_owned();

    folder.write(
        "rollcall.yml",
        "defaults: { interval: 1ms }\ntargets:\n  - name: filer\n    vendor: resilio\n    url: nowhere\n    tag: true\n",
    );
    let reply = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    for place in [
        "rollcall.yml:1:",
        "defaults.interval",
        "rollcall.yml:5:",
        "targets[0].url",
        "rollcall.yml:6:",
        "targets[0].tag",
    ] {
        assert!(reply.text().contains(place), "{place} in\n{}", reply.text());
    }
    let now = daemon.scrape();
    assert_eq!(reload_ok(&now), Some(0.0));
    assert_eq!(reload_time(&now), reload_time(&before));
    assert_eq!(daemon.get("/config").text(), good);
    let polls = before.of("filer", "rollcall_polls_total").expect("it was polled");
    daemon.wait_for("it is polled as before", |now| {
        now.of("filer", "rollcall_polls_total") >= Some(polls + 3.0)
            && now.of("filer", "rollcall_target_up") == Some(1.0)
    });

    daemon.reload();
    assert_eq!(reload_ok(&daemon.scrape()), Some(0.0), "SIGHUP reads the same file");
    daemon.wait_for_log(&["ERROR", "Configuration refused, the one before stays.", "targets[0].tag"]);

    config.write(&folder);
    daemon.reload();
    let now = daemon.scrape();
    assert_eq!(reload_ok(&now), Some(1.0));
    assert!(reload_time(&now) > reload_time(&before));
}

#[test]
fn a_certificate_that_cannot_be_used_refuses_the_whole_reload() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().target(Target::resilio("filer", &sim, 1));
    let daemon = Daemon::with_flags(&config.write(&folder), LIFECYCLE);
    daemon.wait_until_up(&["filer"]);
    folder.write("ca.pem", "no certificate\n");
    let other = Target::resilio("other", &sim, 2).set("http", "{ tls: { ca_file: ca.pem } }");
    config.target(other).write(&folder);
    let reply = daemon.request("POST", "/-/reload", &[]);
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(reply.text().contains("ca.pem"), "{}", reply.text());
    let now = daemon.scrape();
    assert_eq!((reload_ok(&now), targets(&now)), (Some(0.0), vec!["filer".to_owned()]));
    assert_eq!(now.of("filer", "rollcall_target_up"), Some(1.0));
}

#[test]
fn a_refused_reload_leaves_the_alerting_alone() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = |mode| {
        let alerting = format!("alerting: {{ mode: {mode}, alertmanagers: [{{ url: 'http://127.0.0.1:1' }}] }}");
        Config::quick().head(&alerting).target(Target::resilio("filer", &sim, 1))
    };
    let daemon = Daemon::with_flags(&config("direct").write(&folder), LIFECYCLE);
    let failed = |now: &Exposition| now.get("rollcall_notifications_failed_total", &[]);
    let before = daemon.wait_for("alerts cannot be delivered", |now| failed(now) >= Some(3.0));
    // Each of them is fine, and the key is that of another certificate.
    let [one, another] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["daemon".to_owned()]).expect("a name"));
    folder.write("cert.pem", &one.cert.pem());
    folder.write("key.pem", &another.signing_key.serialize_pem());
    let other = Target::resilio("other", &sim, 2).set("http", "{ tls: { cert_file: cert.pem, key_file: key.pem } }");
    config("off").target(other).write(&folder);
    let reply = daemon.request("POST", "/-/reload", &[]);
    assert!(reply.text().starts_with("target other: "), "{}", reply.text());
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    let now = daemon.scrape();
    assert!(failed(&now) >= failed(&before), "the queue of the Alertmanager goes on");
    assert_eq!(now.of("filer", "rollcall_direct_alerting_active"), Some(1.0));
}

#[test]
fn a_secret_file_that_changes_is_read_without_a_reload() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    folder.write("secrets/pat", &format!("  {}\n", rollcall_sim::AzureDevops::PAT));
    let target = Target::azure("builds", &sim).set("auth", "{ pat_file: secrets/pat }");
    let daemon = Daemon::start(&Config::quick().target(target).write(&folder));
    daemon.wait_until_up(&["builds"]);
    sim.set_secret("azure_devops", "rotated");
    daemon.wait_for("the old one is refused", |now| now.failure("builds") == "auth");
    folder.write("secrets/pat", "rotated\n");
    daemon.wait_until_up(&["builds"]);
}

#[test]
fn a_target_file_that_is_emptied_or_gone_takes_no_target_away() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let further_yaml =
        format!("targets:\n  - {{ name: filer, vendor: resilio, url: '{}/filer-01' }}\n", sim.url("resilio"));
    let further = folder.write("targets.d/filer.yml", &further_yaml);
    let config = Config::quick().head("target_files: ['targets.d/*.yml']").target(Target::azure("builds", &sim));
    let config = config.write(&folder);
    let daemon = Daemon::start(&config);
    daemon.wait_until_up(&["filer", "builds"]);
    let good = std::fs::read(&further).expect("it was written");
    let gone = || std::fs::remove_file(&further).expect("it is there");
    let dangling = || std::os::unix::fs::symlink("..data/filer.yml", &further).expect("links can be made");
    let breaks: [(&dyn Fn(), &str); 4] = [
        (&|| std::fs::write(&further, "").expect("it can be written"), "filer.yml:1:1: the file is empty"),
        (&|| std::fs::write(&further, "# targets:\n").expect("it can be written"), "filer.yml:1:1: the file is empty"),
        (&gone, "matches no file"),
        (&dangling, "filer.yml is a link to ..data/filer.yml, which is not there"),
    ];
    for (broken, message) in breaks {
        broken();
        daemon.reload();
        let now = daemon.scrape();
        assert_eq!(reload_ok(&now), Some(0.0), "{message}");
        assert_eq!(targets(&now), ["builds", "filer"], "{message}");
        assert!(!now.data("filer").is_empty(), "{message}");
        daemon.wait_for_log(&["Configuration refused", message]);
        let checked = rollcall(&["check", &config.display().to_string()]).expect(1);
        assert!(checked.err.contains(message), "{}", checked.err);
    }
    gone();
    std::fs::write(&further, good).expect("it can be written");
    daemon.reload();
    assert_eq!(reload_ok(&daemon.scrape()), Some(1.0));
}

#[test]
fn a_secret_file_that_is_missing_is_no_fault_of_the_daemon() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let farm = |name: &str, file: &str| Target::ras(name, &sim).auth_file(ParallelsRas::USERNAME, file);
    let config = Config::quick().target(farm("farm", "secrets/ras")).target(farm("other", "secrets/other"));
    let config = config.write(&folder);
    folder.write("secrets/other", ParallelsRas::PASSWORD);
    let daemon = Daemon::start(&config);
    let is_told = |daemon: &Daemon, name: &str, file: &str| {
        daemon.wait_for("the missing secret", |now| now.of(name, "rollcall_target_up") == Some(0.0));
        assert_eq!(daemon.scrape().failure(name), "auth");
        let line = daemon.wait_for_log(&["WARN", "Poll failed.", &format!("target={name}"), "reason=\"auth\""]);
        assert!(line.contains(&folder.file(file).display().to_string()), "{line}");
        assert!(line.contains("write the secret into it"), "{line}");
    };
    daemon.wait_for_log(&["WARN", "password_file: cannot read secret file"]);
    is_told(&daemon, "farm", "secrets/ras");
    daemon.wait_until_up(&["other"]);
    std::fs::remove_file(folder.file("secrets/other")).expect("it was written");
    is_told(&daemon, "other", "secrets/other");
    daemon.reload();
    assert_eq!(reload_ok(&daemon.scrape()), Some(1.0), "what is read at each use refuses no configuration");
    folder.write("secrets/ras", ParallelsRas::PASSWORD);
    folder.write("secrets/other", ParallelsRas::PASSWORD);
    let now = daemon.wait_until_up(&["farm", "other"]);
    assert_eq!((now.failures("farm", "internal"), now.of("farm", "rollcall_login_held")), (0.0, Some(0.0)));
}
