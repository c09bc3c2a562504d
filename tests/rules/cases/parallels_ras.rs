use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let mut cases = farm();
    cases.extend(license());
    cases.extend(capacity());
    cases.extend(probe());
    cases
}

fn rows(alert: &'static str, kind: super::Kind, what: &str, rows: &[(&str, &str, &str)]) -> Case {
    rows.iter().fold(case(alert, kind, "parallels_ras", what), |case, (pool, agent, state)| {
        case.with("parallels_ras_agent_state", &format!("pool={pool},agent={agent},state={state}"), "1")
    })
}

fn farm() -> Vec<Case> {
    let entry = |kind, what, classes: &[(&str, &str)]| {
        case("ParallelsRasEntryPointDown", kind, "parallels_ras", what).pool("Gateway@1", "0", classes)
    };
    let info =
        |kind: &str| format!("pool=AVDTemplate@1,agent=7,site_id=1,server_type=AVDTemplate,agent_id=7,kind={kind}");
    let object = |kind, what, state| rows("ParallelsRasObjectFailed", kind, what, &[("AVDTemplate@1", "7", state)]);
    let logical = |case: Case| case.with("parallels_ras_agent_info", &info("logical"), "1");
    vec![
        entry(Fires, "the only gateway", &[("failed", "1")]).silent(4).fires(5, "critical", "pool=Gateway@1", 1.0),
        rows("ParallelsRasEntryPointDown", Fires, "a load balancer", &[("HALB@1", "7", "Disconnected")])
            .silent(4)
            .fires(5, "critical", "pool=HALB@1", 1.0),
        entry(Silent, "one of two", &[("failed", "1"), ("healthy", "1")]).silent(30),
        rows(
            "ParallelsRasEntryPointDown",
            Silent,
            "one balancer of two",
            &[("HALB@1", "7", "Broken"), ("HALB@1", "8", "OK")],
        )
        .silent(30),
        case("ParallelsRasEntryPointDown", Silent, "azure_devops", "a pool of that name elsewhere")
            .pool("Gateway@1", "0", &[("failed", "1")])
            .silent(30),
        entry(Maintenance, "it is switched off in the settings", &[("disabled", "1")]).silent(30),
        rows(
            "ParallelsRasNoActiveBroker",
            Fires,
            "only a standby",
            &[("PA@1", "1", "StandBy"), ("PA@1", "2", "Disconnected")],
        )
        .silent(4)
        .fires(5, "critical", "pool=PA@1", 2.0),
        rows(
            "ParallelsRasNoActiveBroker",
            Silent,
            "one is active",
            &[("PA@1", "1", "OK"), ("PA@1", "2", "Disconnected")],
        )
        .silent(30),
        rows("ParallelsRasHostPoolEmpty", Fires, "nobody left", &[("RDSGroup@1", "3", "NoMembersAvailable")])
            .silent(14)
            .fires(15, "critical", "pool=RDSGroup@1", 1.0),
        rows("ParallelsRasHostPoolEmpty", Silent, "members change", &[("RDSGroup@1", "3", "AddingMembers")]).silent(30),
        logical(object(Fires, "a template is broken", "Broken")).silent(14).fires(
            15,
            "warning",
            "pool=AVDTemplate@1,agent=7",
            1.0,
        ),
        logical(object(Silent, "it has an alert of its own", "NoMembersAvailable")).silent(30),
        object(Silent, "a host has a health", "Disconnected")
            .with("parallels_ras_agent_info", &info("host"), "1")
            .silent(30),
        logical(object(Maintenance, "it is about to be deleted", "MarkedForDeletion")).silent(30),
        rows("ParallelsRasLicenseExpired", Fires, "expired", &[("Site@1", "1", "LicenseExpired")])
            .silent(4)
            .fires(5, "critical", "", 1.0),
        rows("ParallelsRasLicenseExpired", Silent, "in order", &[("Site@1", "1", "OK")]).silent(30),
        rows(
            "ParallelsRasProfilesUnavailable",
            Fires,
            "on two hosts",
            &[("RDSHost@1", "1", "FSLogixNotAvail"), ("RDSHost@1", "2", "FSLogixNotAvail")],
        )
        .silent(14)
        .fires(15, "warning", "pool=RDSHost@1", 2.0),
        rows("ParallelsRasProfilesUnavailable", Silent, "outdated", &[("RDSHost@1", "1", "FSLogixNeedsUpdate")])
            .silent(30),
    ]
}

fn license() -> Vec<Case> {
    // Seconds since the beginning; day 7 is 604800.
    let expiring = |kind, what, values| {
        case("ParallelsRasLicenseExpiring", kind, "parallels_ras", what).with(
            "parallels_ras_license_expiry_timestamp_seconds",
            "",
            values,
        )
    };
    let users = |kind, what, of: &[(&str, &str)]| {
        of.iter()
            .fold(case("ParallelsRasLicenseUsersNearLimit", kind, "parallels_ras", what), |case, (kind, values)| {
                case.with("parallels_ras_license_users", &format!("kind={kind}"), values)
            })
    };
    vec![
        expiring(Fires, "in five days", "432000").silent(14).fires(15, "critical", "", 431_100.0),
        expiring(Fires, "in twenty days", "1728000").silent(14).fires(15, "warning", "", 1_727_100.0),
        expiring(Silent, "in forty days", "3456000").silent(60),
        expiring(Silent, "renewed", "432000*10 40000000").silent(60),
        users(Fires, "the peak", &[("installed", "500"), ("peak", "489"), ("used", "400")])
            .silent(29)
            .fires(30, "warning", "", 0.978),
        users(Fires, "today", &[("installed", "500"), ("used", "500")]).silent(29).fires(30, "warning", "", 1.0),
        users(Silent, "enough are left", &[("installed", "500"), ("peak", "475"), ("used", "475")]).silent(60),
        users(Silent, "nobody says how many there are", &[("installed", "0"), ("peak", "489")]).silent(60),
    ]
}

fn capacity() -> Vec<Case> {
    /// Agent, class, active and disconnected sessions, the most there may be.
    type Host = (&'static str, &'static str, [&'static str; 2], &'static str);
    let sessions = |kind, what, hosts: &[Host]| {
        let case = case("ParallelsRasHostPoolSessionsNearLimit", kind, "parallels_ras", what);
        hosts.iter().fold(case, |case, (agent, health, [active, disconnected], most)| {
            let of = format!("pool=RDSHost@1,agent={agent}");
            case.with("rollcall_agent_health", &format!("{of},health={health}"), "1")
                .with("parallels_ras_host_sessions", &format!("{of},state=active"), active)
                .with("parallels_ras_host_sessions", &format!("{of},state=disconnected"), disconnected)
                .with("parallels_ras_host_max_sessions", &of, most)
        })
    };
    let versions = |kind, what, of: &[(&str, &str)]| {
        of.iter().fold(
            case("ParallelsRasAgentVersionMismatch", kind, "parallels_ras", what),
            |case, (agent, version)| {
                let of = format!("pool=RDSHost@1,agent={agent},version={version}");
                case.with("parallels_ras_agent_version_info", &of, "1")
            },
        )
    };
    vec![
        sessions(Fires, "both hosts", &[("1", "healthy", ["90", "5"], "100"), ("2", "degraded", ["80", "15"], "100")])
            .silent(14)
            .fires(15, "warning", "pool=RDSHost@1", 0.95),
        // The other host is full, and takes nobody in.
        sessions(
            Fires,
            "the one that serves",
            &[("1", "healthy", ["95", "0"], "100"), ("2", "failed", ["0", "0"], "100")],
        )
        .silent(14)
        .fires(15, "warning", "pool=RDSHost@1", 0.95),
        sessions(Silent, "one of two", &[("1", "healthy", ["95", "0"], "100"), ("2", "healthy", ["10", "0"], "100")])
            .silent(60),
        sessions(
            Maintenance,
            "drained hosts keep theirs",
            &[("1", "disabled", ["100", "0"], "100"), ("2", "healthy", ["50", "0"], "100")],
        )
        .silent(60),
        versions(Fires, "one was left out", &[("1", "21.0.26130"), ("2", "20.2.25889")]).silent(1439).fires(
            1440,
            "info",
            "pool=RDSHost@1",
            2.0,
        ),
        versions(Silent, "all alike", &[("1", "21.0.26130"), ("2", "21.0.26130")]).silent(1500),
    ]
}

fn probe() -> Vec<Case> {
    let agent = "pool=session,agent=rds-01,mode=light";
    let probe = |alert, kind, what, verdict: &str, failures| {
        let error = format!("{agent},verdict={verdict},category=Priming,code=3001");
        case(alert, kind, "parallels_ras_session", what)
            .with("parallels_ras_session_probe_error", &error, "-*10 1")
            .with("parallels_ras_session_probe_consecutive_failures", agent, failures)
    };
    let failing =
        |kind, what, verdict, failures| probe("ParallelsRasSessionProbeFailing", kind, what, verdict, failures);
    let set_up =
        |kind, what, verdict, failures| probe("ParallelsRasSessionProbeMisconfigured", kind, what, verdict, failures);
    let prime = |kind, what, values| {
        let deep = "pool=session,agent=rds-01,mode=deep";
        case("ParallelsRasSessionPrimeSlow", kind, "parallels_ras_session", what).with(
            "parallels_ras_session_prime_seconds",
            deep,
            values,
        )
    };
    let labels = "pool=session,agent=rds-01";
    vec![
        failing(Fires, "priming is refused", "broker", "0*10 1*5 2*5 3").silent(14).fires(15, "critical", labels, 2.0),
        failing(Fires, "no answer", "unreachable", "0*10 1*5 2").silent(14).fires(15, "critical", labels, 2.0),
        failing(Silent, "our own password", "account", "0*10 1*5 2").silent(30),
        failing(Flapping, "every other probe", "broker", "0*10 1*5 0*5 1*5 0*5 1*5 0").silent(14).silent(24).silent(34),
        set_up(Fires, "our own password", "account", "0*10 1*5 2").silent(19).fires(20, "warning", labels, 2.0),
        set_up(Silent, "the broker", "broker", "0*10 1*5 2").silent(40),
        prime(Fires, "45 seconds", "45").silent(29).fires(30, "warning", labels, 45.0),
        prime(Silent, "20 seconds", "20").silent(60),
    ]
}
