use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let mut cases = farm();
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
