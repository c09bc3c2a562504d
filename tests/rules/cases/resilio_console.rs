use super::super::case::{Case, Kind::*, case};

const VENDOR: &str = "resilio_console";
const AGENT: &str = "pool=zrh,agent=FILER-02";
const JOB: &str = "job_name=docs,job_id=384";

pub fn cases() -> Vec<Case> {
    let health = |alert, kind, what, class: &str, values| {
        let of = format!("{AGENT},health={class}");
        case(alert, kind, VENDOR, what).with("rollcall_agent_health", &of, values)
    };
    let offline = |kind, what, class, values| health("ResilioAgentOffline", kind, what, class, values);
    let inhibitor = |kind, what, class, values| health("ResilioAgentOfflineInhibitor", kind, what, class, values);
    let error =
        |alert, kind, what, of, values| case(alert, kind, VENDOR, what).with("resilio_console_error", of, values);
    let full = |kind, what, of, values| error("ResilioAgentDiskFull", kind, what, of, values);
    let skew = |kind, what, of, values| error("ResilioAgentClockSkew", kind, what, of, values);
    let run = |kind, what, status: &str, errors| {
        case("ResilioRunFailed", kind, VENDOR, what)
            .with("resilio_console_run_status", &format!("{JOB},status={status}"), "1")
            .with("resilio_console_run_errors", JOB, errors)
    };
    let pending = |kind, what, waiting| {
        case("ResilioAgentsPending", kind, VENDOR, what).pool("console", "1", &[("transitional", waiting)])
    };
    vec![
        offline(Fires, "for half an hour", "failed", "1").silent(29).fires(30, "warning", AGENT, 1.0),
        offline(Silent, "it came back", "failed", "1*25 0").silent(60),
        offline(Maintenance, "a laptop that is off", "disabled", "1").silent(90),
        offline(Flapping, "again and again", "failed", "1*20 0*2 1*20 0*2 1*20 0").silent(31).silent(53).silent(70),
        inhibitor(Fires, "before anybody is told", "failed", "1").silent(4).fires(5, "info", AGENT, 1.0),
        inhibitor(Silent, "it is degraded", "degraded", "1").silent(30),
        full(Fires, "of an agent", "code=10200,subject=agent", "1").silent(4).fires(5, "warning", "", 1.0),
        full(Silent, "another code", "code=10300,subject=agent", "1").silent(30),
        full(Silent, "there is room again", "code=10200,subject=run", "1*4 -").silent(30),
        skew(Fires, "for a quarter of an hour", "code=10300,subject=run", "1").silent(14).fires(15, "warning", "", 1.0),
        skew(Silent, "another code", "code=10200,subject=run", "1").silent(30),
        run(Fires, "aborted", "aborted", "0").silent(4).fires(5, "warning", JOB, 1.0),
        run(Fires, "timed out", "timeout", "0").silent(4).fires(5, "warning", JOB, 1.0),
        run(Fires, "with errors", "working", "3").silent(4).fires(5, "warning", JOB, 3.0),
        run(Silent, "at work", "working", "0").silent(60),
        run(Maintenance, "paused", "paused", "0").silent(60),
        pending(Fires, "for a day", "2").silent(1_439).fires(1_440, "info", "", 2.0),
        pending(Silent, "approved at night", "2*600 0").silent(1_500),
    ]
}
