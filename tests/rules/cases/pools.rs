use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let mut cases = down();
    cases.extend(capacity());
    cases.extend(agents());
    cases
}

const GONE: &[(&str, &str)] = &[("healthy", "2*5 0"), ("failed", "0*5 2")];

/// A pool that is there for five minutes.
const DELETED: [(&str, &str); 6] = [
    ("healthy", "2*5 -"),
    ("transitional", "0*5 -"),
    ("disabled", "0*5 -"),
    ("degraded", "0*5 -"),
    ("failed", "0*5 -"),
    ("unknown", "0*5 -"),
];

/// A pool that is there after nine minutes.
const CREATED: [(&str, &str); 6] = [
    ("healthy", "-*9 2"),
    ("transitional", "-*9 0"),
    ("disabled", "-*9 0"),
    ("degraded", "-*9 0"),
    ("failed", "-*9 0"),
    ("unknown", "-*9 0"),
];

fn down() -> Vec<Case> {
    let down = |kind, vendor, what| case("RollcallPoolDown", kind, vendor, what);
    vec![
        down(Fires, "azure_devops", "a build pool").pool("b", "0", GONE).silent(9).fires(10, "critical", "pool=b", 1.0),
        down(Fires, "parallels_ras", "hosts, which reboot").pool("RDSHost@1", "0", GONE).silent(19).fires(
            20,
            "critical",
            "pool=RDSHost@1",
            1.0,
        ),
        down(Fires, "parallels_ras", "another type").pool("Enrollment@1", "0", GONE).silent(9).fires(
            10,
            "critical",
            "pool=Enrollment@1",
            1.0,
        ),
        down(Fires, "citrix_storefront", "machines, which reboot slowly")
            .pool("Win", "0", GONE)
            .silent(29)
            .fires(30, "critical", "pool=Win", 1.0),
        down(Silent, "parallels_ras", "gateways have an alert of their own").pool("Gateway@1", "0", GONE).silent(40),
        down(Silent, "azure_devops", "one serves").pool("b", "0", &[("failed", "5"), ("degraded", "1")]).silent(40),
        down(Silent, "azure_devops", "the only one").pool("b", "0", &[("failed", "1")]).silent(40),
        down(Silent, "azure_devops", "it is on demand").pool("b", "1", GONE).silent(40),
        down(Silent, "azure_devops", "nobody knows").pool("b", "0", &[("unknown", "2")]).silent(40),
        down(Maintenance, "parallels_ras", "hosts are drained and rebooted")
            .pool("RDSHost@1", "0", &[("healthy", "2*5 0*60 2"), ("disabled", "0*5 2*40 0"), ("failed", "0*45 2*10 0")])
            .silent(20)
            .silent(60)
            .silent(90),
        down(Flapping, "azure_devops", "for four minutes again and again")
            .pool(
                "b",
                "0",
                &[("healthy", "0*4 2*2 0*4 2*2 0*4 2*2 0*4 2"), ("failed", "2*4 0*2 2*4 0*2 2*4 0*2 2*4 0")],
            )
            .silent(9)
            .silent(21)
            .silent(30),
        // One episode: what comes back within `keep_firing_for` was never resolved.
        down(Flapping, "azure_devops", "back within ten minutes")
            .pool("b", "0", &[("healthy", "0*10 2*10 0*10 2"), ("failed", "2*10 0*10 2*10 0")])
            .fires(9, "critical", "pool=b", 1.0)
            .fires(19, "critical", "pool=b", 1.0)
            .fires(29, "critical", "pool=b", 1.0)
            .fires(48, "critical", "pool=b", 1.0)
            .silent(50),
        // The pool's own part cannot be read any more, while others can.
        down(Blind, "azure_devops", "a pool that answers 403 beside others")
            .pool("b", "0", &[("failed", "2*20 -")])
            .with("rollcall_pool_agents", "pool=b,health=healthy", "0*20 -")
            .with("rollcall_pool_agents", "pool=b,health=transitional", "0*20 -")
            .with("rollcall_pool_agents", "pool=b,health=degraded", "0*20 -")
            .with("rollcall_pool_last_success_timestamp_seconds", "pool=b", "0+60*15 900*5 -")
            .with("rollcall_pool_on_demand", "pool=b", "0*20 -")
            .with("rollcall_target_partial", "", "0*15 1")
            .fires(10, "critical", "pool=b", 1.0)
            .fires(80, "critical", "pool=b", f64::NAN),
        // Its task is dead: the last poll was well, and nothing is fresh any more.
        down(Blind, "azure_devops", "polls stand still")
            .pool("b", "0", &[("failed", "2*20 -"), ("healthy", "0*20 -")])
            .with("rollcall_pool_on_demand", "pool=b", "0*20 -")
            .with("rollcall_target_stale", "", "0*20 1")
            .fires(10, "critical", "pool=b", 1.0)
            .fires(80, "critical", "pool=b", f64::NAN),
        // A daemon that was killed: its series end, and it comes back within `keep_firing_for`.
        down(Blind, "azure_devops", "a restart")
            .pool("b", "0", &[("failed", "2*20 -*3 2"), ("healthy", "0*20 -*3 0")])
            .with("rollcall_target_up", "", "1*20 -*3 1")
            .fires(21, "critical", "pool=b", 1.0)
            .fires(60, "critical", "pool=b", 1.0),
    ]
}

fn capacity() -> Vec<Case> {
    let low = |kind, vendor, what| case("RollcallPoolCapacityLow", kind, vendor, what);
    let below = |kind, what, healthy| {
        let case = case("RollcallPoolBelowMinimum", kind, "parallels_ras", what);
        let classes = [("healthy", healthy), ("degraded", "1"), ("transitional", "5")];
        case.pool("RDSHost@1", "0", &classes).with("rollcall_pool_min_serving", "pool=RDSHost@1", "5")
    };
    let absent = |kind, what, expected| {
        let case = case("RollcallPoolBelowMinimum", kind, "azure_devops", what);
        case.with("rollcall_pool_min_serving", "pool=b", expected)
    };
    let disabled = |kind, what, healthy| {
        let case = case("RollcallPoolAllDisabled", kind, "azure_devops", what);
        case.pool("b", "0", &[("healthy", healthy), ("disabled", "0*10 5")])
    };
    let degraded = |kind, what, classes: &[(&str, &str)]| {
        case("RollcallPoolDegraded", kind, "parallels_ras", what).pool("RDSHost@1", "0", classes)
    };
    let sixty: &[(&str, &str)] = &[("healthy", "2"), ("failed", "3")];
    vec![
        low(Fires, "resilio", "two of five")
            .pool("p", "0", &[("healthy", "3"), ("failed", "2")])
            .silent(9)
            .fires(10, "warning", "pool=p", 0.4),
        low(Fires, "resilio", "three of five").pool("p", "0", sixty).silent(9).fires(10, "critical", "pool=p", 0.6),
        low(Fires, "azure_devops", "builds wait").pool("p", "0", sixty).fires(10, "warning", "pool=p", 0.6),
        low(Fires, "parallels_ras", "hosts, which reboot").pool("RDSHost@1", "0", sixty).silent(14).fires(
            15,
            "critical",
            "pool=RDSHost@1",
            0.6,
        ),
        low(Fires, "citrix_storefront", "later").pool("p", "0", sixty).silent(24).fires(25, "critical", "pool=p", 0.6),
        low(Fires, "resilio", "few of all")
            .pool("p", "0", &[("healthy", "2"), ("failed", "3"), ("disabled", "20")])
            .fires(10, "warning", "pool=p", 0.6),
        low(Silent, "resilio", "of two").pool("p", "0", &[("healthy", "1"), ("failed", "1")]).silent(60),
        low(Silent, "resilio", "on demand").pool("p", "1", sixty).silent(60),
        low(Maintenance, "parallels_ras", "half are drained")
            .pool("RDSHost@1", "0", &[("healthy", "5"), ("disabled", "5")])
            .silent(60),
        low(Flapping, "resilio", "for nine minutes again and again")
            .pool("p", "0", &[("healthy", "2*9 5*2 2*9 5"), ("failed", "3*9 0*2 3*9 0")])
            .silent(19)
            .silent(30),
        below(Fires, "three of five", "2").silent(9).fires(10, "critical", "pool=RDSHost@1", 2.0),
        below(Silent, "five of five", "4").silent(60),
        absent(Fires, "it is misspelt", "5").silent(9).fires(10, "critical", "pool=b", 5.0),
        absent(Fires, "it was deleted", "2")
            .pool("b", "0*5 -", &DELETED)
            .with("rollcall_pool_last_success_timestamp_seconds", "pool=b", "0+60*5 -")
            .silent(14)
            .fires(15, "critical", "pool=b", 2.0),
        absent(Silent, "it comes in time", "2").pool("b", "-*9 0", &CREATED).silent(9).silent(60),
        absent(Silent, "none are expected", "0").silent(60),
        // Its part could never be read, or lies too far back: it is not told as expected, as nobody knows.
        absent(Silent, "it cannot be read", "-").with("rollcall_target_partial", "", "1").silent(60),
        absent(Silent, "the data are withdrawn", "5*9 -")
            .with("rollcall_target_up", "", "1*4 0")
            .with("rollcall_target_stale", "", "0*9 1")
            .silent(60),
        absent(Blind, "nobody can tell any more", "5*20 -")
            .with("rollcall_target_partial", "", "0*20 1")
            .fires(10, "critical", "pool=b", 5.0)
            .fires(80, "critical", "pool=b", f64::NAN),
        disabled(Fires, "forgotten", "5*10 0").silent(69).fires(70, "warning", "pool=b", 5.0),
        disabled(Silent, "never in service", "0").silent(120),
        degraded(Fires, "three of five", &[("healthy", "2"), ("degraded", "3")]).silent(29).fires(
            30,
            "warning",
            "pool=RDSHost@1",
            0.6,
        ),
        degraded(Silent, "the only one", &[("degraded", "1")]).silent(60),
    ]
}

fn agents() -> Vec<Case> {
    let failed = |kind, what, failed, disabled| {
        case("RollcallAgentFailed", kind, "parallels_ras", what)
            .with("rollcall_agent_health", "pool=p,agent=a,health=failed", failed)
            .with("rollcall_agent_health", "pool=p,agent=a,health=disabled", disabled)
    };
    let stuck = |kind, what| {
        case("RollcallAgentStuck", kind, "parallels_ras", what)
            .with("rollcall_agent_health_since_timestamp_seconds", "pool=p,agent=a", "0")
            .with("rollcall_agent_health", "pool=p,agent=a,health=transitional", "1")
    };
    let slow =
        |kind, what| stuck(kind, what).with("parallels_ras_agent_state", "pool=p,agent=a,state=ImageOptimization", "1");
    let flapping = |kind, what, values| {
        case("RollcallAgentFlapping", kind, "citrix_storefront", what).with(
            "rollcall_agent_health_since_timestamp_seconds",
            "pool=p,agent=a",
            values,
        )
    };
    vec![
        failed(Fires, "one", "1", "0").silent(29).fires(30, "info", "pool=p,agent=a", 1.0),
        failed(Silent, "for a while", "1*20 0", "0").silent(40),
        failed(Maintenance, "disabled after it failed", "1*20 0", "0*20 1").silent(60),
        stuck(Fires, "half an hour").silent(35).fires(36, "warning", "pool=p", 2_160.0),
        slow(Fires, "four hours of image optimization").silent(245).fires(246, "warning", "pool=p", 14_760.0),
        slow(Silent, "image optimization").silent(120),
        stuck(Silent, "it is healthy")
            .with("rollcall_agent_health", "pool=p,agent=a,health=transitional", "1*20 0")
            .silent(90),
        flapping(Fires, "twelve times", "0+60*12 720").silent(20).fires(21, "warning", "pool=p", 12.0),
        flapping(Silent, "a patch night", "0*10 600*10 1200*5 1500*5 1800*5 2100").silent(60),
        // Without a state file since-when is that of the start.
        flapping(Loop, "the daemon crashes every five minutes", "0*5 300*5 600*5 900*5 1200*5 1500*5 1800*5 2100")
            .with("rollcall_polls_total", "", "0+1*5 0+1*5 0+1*5 0+1*5 0+1*5 0+1*5 0+1*5 0+1")
            .silent(60),
        flapping(Flapping, "six times, and then it is quiet", "0+60*6 360")
            .fires(30, "warning", "pool=p", 6.0)
            .silent(100),
    ]
}
