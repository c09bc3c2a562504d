//! Every metric of section 5 of `deploy/docs/reference.md` appears, in the healthy demo or under an incident, with exactly
//! its labels.

use std::{collections::BTreeSet, time::Duration};

use rollcall_sim::Incident;

use super::{compare::TruthFixture, consistent::every_series_is_as_in_the_contract, fleet};
use crate::{
    catalogue::CONTRACT,
    support::{Alertmanager, Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT, frozen, wait_until},
    tls::TlsProxy,
};

#[test]
fn every_metric_of_the_contract_appears() {
    let mut seen = healthy();
    seen.extend(broken());
    seen.extend(running_out());
    seen.extend(limited());
    seen.extend(scale_set());
    seen.extend(configured());
    seen.extend(paging());
    let all: BTreeSet<&str> = CONTRACT.iter().map(|row| row.0).collect();
    let missing: Vec<&&str> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The demo as it starts.
fn healthy() -> BTreeSet<&'static str> {
    let demo = Daemon::demo(&[]);
    let mut seen = every_series_is_as_in_the_contract(&demo.wait_until_all_up());
    // What tells of trouble or needs more than the demo has.
    let rest = [
        "azure_devops_elastic_pool_offline_since_timestamp_seconds",
        "azure_devops_rate_limit",
        "azure_devops_rate_limit_delay_seconds",
        "azure_devops_rate_limit_remaining",
        "azure_devops_rate_limit_reset_timestamp_seconds",
        "parallels_ras_license_grace_days_left",
        "parallels_ras_session_probe_error",
        "resilio_console_error",
        "rollcall_alerts",
        "rollcall_login_next_attempt_timestamp_seconds",
        "rollcall_notification_duration_seconds",
        "rollcall_notifications_dropped_total",
        "rollcall_notifications_failed_total",
        "rollcall_notifications_last_success_timestamp_seconds",
        "rollcall_notifications_queue_length",
        "rollcall_notifications_sent_total",
        "rollcall_pool_min_serving",
        "rollcall_target_failure",
        "rollcall_tls_certificate_not_after_timestamp_seconds",
        "rollcall_web_config_last_reload_successful",
    ];
    // Not at every moment a job waits for an agent.
    wait_until("all others are in the healthy demo", WAIT_TIMEOUT, || {
        seen.extend(every_series_is_as_in_the_contract(&demo.scrape()));
        let missing: BTreeSet<&str> =
            CONTRACT.iter().map(|row| row.0).filter(|name| !seen.contains(name) && !rest.contains(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    });
    seen
}

/// The demo with incidents that begin at once.
fn broken() -> BTreeSet<&'static str> {
    let incidents = ["gateway-lost", "vendor-api-down", "password-expired", "disk-full"];
    let incidents = incidents.into_iter().flat_map(|name| ["--incident", name]).collect::<Vec<_>>();
    let demo = Daemon::demo(&[&incidents[..], &["--incident.delay", "0s"]].concat());
    let exposition = wait_until("the incidents show", WAIT_TIMEOUT, || {
        let exposition = demo.scrape();
        let failing = ["hq-farm", "builds", "desktops"].map(|target| exposition.failure(target));
        let errors = exposition.all("parallels_ras_session_probe_error", &[("verdict", "endpoint")]);
        let full = exposition.all("resilio_console_error", &[("code", "10200")]);
        let shown = !errors.is_empty() && !full.is_empty() && failing.iter().all(|reason| !reason.is_empty());
        if shown {
            Ok(exposition.clone())
        } else {
            Err(format!("{failing:?}\n{}", exposition.about("hq-session-light")))
        }
    });
    assert_eq!(exposition.failure("builds"), "http_status");
    assert_eq!(exposition.of("hq-farm", "rollcall_login_held"), Some(1.0));
    every_series_is_as_in_the_contract(&exposition)
}

/// A farm whose license is about to end.
fn running_out() -> BTreeSet<&'static str> {
    let demo = Daemon::demo(&["--incident", "license-running-out", "--incident.delay", "0s"]);
    let exposition =
        demo.wait_for("days of grace", |now| now.of("hq-farm", "parallels_ras_license_grace_days_left") == Some(14.0));
    every_series_is_as_in_the_contract(&exposition)
}

/// The rate limit of Azure DevOps while it delays.
fn limited() -> BTreeSet<&'static str> {
    let fixture = TruthFixture::without_deep(fleet(20, 1));
    fixture.sim.world().begin(Incident::RateLimited);
    fixture.sim.world().advance(Duration::from_secs(70));
    every_series_is_as_in_the_contract(&fixture.wait_for_truth("a delay of 1.25 s is told"))
}

/// A scale set that is not online.
fn scale_set() -> BTreeSet<&'static str> {
    let fixture = TruthFixture::polling(Sim::start(fleet(60, 1)), |target| target == "builds");
    fixture.sim.world().begin(Incident::ScaleSetBroken);
    every_series_is_as_in_the_contract(&fixture.wait_for_truth("a scale set is broken"))
}

/// Settings that the demo does not have: an expectation, a label, TLS.
fn configured() -> BTreeSet<&'static str> {
    let sim = Sim::start(frozen());
    let folder = Folder::new();
    let proxy = TlsProxy::of(sim.address("azure_devops"));
    folder.write("ca.pem", &proxy.certificate);
    let target = Target::azure("builds", &sim)
        .set("url", &format!("https://{}/contoso", proxy.address))
        .set("http", "{ tls: { ca_file: ca.pem } }")
        .set("labels", "{ site: zrh }")
        .set("expect", "[{ pool: \"linux-*\", min_serving: 3 }, { pool: gone, min_serving: 2 }]");
    let web = folder.write("web.yml", "http_server_config: { headers: { X-Frame-Options: deny } }\n");
    let flags = ["--web.config.file", web.to_str().expect("a plain name")];
    let daemon = Daemon::with_flags(&Config::quick().target(target).write(&folder), &flags);
    let exposition = daemon.wait_until_up(&["builds"]);
    let (gone, expected): (Vec<_>, Vec<_>) =
        exposition.all("rollcall_pool_min_serving", &[]).into_iter().partition(|sample| sample.label("pool") == "gone");
    assert!(!expected.is_empty());
    assert_eq!(gone.iter().map(|sample| sample.value).collect::<Vec<_>>(), [2.0]);
    assert!(exposition.all("rollcall_pool_agents", &[("pool", "gone")]).is_empty());
    assert!(expected.iter().all(|sample| sample.value == 3.0 && sample.label("pool").starts_with("linux-")));
    let linux = exposition.all("rollcall_pool_agents", &[("health", "healthy")]);
    assert_eq!(expected.len(), linux.iter().filter(|sample| sample.label("pool").starts_with("linux-")).count());
    let end = exposition.all("rollcall_tls_certificate_not_after_timestamp_seconds", &[]);
    assert_eq!(end.len(), 1);
    assert_eq!(end[0].label("host"), "127.0.0.1");
    // The certificates of rcgen end in the year 4096.
    assert_eq!(end[0].value, 67_090_118_400.0);
    let info = exposition.all("rollcall_target_info", &[("site", "zrh")]);
    assert_eq!(info.len(), 1);
    assert_eq!(info[0].label("url"), format!("https://{}/contoso", proxy.address));
    every_series_is_as_in_the_contract(&exposition)
}

/// A demo that pages: its sign of life is sent at once.
fn paging() -> BTreeSet<&'static str> {
    let alertmanager = Alertmanager::with("route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
    let demo = Daemon::demo(&["--alertmanager", &alertmanager.url()]);
    let exposition = demo.wait_for("the sign of life is sent", |now| {
        now.get("rollcall_notifications_sent_total", &[("alertmanager", &alertmanager.url())]) > Some(0.0)
    });
    let firing = [("alertname", "RollcallDirectWatchdog"), ("state", "firing")];
    assert_eq!(exposition.get("rollcall_alerts", &firing), Some(1.0));
    every_series_is_as_in_the_contract(&exposition)
}
