use super::super::case::{Case, Kind::*, case};

const DAY: f64 = 86_400.0;

pub fn cases() -> Vec<Case> {
    let mut cases = polls();
    cases.extend(expiries());
    cases.extend(contents());
    cases
}

fn polls() -> Vec<Case> {
    let down = |kind, vendor, what| {
        case("RollcallTargetDown", kind, vendor, what)
            .with("rollcall_target_up", "", "1*5 0")
            .with("rollcall_target_consecutive_failures", "", "0*5 1+1")
            .with("rollcall_target_last_success_timestamp_seconds", "", "0+60*5 240")
    };
    let partial = |kind, what, values| {
        case("RollcallTargetPartial", kind, "azure_devops", what).with("rollcall_target_partial", "", values)
    };
    let throttled = |kind, what, values| {
        let case = case("RollcallTargetRateLimited", kind, "azure_devops", what);
        case.with("rollcall_api_throttled_seconds_total", "", values)
    };
    let slow = |kind, what, values| {
        case("RollcallPollSlow", kind, "resilio", what).with("rollcall_target_poll_duration_seconds", "", values)
    };
    let stopped = |kind, what, next_poll| {
        case("RollcallPollsStopped", kind, "azure_devops", what).with(
            "rollcall_target_next_poll_timestamp_seconds",
            "",
            next_poll,
        )
    };
    vec![
        stopped(Fires, "the task that polls is dead", "60+60*9 600").silent(17).fires(18, "critical", "", 480.0),
        stopped(Fires, "a poll failed, and then the task died", "60+60*8 840")
            .silent(21)
            .fires(22, "critical", "", 480.0),
        stopped(Silent, "the vendor asks for an hour", "60+60*8 4140").silent(40).silent(69),
        stopped(Silent, "it fails, so it is polled every five minutes", "60+60*8 840*5 1140*5 1440*5 1740").silent(30),
        stopped(Silent, "a poll takes as long as it may", "60+60*8 600*3 740*1 860*1 980*1 1100*1 1220*1 1340")
            .silent(22),
        down(Fires, "azure_devops", "the vendor is down")
            .silent(16)
            .fires(17, "warning", "", 13.0)
            .fires(90, "warning", "", 86.0),
        // The ticket comes first, and goes on; half an hour after the last good poll somebody is woken.
        down(Fires, "citrix_storefront", "people depend on it")
            .fires(20, "warning", "", 16.0)
            .fires(30, "warning", "", 26.0)
            .fires(60, "critical", "", 56.0),
        // The third failure in a row comes a quarter of an hour after the last good poll.
        down(Fires, "citrix_storefront", "people depend on it, and it is polled seldom")
            .with("rollcall_target_consecutive_failures", "", "0*5 1*5 2*5 3")
            .silent(24)
            .fires(30, "warning", "", 3.0)
            .fires(60, "critical", "", 3.0),
        // Where nobody ever read it, half an hour after the first try.
        down(Fires, "citrix_storefront", "it never answered")
            .with("rollcall_target_up", "", "0")
            .with("rollcall_target_consecutive_failures", "", "1+1")
            .with("rollcall_target_last_success_timestamp_seconds", "", "0")
            .silent(11)
            .fires(21, "warning", "", 22.0)
            .fires(60, "critical", "", 61.0),
        down(Silent, "azure_devops", "a log-on is held").with("rollcall_login_held", "", "0*5 1").silent(60),
        down(Silent, "azure_devops", "two polls fail")
            .with("rollcall_target_up", "", "1*5 0*2 1")
            .with("rollcall_target_consecutive_failures", "", "0*5 1+1*2 0")
            .silent(30),
        down(Flapping, "citrix_storefront", "every tenth poll comes through")
            .with("rollcall_target_up", "", "1*5 0*9 1 0*9 1")
            .with("rollcall_target_consecutive_failures", "", "0*5 1+1*9 0*1 1+1*9 0")
            .with("rollcall_target_last_success_timestamp_seconds", "", "0+60*5 240*9 840*10 1440")
            .silent(16)
            .silent(26),
        partial(Fires, "a pool is forbidden", "1").silent(29).fires(30, "warning", "", 1.0),
        partial(Silent, "for a while", "0*5 1*20 0").silent(40),
        partial(Blind, "the daemon is started again meanwhile", "1*20 -*3 1")
            .with("rollcall_target_up", "", "1*20 -*3 1")
            .silent(29)
            .fires(30, "warning", "", 1.0),
        partial(Blind, "there was no word of it for longer", "1*20 -*7 1")
            .with("rollcall_target_up", "", "1*20 -*7 1")
            .silent(56)
            .fires(57, "warning", "", 1.0),
        partial(Flapping, "on and off", "1*20 0*5 1*20 0").silent(44),
        case("RollcallTargetLoginHeld", Fires, "parallels_ras", "the password has expired")
            .with("rollcall_login_held", "", "0*5 1")
            .silent(19)
            .fires(20, "warning", "", 1.0),
        case("RollcallTargetLoginHeld", Silent, "parallels_ras", "a domain controller hiccuped")
            .with("rollcall_login_held", "", "0*5 1*10 0")
            .silent(25),
        throttled(Fires, "three quarters of the time", "0+45").fires(40, "info", "", 0.75),
        throttled(Silent, "a third of the time", "0+20").silent(60),
        slow(Fires, "17 of 20 seconds", "17").silent(14).fires(15, "warning", "", 0.85),
        slow(Silent, "15 of 20 seconds", "15").silent(40),
    ]
}

fn expiries() -> Vec<Case> {
    let credential = |kind, what, values| {
        case("RollcallCredentialExpiring", kind, "azure_devops", what).with(
            "rollcall_credential_expiry_timestamp_seconds",
            "credential=client_secret",
            values,
        )
    };
    let certificate = |kind, what, values| {
        case("RollcallCertificateExpiring", kind, "citrix_storefront", what).with(
            "rollcall_tls_certificate_not_after_timestamp_seconds",
            "host=store.example.com",
            values,
        )
    };
    vec![
        credential(Fires, "in ten days", "864000").silent(59).fires(
            60,
            "warning",
            "credential=client_secret",
            10.0 * DAY - 3_600.0,
        ),
        credential(Silent, "in twenty days", "1728000").silent(90),
        certificate(Fires, "in ten days", "864000").silent(59).fires(
            60,
            "warning",
            "host=store.example.com",
            10.0 * DAY - 3_600.0,
        ),
        certificate(Fires, "in two days", "172800").silent(59).fires(
            60,
            "critical",
            "host=store.example.com",
            2.0 * DAY - 3_600.0,
        ),
        // It is a ticket until it pages.
        certificate(Fires, "in three days and half an hour", "261000")
            .silent(59)
            .fires(60, "warning", "host=store.example.com", 3.0 * DAY + 1_800.0 - 3_600.0)
            .fires(89, "warning", "host=store.example.com", 3.0 * DAY + 1_800.0 - 5_340.0)
            .fires(110, "critical", "host=store.example.com", 3.0 * DAY + 1_800.0 - 6_600.0),
        certificate(Silent, "in a month", "2592000").silent(90),
    ]
}

fn contents() -> Vec<Case> {
    let unknown = |kind, what, values| {
        case("RollcallUnknownState", kind, "parallels_ras", what).with(
            "rollcall_decode_warnings_total",
            "kind=unknown_state",
            values,
        )
    };
    let broken = |kind, what, failed| {
        let case = case("RollcallTargetBroken", kind, "resilio", what);
        let bad: &[(&str, &str)] = &[("healthy", "2*5 0"), (failed, "0*5 2")];
        case.pool("a", "0", bad).pool("b", "0", bad).pool("c", "0", bad).pool("d", "0", &[("healthy", "2")])
    };
    let agents = |kind, what, values| {
        case("RollcallInventoryShrunk", kind, "parallels_ras", what).with("rollcall_target_agents", "", values)
    };
    let vanished = |kind, what, on_demand| {
        case("RollcallPoolVanished", kind, "azure_devops", what).with(
            "rollcall_pool_on_demand",
            "pool=builds",
            on_demand,
        )
    };
    vec![
        unknown(Fires, "a new version", "0*5 0+1").fires(60, "warning", "", 15.0),
        unknown(Silent, "once", "0*5 1")
            .with("rollcall_decode_warnings_total", "kind=bad_item", "0+1")
            .silent(21)
            .silent(60),
        broken(Fires, "three of four pools", "failed").silent(9).fires(10, "critical", "", 0.75),
        broken(Silent, "three of four pools, two of them not expected to serve", "failed")
            .pool("b", "1", &[("failed", "2")])
            .pool("c", "1", &[("failed", "2")])
            .silent(30),
        broken(Maintenance, "three pools are drained", "disabled").silent(30),
        agents(Fires, "four in ten are gone", "100*61 60").silent(75).fires(76, "warning", "", 0.6),
        agents(Silent, "two in ten are gone", "100*61 80").silent(90),
        agents(Silent, "of nine", "9*61 2").silent(90),
        agents(Silent, "the data are withdrawn", "100*61 0")
            .with("rollcall_target_up", "", "1*56 0")
            .with("rollcall_target_stale", "", "0*61 1")
            .silent(90),
        vanished(Fires, "a pool was deleted", "0*10 -").silent(24).fires(25, "warning", "pool=builds", 0.0),
        vanished(Silent, "it is on demand", "1*10 -").silent(60),
        vanished(Silent, "its part could not be read", "0*10 -")
            .with("rollcall_target_partial", "", "0*5 1")
            .silent(60),
        vanished(Silent, "nothing could be read", "0*10 -")
            .with("rollcall_target_up", "", "1*5 0")
            .with("rollcall_target_stale", "", "0*10 1")
            .silent(60),
    ]
}
