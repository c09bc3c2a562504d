use super::super::case::{Case, Kind::*, case};

const JOB: &str = "pool=client,agent=a,job_name=docs,job_id=7";
const AGENT: &str = "pool=client,agent=a";

pub fn cases() -> Vec<Case> {
    let mut cases = jobs();
    cases.extend(clients());
    cases
}

fn job(alert: &'static str, kind: super::Kind, what: &str, status: &str) -> Case {
    case(alert, kind, "resilio", what).with("resilio_job_status", &format!("{JOB},status={status}"), "1")
}

fn failed_on(kind: super::Kind, what: &str, failed: usize, of: usize) -> Case {
    (0..of).fold(case("ResilioJobFailedWidely", kind, "resilio", what), |case, index| {
        let labels = format!("target=t{index},pool=client,agent=a{index},job_name=docs,job_id=7,health=failed");
        case.with("resilio_job_health", &labels, if index < failed { "1" } else { "0" })
    })
}

fn not_connected(kind: super::Kind, what: &str, lost: usize, of: usize) -> Case {
    (0..of).fold(case("ResilioConsoleLost", kind, "resilio", what), |case, index| {
        let state = if index < lost { "NOT_CONNECTED" } else { "CONNECTED" };
        case.with("resilio_client_state", &format!("target=t{index},pool=client,agent=a{index},state={state}"), "1")
    })
}

fn jobs() -> Vec<Case> {
    let health = |kind, what, health: &str| {
        case("ResilioJobFailed", kind, "resilio", what).with(
            "resilio_job_health",
            &format!("{JOB},health=failed"),
            if health == "failed" { "1" } else { "0" },
        )
    };
    let no_peers = |kind, what, values| {
        case("ResilioJobNoPeers", kind, "resilio", what).with(
            "resilio_job_status",
            &format!("{JOB},status=no peers"),
            values,
        )
    };
    let number =
        |alert, kind, what, family: &str, values: &str| job(alert, kind, what, "syncing").with(family, JOB, values);
    let errors = |kind, what, values| number("ResilioJobErrors", kind, what, "resilio_job_errors", values);
    let eta = |kind, what, values| number("ResilioJobEtaHigh", kind, what, "resilio_job_eta_seconds", values);
    let stalled = |kind, what, status, values| {
        job("ResilioJobStalled", kind, what, status).with("resilio_job_completed_bytes", JOB, values)
    };
    let unsynced = |kind, what, values| {
        let family = "resilio_job_unsynced_since_timestamp_seconds";
        number("ResilioJobNotSynced", kind, what, family, values)
    };
    let busy = |kind, what, status, since| {
        job("ResilioJobBusyLong", kind, what, status).with("resilio_job_status_since_timestamp_seconds", JOB, since)
    };
    vec![
        failed_on(Fires, "on three of four", 3, 4).silent(14).fires(15, "critical", "job_name=docs", 0.75),
        failed_on(Silent, "on two of two", 2, 2).silent(40),
        failed_on(Silent, "on three of twenty", 3, 20).silent(40),
        health(Fires, "one", "failed").silent(4).fires(5, "warning", JOB, 1.0),
        health(Silent, "none", "degraded").silent(30),
        no_peers(Fires, "alone", "1").silent(14).fires(15, "warning", JOB, 1.0),
        no_peers(Silent, "just started", "1*10 0").silent(30),
        no_peers(Maintenance, "the agent is paused", "1*10 -")
            .with("resilio_job_status", &format!("{JOB},status=paused"), "-*10 1")
            .silent(60),
        no_peers(Flapping, "again and again", "1*10 0*2 1*10 0*2 1*10 0").silent(21).silent(33).silent(50),
        errors(Fires, "two", "2").silent(14).fires(15, "warning", JOB, 2.0),
        errors(Silent, "none", "0").silent(30),
        eta(Fires, "five hours and a half", "20000").silent(29).fires(30, "warning", JOB, 20_000.0),
        eta(Silent, "three hours", "10800").silent(60),
        stalled(Fires, "nothing comes", "syncing", "100").silent(59).fires(60, "warning", JOB, 0.0),
        stalled(Silent, "something comes", "downloading", "100+1").silent(120),
        stalled(Maintenance, "it is paused", "paused", "100").silent(120),
        unsynced(Fires, "for a day", "-90000").silent(14).fires(15, "warning", JOB, 90_900.0),
        unsynced(Silent, "for an hour", "-3600").silent(60),
        busy(Fires, "a day", "indexing", "-90000").silent(14).fires(15, "info", JOB, 90_900.0),
        busy(Fires, "three days", "writing acl", "-260000").silent(14).fires(15, "warning", JOB, 260_900.0),
        busy(Silent, "it is synced", "synced", "-260000").silent(60),
    ]
}

fn clients() -> Vec<Case> {
    let flag = |alert, kind, what, family, values| case(alert, kind, "resilio", what).with(family, AGENT, values);
    let paused = |kind, what, values| flag("ResilioClientPaused", kind, what, "resilio_client_paused", values);
    let restart = |kind, what, values| {
        flag("ResilioClientRestartRequired", kind, what, "resilio_client_restart_required", values)
    };
    let state = |kind, what, state: &str| {
        case("ResilioClientDisconnected", kind, "resilio", what).with(
            "resilio_client_state",
            &format!("{AGENT},state={state}"),
            "1",
        )
    };
    vec![
        paused(Fires, "forgotten", "1").silent(1_439).fires(1_440, "info", AGENT, 1.0),
        paused(Silent, "for a night", "1*600 0").silent(1_500),
        restart(Fires, "for an hour", "1").silent(59).fires(60, "info", AGENT, 1.0),
        restart(Silent, "not at all", "0").silent(90),
        state(Fires, "not connected", "NOT_CONNECTED").silent(14).fires(15, "warning", AGENT, 1.0),
        state(Fires, "no network", "STOPPED").silent(14).fires(15, "warning", AGENT, 1.0),
        state(Silent, "connecting", "CONNECTING").silent(60),
        not_connected(Fires, "five of eight", 5, 8).silent(14).fires(15, "critical", "", 0.625),
        not_connected(Silent, "four of six", 4, 6).silent(40),
        not_connected(Silent, "five of twenty", 5, 20).silent(40),
    ]
}
