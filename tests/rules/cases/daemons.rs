use super::super::case::{Case, Kind::*, case};

pub fn cases() -> Vec<Case> {
    let daemon = "job=rollcall,instance=a:10077";
    let failed = "job=rollcall,instance=a:10077,alertmanager=http://am1";
    let other = "job=rollcall,instance=a:10077,alertmanager=http://am2";
    vec![
        case("RollcallDown", Fires, "", "a daemon is down")
            .with("up", daemon, "1*5 0")
            .silent(14)
            .fires(15, "warning", daemon, 0.0),
        case("RollcallDown", Silent, "", "a daemon restarts, and another job is down")
            .with("up", daemon, "1*5 0*3 1")
            .with("up", "job=node,instance=b", "0")
            .silent(30),
        case("RollcallDownWidely", Fires, "", "two of three")
            .with("up", daemon, "0")
            .with("up", "job=rollcall,instance=b", "0")
            .with("up", "job=rollcall,instance=c", "1")
            .silent(4)
            .fires(5, "critical", "job=rollcall", 2.0 / 3.0),
        case("RollcallDownWidely", Silent, "", "one of two")
            .with("up", daemon, "0")
            .with("up", "job=rollcall,instance=b", "1")
            .silent(20),
        case("RollcallAbsent", Fires, "", "another job only")
            .with("up", "job=node,instance=b", "1")
            .silent(14)
            .fires(15, "critical", "", 1.0),
        case("RollcallAbsent", Silent, "", "a daemon that is down is there").with("up", daemon, "0").silent(30),
        case("RollcallWatchdog", Fires, "", "always").with("up", daemon, "1").fires(0, "none", daemon, 1.0),
        case("RollcallWatchdog", Silent, "", "down").with("up", daemon, "1*5 0").silent(5),
        case("RollcallDirectWatchdog", Fires, "", "always").fires(1, "none", "", 1.0),
        case("RollcallConfigReloadFailed", Fires, "", "a typo")
            .with("rollcall_config_last_reload_successful", daemon, "1*5 0")
            .silent(14)
            .fires(15, "warning", daemon, 0.0),
        case("RollcallConfigReloadFailed", Silent, "", "mended within minutes")
            .with("rollcall_config_last_reload_successful", daemon, "1*5 0*5 1")
            .silent(20),
        case("RollcallWebConfigReloadFailed", Fires, "", "a typo")
            .with("rollcall_web_config_last_reload_successful", daemon, "1*5 0")
            .silent(14)
            .fires(15, "warning", daemon, 0.0),
        case("RollcallWebConfigReloadFailed", Silent, "", "certificate and key came one after the other")
            .with("rollcall_web_config_last_reload_successful", daemon, "1*5 0*5 1")
            .silent(20),
        case("RollcallAlertmanagerUnreachable", Fires, "", "one of two is dead")
            .with("rollcall_notifications_failed_total", failed, "0*5 0+1")
            .with("rollcall_notifications_failed_total", other, "0")
            .with("rollcall_notifications_sent_total", failed, "7")
            .with("rollcall_notifications_sent_total", other, "7+1")
            .silent(60)
            .fires(70, "warning", failed, 15.0),
        case("RollcallAlertmanagerUnreachable", Silent, "", "it is started anew, and refuses some of what it gets")
            .with("rollcall_notifications_failed_total", failed, "0*5 0+1*20 20")
            .with("rollcall_notifications_sent_total", failed, "7")
            .with("rollcall_notifications_failed_total", other, "0+1")
            .with("rollcall_notifications_sent_total", other, "7+1")
            .silent(60)
            .silent(90),
        case("RollcallStateNotWritten", Fires, "", "the disk is full")
            .with("rollcall_state_write_failures_total", daemon, "0*5 0+1")
            .silent(15)
            .fires(40, "warning", daemon, 15.0),
        case("RollcallStateNotWritten", Silent, "", "once")
            .with("rollcall_state_write_failures_total", daemon, "0*5 1")
            .silent(20)
            .silent(21)
            .silent(40),
        case("RollcallPanicking", Fires, "", "a poll panics again and again")
            .with("rollcall_panics_total", daemon, "0*5 0+1")
            .silent(5)
            .fires(25, "warning", daemon, 15.0),
        case("RollcallPanicking", Silent, "", "never").with("rollcall_panics_total", daemon, "0").silent(20),
        case("RollcallAlertDeliveryFailing", Fires, "", "no Alertmanager accepts")
            .with("rollcall_notifications_failed_total", failed, "0+1")
            .with("rollcall_notifications_failed_total", other, "0+1")
            .with("rollcall_notifications_sent_total", failed, "7")
            .with("rollcall_notifications_sent_total", other, "7")
            .silent(5)
            .fires(20, "critical", daemon, 10.0),
        case("RollcallAlertDeliveryFailing", Silent, "", "one of two accepts")
            .with("rollcall_notifications_failed_total", failed, "0+1")
            .with("rollcall_notifications_failed_total", other, "0")
            .with("rollcall_notifications_sent_total", failed, "7")
            .with("rollcall_notifications_sent_total", other, "7+1")
            .silent(30),
        case("RollcallAlertDeliveryFailing", Fires, "", "the only one answers 400 for ever")
            .with("rollcall_notifications_failed_total", failed, "0+3")
            .with("rollcall_notifications_sent_total", failed, "0")
            .with("rollcall_notifications_queue_length", failed, "0")
            .silent(5)
            .fires(20, "critical", daemon, 15.0),
        // What was refused is tried again every two minutes, so this does not depend on resend_delay.
        case(
            "RollcallAlertDeliveryFailing",
            Fires,
            "",
            "the only one answers 400 for ever, and is seldom told anything",
        )
        .with("rollcall_notifications_failed_total", failed, "0*2 1*2 2*2 3*2 4*2 5*2 6*2 7*2 8*2 9*2 10*2 11*2 12")
        .with("rollcall_notifications_sent_total", failed, "0")
        .with("rollcall_notifications_queue_length", failed, "0")
        .silent(5)
        .fires(20, "critical", daemon, 3.0),
        case("RollcallAlertDeliveryFailing", Fires, "", "one answers 400, one is away")
            .with("rollcall_notifications_failed_total", failed, "0+3")
            .with("rollcall_notifications_failed_total", other, "0+6")
            .with("rollcall_notifications_sent_total", failed, "0")
            .with("rollcall_notifications_sent_total", other, "0")
            .with("rollcall_notifications_queue_length", failed, "0")
            .with("rollcall_notifications_queue_length", other, "3")
            .fires(20, "critical", daemon, 45.0),
        case("RollcallAlertDeliveryFailing", Silent, "", "one is away, the other is told again once an hour only")
            .with("rollcall_notifications_failed_total", failed, "0+6")
            .with("rollcall_notifications_failed_total", other, "0")
            .with("rollcall_notifications_sent_total", failed, "0")
            .with("rollcall_notifications_sent_total", other, "3")
            .with("rollcall_notifications_queue_length", failed, "3")
            .with("rollcall_notifications_queue_length", other, "0")
            .silent(30),
    ]
}
