//! Load, virtual machines, license and host pools: what they tell, when they are asked for, and what they cost when they
//! fail.

use rollcall_test_server::Request;

use super::*;

/// A target with everything switched on.
fn open_all(stub: &Stub) -> ParallelsRas {
    let mut target = target(stub.url.as_str());
    if let VendorSettings::ParallelsRas(settings) = &mut target.settings {
        (settings.load, settings.license, settings.host_pools, settings.resolve_names) = (true, true, true, false);
    }
    open_with(target)
}

const FARM: &str = r#"[
    {"id": "1", "siteId": 1, "agentState": 0, "serverType": 1},
    {"id": "2", "siteId": 1, "agentState": 60, "serverType": 1},
    {"id": "3", "siteId": 1, "agentState": 1, "serverType": 1},
    {"id": "1", "siteId": 1, "agentState": 0, "serverType": 3},
    {"id": "1", "siteId": 1, "agentState": 27, "serverType": 7},
    {"id": "1", "siteId": 1, "agentState": -4, "serverType": 2013},
    {"id": "2", "siteId": 1, "agentState": -4, "serverType": 2013},
    {"id": "1", "siteId": 1, "agentState": -4, "serverType": 4}
]"#;

const VMS: &str = r#"[
    {"id": "1", "siteId": 1, "serverType": 2013, "name": "vdi-1", "state": 2,
     "session": {"user": "somebody@example.com", "ip": "192.0.2.1", "deviceName": "LAPTOP-1"}},
    {"id": "2", "siteId": 1, "serverType": 2013, "name": "vdi-2", "state": "1 = OnAgentConnected"},
    {"id": "1", "siteId": 1, "serverType": 4, "name": "guest-1", "State": 42, "user": "somebody@example.com"}
]"#;

/// In both spellings, and with numbers as texts.
const LOAD: &str = r#"[
    {"id": "1", "siteId": 1, "agentState": 0, "cpuLoad": 17, "memLoad": 42.5, "activeSessions": 12,
     "disconnectedSessions": 3, "agentVer": "21.0.1", "user": "somebody@example.com"},
    {"Id": "2", "SiteId": 1, "AgentState": "0 = OK", "CPULoad": "1", "MemLoad": "2", "ActiveSessions": "4",
     "DisconnectedSessions": "0", "AgentVer": "21.0.1"},
    {"id": "3", "siteId": 1, "agentState": 1, "cpuLoad": 101, "memLoad": 9, "activeSessions": 4},
    {"siteId": 1}
]"#;

fn answer(seen: &Request) -> (u16, &'static str, String) {
    match &*seen.line {
        "POST /api/Session/logon" => ok(LOGON),
        "GET /api/Agent" => ok(FARM),
        "GET /api/RDS/Host" => {
            ok(r#"[{"id": "1", "server": "a", "maxSessions": 250}, {"id": 2, "MaxSessions": "100"}]"#)
        }
        "GET /api/RDS/Host/status" => ok(LOAD),
        "GET /api/Gateway/status" => {
            ok(r#"[{"id": 1, "siteId": 1, "activeRDPSessions": 5, "ActiveRDPSSLSessions": 71}]"#)
        }
        "GET /api/Provider/VM/Host/Status" => ok(VMS),
        "GET /api/License?UseCache=true" => {
            ok(r#"{"licenseType":"PrePaid","licenseStatus":"Active","expiryDate":"21/02/2021","installedUsers":"500",
                "usersPeak":"391","usageToday":"","paUserName":"Somebody Else","licenseKey":"AAAA-BBBB"}"#)
        }
        "GET /api/RDS/HostPool" => ok(r#"[{"id": 7, "name": "Office", "siteId": 1}, {"id": "8/..", "name": "odd"}]"#),
        "GET /api/RDS/HostPool/7/Members" => ok(r#"[{"id": "1"}, {"id": "3"}]"#),
        "GET /api/VDI/HostPool" => ok("[]"),
        _ => status(404),
    }
}

/// Samples beside those of the agent list, after `polls` polls a minute apart.
async fn told(api: &mut ParallelsRas, polls: u64) -> (Vec<String>, Observation) {
    let mut last = None;
    for poll in 0..polls {
        last = Some(poll_at(api, 60 * poll).await.expect("a good poll"));
        api.session.refill_for_test();
    }
    let observation = last.expect("a poll");
    let lines = samples(part(&observation)).into_iter();
    (
        lines.filter(|line| !line.starts_with("parallels_ras_agent_state") && !line.contains("_agent_info")).collect(),
        observation,
    )
}

#[tokio::test]
async fn each_extra_tells_what_it_has_and_invents_nothing() {
    let stub = start(answer);
    let mut api = open_all(&stub);
    let (lines, observation) = told(&mut api, 6).await;
    let expected = [
        r#"parallels_ras_host_cpu_ratio{pool="RDSHost@1",agent="1"} 0.17"#,
        r#"parallels_ras_host_memory_ratio{pool="RDSHost@1",agent="1"} 0.425"#,
        // Of 2 the agent list says that the counters cannot be read; the processor of 3 is beyond all bounds.
        r#"parallels_ras_host_memory_ratio{pool="RDSHost@1",agent="3"} 0.09"#,
        r#"parallels_ras_host_sessions{pool="RDSHost@1",agent="1",state="active"} 12"#,
        r#"parallels_ras_host_sessions{pool="RDSHost@1",agent="1",state="disconnected"} 3"#,
        r#"parallels_ras_host_sessions{pool="RDSHost@1",agent="2",state="active"} 4"#,
        r#"parallels_ras_host_sessions{pool="RDSHost@1",agent="2",state="disconnected"} 0"#,
        r#"parallels_ras_host_max_sessions{pool="RDSHost@1",agent="1"} 250"#,
        r#"parallels_ras_host_max_sessions{pool="RDSHost@1",agent="2"} 100"#,
        r#"parallels_ras_gateway_sessions{pool="Gateway@1",agent="1",kind="rdp"} 5"#,
        r#"parallels_ras_gateway_sessions{pool="Gateway@1",agent="1",kind="rdp_ssl"} 71"#,
        r#"parallels_ras_agent_version_info{pool="RDSHost@1",agent="1",version="21.0.1"} 1"#,
        r#"parallels_ras_agent_version_info{pool="RDSHost@1",agent="2",version="21.0.1"} 1"#,
        r#"parallels_ras_vm_state{pool="VDIHost@1",agent="1",state="Off"} 1"#,
        r#"parallels_ras_vm_state{pool="VDIHost@1",agent="2",state="OnAgentConnected"} 1"#,
        r#"parallels_ras_vm_state{pool="Guest@1",agent="1",state="code_42"} 1"#,
        r#"parallels_ras_host_pool_member_info{pool="RDSHost@1",agent="1",host_pool="Office"} 1"#,
        r#"parallels_ras_host_pool_member_info{pool="RDSHost@1",agent="3",host_pool="Office"} 1"#,
        r#"parallels_ras_license_info{license_type="PrePaid",status="Active"} 1"#,
        r#"parallels_ras_license_expiry_timestamp_seconds{} 1613865600"#,
        r#"parallels_ras_license_users{kind="installed"} 500"#,
        r#"parallels_ras_license_users{kind="peak"} 391"#,
    ];
    assert_eq!(lines, expected);
    let outcomes: Vec<(&str, bool)> =
        observation.extras.iter().map(|(name, outcome)| (*name, outcome.is_ok())).collect();
    let expected =
        [("sites", false), ("names", true), ("vms", true), ("load", true), ("license", true), ("host_pools", true)];
    assert_eq!(outcomes, expected, "a list that this version does not have is no failure where others come");
    // Nobody's name, address or machine is kept anywhere.
    let all = format!("{observation:?} {api:?}");
    for secret in ["somebody", "Somebody", "192.0.2.1", "LAPTOP", "AAAA"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_machine_settles_what_ras_could_not_verify_whatever_the_settings_say() {
    let stub = start(answer);
    for power_managed in [false, true] {
        let mut target = target(stub.url.as_str());
        if let VendorSettings::ParallelsRas(settings) = &mut target.settings {
            settings.resolve_names = true;
            settings.power_managed = if power_managed { vec!["VDIHost".to_owned()] } else { Vec::new() };
        }
        let observation = poll_at(&mut open_with(target), 0).await.expect("a good poll");
        let health: Vec<_> = part(&observation).agents[5..].iter().map(|agent| (&*agent.name, agent.health)).collect();
        use crate::health::Health;
        let expected = [
            ("vdi-1", Some(Health::Disabled)),
            ("vdi-2", Some(Health::Failed)),
            // A state that is new settles nothing.
            ("guest-1", Some(Health::Unknown)),
        ];
        assert_eq!(health, expected, "power_managed: {power_managed}");
        stub.take();
    }
}

#[tokio::test]
async fn machines_that_are_not_told_leave_it_to_the_settings() {
    let round = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let now = Arc::clone(&round);
    let stub = start(move |seen| match &*seen.line {
        "GET /api/Provider/VM/Host/Status" if now.load(std::sync::atomic::Ordering::Relaxed) > 0 => status(500),
        _ => answer(seen),
    });
    let mut api = open_with(target(stub.url.as_str()));
    let stale_after = api.target.stale_after.as_secs();
    for (index, (seconds, healthy)) in
        [(0, "Disabled"), (60, "Disabled"), (stale_after + 60, "Unknown")].into_iter().enumerate()
    {
        round.store(index, std::sync::atomic::Ordering::Relaxed);
        let observation = poll_at(&mut api, seconds).await.expect("it fails alone");
        api.session.refill_for_test();
        let health = part(&observation).agents[5].health.expect("an agent");
        assert_eq!(format!("{health:?}"), healthy, "after {seconds} s");
        assert_eq!(names(&observation)[5], "vdi-1", "its name stays");
    }
}

#[tokio::test]
async fn everything_together_keeps_to_ten_requests_in_ten_seconds_and_to_one_of_each_kind_per_poll() {
    let stub = start(answer);
    let mut api = open_all(&stub);
    // Two polls at once, without a pause that would make room.
    let mut all = Vec::new();
    for poll in 0..2 {
        poll_at(&mut api, 60 * poll).await.expect("a good poll");
        let asked = stub.asked();
        for kind in
            ["/api/RDS/Host/status", "/api/Gateway/status", "/api/Broker/status", "VM/Host", "/api/License", "HostPool"]
        {
            let count = asked.iter().filter(|line| line.contains(kind)).count();
            assert!(count <= 1, "{kind}: {asked:?}");
        }
        assert!(asked.iter().any(|line| line == "GET /api/Agent"), "{asked:?}");
        all.extend(asked);
        assert!(all.len() <= 10, "{all:?}");
    }
    // With room for it, everything has its turn; what is due more seldom is not starved by what is due at every poll.
    for poll in 2..9 {
        api.session.refill_for_test();
        poll_at(&mut api, 60 * poll).await.expect("a good poll");
        let asked = stub.asked();
        assert!(asked.len() <= 10, "{asked:?}");
        all.extend(asked);
    }
    let pools =
        ["GET /api/RDS/HostPool", "GET /api/VDI/HostPool", "GET /api/AVD/HostPool", "GET /api/RDS/HostPool/7/Members"];
    for path in ["GET /api/License?UseCache=true", "GET /api/Broker/status"].into_iter().chain(pools) {
        assert_eq!(all.iter().filter(|line| *line == path).count(), 1, "{path}: {all:?}");
    }
}

#[tokio::test]
async fn of_more_pools_than_polls_in_their_interval_none_is_lost() {
    const POOLS: usize = 45;
    let stub = start(|seen| match &*seen.line {
        "GET /api/RDS/HostPool" => {
            let pools: Vec<String> = (0..POOLS).map(|id| format!(r#"{{"id": {id}, "name": "pool {id}"}}"#)).collect();
            ok(&format!("[{}]", pools.join(",")))
        }
        line if line.starts_with("GET /api/RDS/HostPool/") => ok(r#"[{"id": "1", "siteId": 1}]"#),
        _ => answer(seen),
    });
    let mut api = open_all(&stub);
    let mut most = 0;
    for poll in 0..200 {
        api.session.refill_for_test();
        let observation = poll_at(&mut api, 60 * poll).await.expect("a good poll");
        let count = samples(part(&observation))
            .iter()
            .filter(|line| line.starts_with("parallels_ras_host_pool_member_info") && line.contains("pool "))
            .count();
        most = most.max(count);
        assert!(poll < 60 || count == most, "{count} of {most} pools after {poll} polls");
    }
    assert_eq!(most, POOLS);
}

#[tokio::test]
async fn sites_that_a_server_keeps_apart_take_turns() {
    let stub = start(|seen| match seen.line.split_once("siteId=") {
        _ if seen.line.starts_with("GET /api/Site") => ok(r#"[{"siteId": 1}, {"siteId": 2}]"#),
        Some((path, _)) if path.starts_with("GET /api/Agent") => ok(&FARM.replace(r#""siteId": 1"#, r#""siteId": 2"#)),
        Some((path, _)) => {
            let seen = Request { line: path.trim_end_matches(['?', '&']).to_owned(), ..seen.clone() };
            let (status, content_type, body) = answer(&seen);
            (status, content_type, body.replace(r#""siteId": 1"#, r#""siteId": 2"#))
        }
        None => answer(seen),
    });
    let mut api = open_all(&stub);
    let mut turns = Vec::new();
    for poll in 0..6 {
        let observation = poll_at(&mut api, 60 * poll).await.expect("a good poll");
        api.session.refill_for_test();
        turns.extend(stub.asked().into_iter().filter(|line| line.contains("RDS/Host/status")));
        if poll == 5 {
            for (key, outcome) in &observation.parts {
                let Outcome::Fresh(part) = outcome else { panic!("{key} did not come") };
                let lines = samples(part);
                let cpu = format!(r#"parallels_ras_host_cpu_ratio{{pool="RDSHost@{key}",agent="1"}} 0.17"#);
                assert!(lines.contains(&cpu), "{key}: {lines:?}");
                // The license is told once.
                assert_eq!(lines.iter().any(|line| line.contains("_license_")), key.as_ref() == "1", "{key}");
            }
        }
    }
    let (one, two) = ("GET /api/RDS/Host/status", "GET /api/RDS/Host/status?siteId=2");
    assert_eq!(turns, [one, two, one, two, one, two]);
}

#[tokio::test]
async fn what_is_refused_is_left_alone_for_an_hour_or_until_a_reload() {
    let stub = start(|seen| match &*seen.line {
        "GET /api/License?UseCache=true" => status(403),
        _ => answer(seen),
    });
    let mut api = open_all(&stub);
    let asked = async |api: &mut ParallelsRas, seconds| {
        let observation = poll_at(api, seconds).await.expect("it fails alone");
        api.session.refill_for_test();
        let license = observation.extras.iter().find(|(name, _)| *name == "license");
        let reason = license.and_then(|(_, outcome)| outcome.as_ref().err()).map(|failure| failure.reason);
        (stub.asked().iter().filter(|line| line.contains("License")).count(), reason)
    };
    assert_eq!(asked(&mut api, 0).await, (1, Some(Reason::Forbidden)));
    assert_eq!(asked(&mut api, 1800).await, (0, Some(Reason::Forbidden)));
    Api::resume(&mut api);
    assert_eq!(asked(&mut api, 1860).await, (1, Some(Reason::Forbidden)));
    assert_eq!(asked(&mut api, 5400).await, (0, Some(Reason::Forbidden)));
    assert_eq!(asked(&mut api, 5460).await, (1, Some(Reason::Forbidden)));
}

#[tokio::test]
async fn answers_that_are_the_same_again_make_no_new_part() {
    let stub = start(answer);
    let mut api = open_all(&stub);
    let (lines, observation) = told(&mut api, 8).await;
    let fingerprint = part(&observation).fingerprint.clone().expect("it can be told");
    let known: PartFingerprints = [("1".into(), fingerprint)].into_iter().collect();
    let (memory, warnings) = (Memory::default(), Warnings::default());
    let (now, deadline) = (T0.plus(Duration::from_secs(480)), Instant::now() + Duration::from_secs(20));
    let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
    let observation = Api::poll(&mut api, &cx).await.expect("a good poll");
    let [(_, Outcome::Same(same))] = <[_; 1]>::try_from(observation.parts).expect("one part") else {
        panic!("nothing has changed");
    };
    let again = samples(&same.read().expect("it was read before"));
    assert!(lines.iter().all(|line| again.contains(line)), "{again:?}");
}
