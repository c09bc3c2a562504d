//! Every state that a vendor's page lists is shown, and has its class of health.

use std::collections::BTreeSet;

use rollcall_sim::{CitrixSite, CitrixStorefront, ListStyle, Options, Quirk, Truth};

use super::{
    compare::{TruthFixture, prepare},
    fleet,
};

/// The first columns of a table of the vendor's pages.
fn first_columns(table: &'static str) -> Vec<Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('\t').collect()).collect()
}

fn values<'a>(truth: &'a [Truth], name: &str, label: &str) -> BTreeSet<&'a str> {
    truth.iter().filter(|sample| sample.name == name).map(|sample| sample.labels[label].as_str()).collect()
}

#[test]
fn every_agent_state_of_ras_is_shown_on_every_kind_of_server() {
    let sim = prepare(fleet(6_000, 6), |sim| sim.world().set_quirk("parallels_ras", Quirk::EveryState, true));
    let truth = sim.truth();
    let table = first_columns(include_str!("../../../src/api/parallels_ras/states_fixture.tsv"));
    let all: BTreeSet<&str> = table.iter().map(|row| row[1]).collect();
    assert_eq!(all.len(), 71);
    assert_eq!(values(&truth, "parallels_ras_agent_state", "state"), all);
    for server_type in ["RDSHost", "VDIHost", "AVDHost"] {
        let of = |sample: &&Truth| sample.labels.get("pool").is_some_and(|pool| pool.starts_with(server_type));
        let some: Vec<Truth> = truth.iter().filter(of).cloned().collect();
        assert_eq!(values(&some, "parallels_ras_agent_state", "state"), all, "{server_type}");
    }
    TruthFixture::polling(sim, |target| target == "hq-farm").wait_for_truth("every state of RAS");
}

#[test]
fn every_combination_of_citrix_states_is_shown_however_it_is_written() {
    let styles = [
        None,
        Some(ListStyle::Sample),
        Some(ListStyle::CamelCase),
        Some(ListStyle::Attributes),
        Some(ListStyle::Prefixed),
    ];
    let sim = prepare(fleet(1_600, 6), |sim| sim.citrix_storefront().set_parade(true));
    let fixture = TruthFixture::polling(sim, |target| target == "desktops");
    for style in styles {
        fixture.sim.citrix_storefront().set_list_style(style);
        for other_spelling in [false, true] {
            fixture.sim.world().set_quirk("citrix_storefront", Quirk::OtherSpelling, other_spelling);
            let truth = fixture.sim.truth();
            let combined: BTreeSet<(&str, &str)> = truth
                .iter()
                .filter(|sample| sample.name == "citrix_machine_power_state")
                .filter_map(|power| {
                    let same = |t: &&Truth| {
                        t.name == "citrix_machine_registration_state" && t.labels["agent"] == power.labels["agent"]
                    };
                    let registration = truth.iter().find(same)?;
                    Some((power.labels["state"].as_str(), registration.labels["state"].as_str()))
                })
                .collect();
            let states = CitrixStorefront::POWER_STATES.len() * CitrixStorefront::REGISTRATION_STATES.len();
            assert_eq!((combined.len(), states), (48, 48));
            fixture.wait_for_truth(&format!("{style:?}, other spelling {other_spelling}"));
        }
    }
}

#[test]
fn every_state_of_a_resilio_client_and_every_status_of_a_job_is_shown() {
    const STATES: [&str; 8] = [
        "NOT_CONFIGURED",
        "NOT_CONNECTED",
        "CONNECTING",
        "CONNECTED",
        "PENDING_APPROVAL",
        "DECLINED",
        "STOPPED",
        "WAITING_FOR_INCOMING_CONNECTION",
    ];
    const STATUSES: [&str; 24] = [
        "error",
        "loading",
        "paused",
        "writing acl",
        "processing files",
        "indexing",
        "low priority",
        "mounting selective sync volume",
        "no peers",
        "syncing",
        "synced",
        "invalid state",
        "waiting for files from source",
        "downloading",
        "seeding",
        "cleaning up destination folder",
        "waiting for scheduled script",
        "executing pre-indexing script",
        "executing post-download script",
        "executing complete script",
        "archiving script logs",
        "successfully finished",
        "expired",
        "executing script",
    ];
    let sim = prepare(Options { resilio_clients: Some(14), ..fleet(400, 6) }, |sim| {
        let resilio = sim.resilio();
        for (client, state) in STATES.iter().enumerate() {
            resilio.set_client_state(client, Some(state));
        }
        resilio.set_client_state(12, Some("HIBERNATING"));
        resilio.set_client_paused(13, true);
        // Every client has the jobs 384 and 385.
        for (index, status) in STATUSES.iter().enumerate() {
            resilio.set_job_status(index / 2, 384 + index as u64 % 2, Some(status));
        }
    });
    let truth = sim.truth();
    let mut states: BTreeSet<&str> = STATES.into();
    states.insert("other");
    assert_eq!(values(&truth, "resilio_client_state", "state"), states);
    assert!(values(&truth, "resilio_job_status", "status").is_superset(&STATUSES.into()));
    let fixture = TruthFixture::polling(sim, |target| target.starts_with("filer-"));
    fixture.wait_for_truth("every state of Resilio");
    // A status that nobody knows, a finished job that expired, and errors of every shape.
    let resilio = fixture.sim.resilio();
    for (job, status) in [(384, "hibernating"), (385, "initial synchronization")] {
        resilio.set_job_status(0, job, Some(status));
    }
    for (client, errors) in [
        serde_json::json!(["SE_FS_LOCKED_FILES", 12]),
        serde_json::json!([{ "code": 5 }]),
        serde_json::json!({ "code": 5 }),
        serde_json::json!("SE_FS_NO_PERMISSIONS"),
        serde_json::json!(null),
        serde_json::json!({}),
        serde_json::json!(""),
        serde_json::json!(0),
        serde_json::json!(3),
        serde_json::json!(false),
    ]
    .into_iter()
    .enumerate()
    {
        resilio.set_job_errors(client, 385, errors);
    }
    let exposition = fixture.wait_for_truth("errors of every shape");
    assert_eq!(exposition.all("resilio_job_status", &[("status", "other")]).len(), 1);
}

#[test]
fn every_row_of_the_session_error_table_has_its_verdict_in_both_modes() {
    let table = first_columns(include_str!("../../../src/api/parallels_ras_session/codes_fixture.tsv"));
    let mut codes: BTreeSet<u32> = table.iter().filter_map(|row| row[0].parse().ok()).collect();
    assert!(codes.len() > 50, "{codes:?}");
    // The broker's own errors, and one that no table has.
    codes.extend([3, 4, 100, 101, 102, 103, 104, 200, 201, 202, 203, 9_999]);
    let fixture = TruthFixture::without_deep(fleet(20, 6));
    let mut verdicts = BTreeSet::new();
    for code in codes {
        fixture.sim.parallels_ras_session().set_session_code(Some(code));
        for target in ["hq-session-light", "hq-session-deep"] {
            let (exit, exposition) = fixture.probe(target, &format!("code {code}"));
            let errors = exposition.all("parallels_ras_session_probe_error", &[]);
            // The page's misprint is told as the code that it stands for.
            let shown = if code == 64_435 { 6_435 } else { code }.to_string();
            assert_eq!((errors.len(), errors[0].label("code")), (1, shown.as_str()));
            // Any answer is a successful poll; a refused log-on or token is to be told all the same.
            let refused = matches!(errors[0].label("verdict"), "account" | "token");
            assert_eq!(exit, i32::from(refused), "code {code}");
            verdicts.insert(errors[0].label("verdict").to_owned());
        }
    }
    let all = [
        "account",
        "app",
        "broker",
        "certificate",
        "endpoint",
        "license",
        "policy",
        "priming",
        "request",
        "token",
        "unknown",
    ];
    assert_eq!(verdicts, all.map(str::to_owned).into());
}

#[test]
fn every_combination_of_states_and_every_fault_of_a_site_is_the_truth() {
    let sim = prepare(fleet(1_600, 6), |sim| {
        sim.citrix_storefront().set_parade(true);
        let site = sim.citrix_site();
        for (number, fault) in [1, 2, 3, 4, 6, 7, 9].into_iter().zip(CitrixSite::FAULT_STATES) {
            site.set_fault(&format!("VDI-EAST-{number:03}"), Some(fault));
        }
        site.set_fault("VDI-WEST-001", Some("FailedToStart"));
        site.set_maintenance("VDI-WEST-001", true);
        site.set_draining("VDI-WEST-002", true);
        site.set_zone_healthy("Cloud", false);
        site.set_load(Some(10_000));
    });
    let fixture = TruthFixture::polling(sim, |target| target == "site");
    for other_spelling in [false, true] {
        fixture.sim.world().set_quirk("citrix_site", Quirk::OtherSpelling, other_spelling);
        let exposition = fixture.wait_for_truth(&format!("other spelling {other_spelling}"));
        assert_eq!(exposition.all("citrix_site_machine_info", &[]).len(), 320);
    }
}
