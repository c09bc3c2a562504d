//! A vendor that answered well stops doing so, in every way, and comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rollcall::sim::{Fault, Options};

use crate::support::{Config, Daemon, Exposition, Folder, Front, Sim, Target, VENDORS, frozen};

/// How the vendor fails.
enum Break {
    /// Nobody listens.
    Shut,
    /// The request for the data meets a fault.
    Fault(Fault),
    /// The request for the data gets this status and header.
    Answer(u16, &'static str),
    /// The data are well-formed and something else.
    OtherRoot,
    /// There are no data where they should be.
    Empty,
    /// The data begin, and then the connection ends, or stays open without a word.
    Begun { stays: bool },
}

/// What the target shows then.
#[derive(Clone, Copy)]
struct Expected {
    /// Reason of the failed polls; empty where the poll is a success.
    reason: &'static str,
    /// For the session probe, where the result is the datum: what it says then. Else good data stay, and go when they are
    /// too old.
    verdict: Option<&'static str>,
    after: After,
}

/// What becomes of it when the vendor is well again.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// Everything is as before.
    Recovers,
    /// Nothing is asked for a long time, because the vendor wants it so.
    Waits,
    /// The endpoint is left alone for an hour, as the account seems not to be allowed to read it.
    LeftAlone,
}

const fn withdrawn(reason: &'static str) -> Expected {
    Expected { reason, verdict: None, after: After::Recovers }
}

const fn probe(reason: &'static str, verdict: &'static str) -> Expected {
    Expected { reason, verdict: Some(verdict), after: After::Recovers }
}

const fn then(expected: Expected, after: After) -> Expected {
    Expected { after, ..expected }
}

/// What each vendor shows, in the order of [`VENDORS`].
type Row = (&'static str, Break, [Expected; 5]);

fn rows() -> Vec<Row> {
    let all = |reason, session| {
        let one = withdrawn(reason);
        [one, session, one, one, one]
    };
    let status = |status| Break::Fault(Fault::Status(status, "", "text/plain"));
    let mut rows: Vec<Row> = vec![
        ("shut", Break::Shut, all("connect", probe("connect", "unreachable"))),
        ("dropped", Break::Fault(Fault::Drop), all("connect", probe("connect", "unreachable"))),
        ("hanging", Break::Fault(Fault::Hang), all("timeout", probe("timeout", "unreachable"))),
        ("status-500", status(500), all("http_status", probe("http_status", "unreachable"))),
        ("status-429", status(429), all("rate_limited", probe("http_status", "unreachable"))),
        ("status-404", status(404), all("not_found", probe("http_status", "unreachable"))),
        ("status-403", status(403), all("forbidden", probe("http_status", "unreachable"))),
        ("status-401", status(401), all("auth", probe("auth", "token"))),
        ("busy", Break::Answer(503, "retry-after: 600"), all("rate_limited", probe("http_status", "unreachable"))),
        ("large", Break::Fault(Fault::Oversized(1_000_000)), all("too_large", withdrawn("too_large"))),
        ("html", Break::Fault(Fault::Html), all("content_type", probe("content_type", "unknown"))),
        ("cut", Break::Fault(Fault::Truncated), all("decode", probe("decode", "unknown"))),
        ("status-302", status(302), all("http_status", probe("http_status", "unreachable"))),
        ("empty", Break::Empty, all("decode", probe("decode", "unknown"))),
        ("ended", Break::Begun { stays: false }, all("decode", probe("decode", "unreachable"))),
        ("dripping", Break::Begun { stays: true }, all("timeout", probe("timeout", "unreachable"))),
        ("other-root", Break::OtherRoot, all("decode", probe("", "unknown"))),
    ];
    for (name, _, expected) in &mut rows {
        match *name {
            // A page for people where Azure's data should be is its sign-in page.
            "html" | "status-302" => expected[3] = withdrawn("auth"),
            // RAS answers 401 also where a right is missing: a new log-on tells, and that was good.
            "status-401" => expected[0] = then(withdrawn("forbidden"), After::LeftAlone),
            "status-403" => expected[0] = then(withdrawn("forbidden"), After::LeftAlone),
            "busy" => *expected = expected.map(|expected| then(expected, After::Waits)),
            _ => {}
        }
    }
    rows
}

/// The path of the request without which there are no data at all.
fn data_path(vendor: &str) -> &'static str {
    match vendor {
        "parallels_ras" => "/api/Agent",
        "parallels_ras_session" => "/api/directsessiontunnel",
        "resilio" => "/api/v3/client",
        "azure_devops" => "/_apis/distributedtask/pools",
        _ => "/machinecontrol/list",
    }
}

/// One vendor under one breakage.
struct Case {
    target: String,
    vendor: &'static str,
    expected: Expected,
    before: Data,
    seen_fresh: bool,
    settled: bool,
    polls: f64,
    asked: usize,
}

type Data = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The target's data but for what the daemon's own clock makes of each poll.
fn data(exposition: &Exposition, target: &str) -> Data {
    let moving = ["rollcall_pool_last_success_timestamp_seconds", "parallels_ras_session_probe_duration_seconds"];
    let data = exposition.data(target).into_iter().filter(|sample| !moving.contains(&&*sample.name));
    data.map(|sample| ((sample.name.clone(), sample.labels.clone()), sample.value)).collect()
}

/// The names of what tells of the daemon's own work on the target.
fn own_names(exposition: &Exposition, target: &str) -> BTreeSet<String> {
    let own = exposition.samples.iter().filter(|sample| sample.label("target") == target);
    let own =
        own.filter(|sample| sample.name.starts_with("rollcall_target_") || sample.name.starts_with("rollcall_poll"));
    own.map(|sample| sample.name.clone()).collect()
}

impl Case {
    /// What is wrong with what the target shows while its vendor fails.
    fn look(&mut self, now: &Exposition, own: &BTreeSet<String>) -> Result<(), String> {
        if self.settled && self.expected.verdict.is_some() && self.expected.after == After::Waits {
            // It was told; what is ten minutes old when the vendor may be asked again is withdrawn meanwhile.
            return Ok(());
        }
        let value = |name: &str| now.of(&self.target, name).ok_or_else(|| format!("{name} is missing"));
        let present = own_names(now, &self.target);
        let missing: Vec<&String> = own.difference(&present).collect();
        if !missing.is_empty() {
            return Err(format!("{missing:?} are gone"));
        }
        let reason = now.failure(&self.target);
        // A poll of many requests may have been under way when the vendor broke: that one alone is partial.
        let straddles = |reason: &str| self.vendor == "azure_devops" && reason == "partial";
        if straddles(&reason) && !self.seen_fresh {
            return Ok(());
        }
        let others = now.all("rollcall_poll_failures_total", &[("target", &self.target)]);
        let others = others.iter().filter(|sample| {
            let reason = sample.label("reason");
            let allowed = f64::from(u8::from(straddles(reason)));
            reason != self.expected.reason && sample.value > allowed
        });
        if let Some(other) = others.map(|sample| sample.label("reason")).next() {
            return Err(format!("a failure for {other:?} was counted, not {:?}", self.expected.reason));
        }
        if value("rollcall_login_held")? != 0.0 || value("rollcall_target_partial")? != 0.0 {
            return Err("it is held or partial".to_owned());
        }
        let (data, stale) = (data(now, &self.target), value("rollcall_target_stale")? == 1.0);
        let told = match self.expected.verdict {
            Some(verdict) => !now
                .all("parallels_ras_session_probe_error", &[("target", &self.target), ("verdict", verdict)])
                .is_empty(),
            None => !reason.is_empty(),
        };
        if !told {
            return match data == self.before {
                true => Ok(()),
                false => {
                    Err(format!("the data changed before the failure was told: {}", difference(&self.before, &data)))
                }
            };
        }
        if reason != self.expected.reason {
            return Err(format!("the reason is {reason:?}, not {:?}", self.expected.reason));
        }
        let up = f64::from(u8::from(reason.is_empty()));
        if value("rollcall_target_up")? != up {
            return Err(format!("up is not {up}"));
        }
        if !reason.is_empty() && now.failures(&self.target, &reason) < 1.0 {
            return Err("the failure was not counted".to_owned());
        }
        if let Some(verdict) = self.expected.verdict {
            return self.look_at_probe(now, verdict, stale);
        }
        if stale {
            self.settled = true;
            return match (data.is_empty(), self.seen_fresh) {
                (true, true) => Ok(()),
                (true, false) => Err("the data were gone at once".to_owned()),
                (false, _) => Err(format!("too old data are still there: {:?}", data.keys().next())),
            };
        }
        self.seen_fresh = true;
        if data != self.before {
            return Err(format!("the failure changed the data: {}", difference(&self.before, &data)));
        }
        Ok(())
    }

    fn look_at_probe(&mut self, now: &Exposition, verdict: &str, stale: bool) -> Result<(), String> {
        let code = if verdict == "unreachable" { "0" } else { "" };
        let [error] = &*now.all("parallels_ras_session_probe_error", &[("target", &self.target)]) else {
            return Err("not one error of the probe".to_owned());
        };
        let health = if verdict == "unreachable" { "failed" } else { "unknown" };
        let labels = [("target", &*self.target), ("health", health)];
        let success = now.of(&self.target, "parallels_ras_session_probe_success");
        if error.label("code") != code || now.get("rollcall_agent_health", &labels) != Some(1.0) || success != Some(0.0)
        {
            return Err(format!("not {health} with code {code:?}: {}", now.about(&self.target)));
        }
        if stale {
            return Err("what the probe found is no old data".to_owned());
        }
        let failures = now.of(&self.target, "parallels_ras_session_probe_consecutive_failures").unwrap_or(0.0);
        self.settled = failures >= 2.0 || self.expected.after == After::Waits;
        Ok(())
    }
}

fn difference(before: &Data, after: &Data) -> String {
    let gone: Vec<_> = before.iter().filter(|(key, value)| after.get(*key) != Some(*value)).take(2).collect();
    let new: Vec<_> = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).take(2).collect();
    format!("{} before, {} now; gone {gone:?}, new {new:?}", before.len(), after.len())
}

fn quick(vendor: &str, name: &str, sim: &Sim) -> Target {
    Target::of(vendor, name, sim).set("stale_after", "12s")
}

const EACH: Duration = Duration::from_millis(200);

#[test]
fn every_vendor_under_every_breakage_keeps_good_data_until_they_are_old_and_recovers() {
    let small = || Sim::start(Options { agents: 20, ..frozen() });
    let (well, folder, rows) = (small(), Folder::new(), rows());
    let mut config =
        Config::with_defaults("{ interval: 2s, timeout: 3s, stale_after: 12s, max_response_size: 512KiB }");
    let bystanders = VENDORS.map(|vendor| format!("{vendor}-well"));
    config = config.targets(VENDORS.iter().zip(&bystanders).map(|(vendor, name)| quick(vendor, name, &well)));
    let mut worlds = Vec::new();
    let mut cases = Vec::new();
    for (name, how, expected) in &rows {
        let sim = small();
        let fronts = VENDORS.map(|vendor| Front::of(&sim, vendor));
        for ((vendor, expected), front) in VENDORS.iter().zip(expected).zip(&fronts) {
            let target = format!("{vendor}-{name}");
            let mut entry = quick(vendor, &target, &sim);
            if matches!(how, Break::Answer(..) | Break::Begun { .. }) {
                entry = entry.map("url", |url| url.replace(&sim.url(vendor), front.url()));
            }
            config = config.target(entry);
            cases.push(Case {
                target,
                vendor,
                expected: *expected,
                before: Data::new(),
                seen_fresh: false,
                settled: false,
                polls: 0.0,
                asked: 0,
            });
        }
        worlds.push((sim, fronts));
    }
    let daemon = Daemon::start(&config.write(&folder));
    let names: Vec<&str> =
        cases.iter().map(|case| case.target.as_str()).chain(bystanders.iter().map(String::as_str)).collect();
    let before = daemon.wait_until_up(&names);
    let begun = Instant::now();
    for case in &mut cases {
        case.before = data(&before, &case.target);
        assert!(!case.before.is_empty());
    }
    let own: BTreeMap<String, BTreeSet<String>> =
        cases.iter().map(|case| (case.target.clone(), own_names(&before, &case.target))).collect();

    for ((_, how, _), (sim, fronts)) in rows.iter().zip(&worlds) {
        for (vendor, front) in VENDORS.iter().zip(fronts) {
            let (media_type, other_root) = match *vendor {
                "citrix_storefront" => ("text/xml", "<other/>"),
                _ => ("application/json", "{}"),
            };
            match how {
                Break::Shut => sim.shut(vendor),
                Break::Fault(fault) => sim.fail(vendor, data_path(vendor), fault.clone()),
                Break::Answer(status, header) => front.answer(data_path(vendor), *status, &[*header]),
                Break::OtherRoot => sim.fail(vendor, data_path(vendor), Fault::Status(200, other_root, media_type)),
                Break::Empty => sim.fail(vendor, data_path(vendor), Fault::Status(200, "", media_type)),
                Break::Begun { stays } => front.begin(data_path(vendor), media_type, &other_root[..1], *stays),
            }
        }
    }
    let mut problems = BTreeSet::new();
    let broken = Instant::now();
    let mut last_look = broken;
    while !cases.iter().all(|case| case.settled) && broken.elapsed() < Duration::from_secs(40) {
        std::thread::sleep(EACH);
        let now = daemon.scrape();
        // On a machine that stood still nobody saw what was there in between, and it cannot be held against the daemon.
        let stood_still = last_look.elapsed() > Duration::from_secs(4);
        last_look = Instant::now();
        problems.extend(unmoved(&now, &bystanders));
        for case in &mut cases {
            case.seen_fresh |= stood_still;
            if let Err(problem) = case.look(&now, &own[&case.target]) {
                problems.insert(format!("{}: {problem}", case.target));
            }
        }
    }
    problems.extend(cases.iter().filter(|case| !case.settled).map(|case| format!("{} did not settle", case.target)));
    assert!(problems.is_empty(), "{problems:#?}");

    let now = daemon.scrape();
    for (index, case) in cases.iter_mut().enumerate() {
        let sim = &worlds[index / VENDORS.len()].0;
        case.polls = now.of(&case.target, "rollcall_polls_total").expect("it was polled");
        case.asked = sim.asked(case.vendor, data_path(case.vendor));
        let secrets = sim.secrets_seen(case.vendor);
        if matches!(case.vendor, "parallels_ras" | "citrix_storefront") && secrets > 2 {
            problems.insert(format!("{}: the password was sent {secrets} times", case.target));
        }
    }
    for (sim, fronts) in &worlds {
        for (vendor, front) in VENDORS.iter().zip(fronts) {
            sim.reopen(vendor);
            sim.heal(vendor);
            front.heal();
        }
    }
    let recovered = |now: &Exposition, case: &Case| {
        let value = |name| now.of(&case.target, name);
        value("rollcall_target_up") == Some(1.0)
            && value("rollcall_target_stale") == Some(0.0)
            && value("rollcall_target_consecutive_failures") == Some(0.0)
            && now.failure(&case.target).is_empty()
            && data(now, &case.target).keys().map(|(name, _)| name).eq(case.before.keys().map(|(name, _)| name))
    };
    let healed = Instant::now();
    let now = loop {
        std::thread::sleep(EACH);
        let now = daemon.scrape();
        problems.extend(unmoved(&now, &bystanders));
        let waiting: Vec<&Case> =
            cases.iter().filter(|case| case.expected.after == After::Recovers && !recovered(&now, case)).collect();
        if waiting.is_empty() {
            break now;
        }
        if healed.elapsed() > Duration::from_secs(20) {
            let about =
                waiting.iter().map(|case| format!("{} did not recover:\n{}", case.target, now.about(&case.target)));
            problems.extend(about);
            break now;
        }
    };
    for (index, case) in cases.iter().enumerate() {
        let polls = now.of(&case.target, "rollcall_polls_total").expect("it was polled");
        let asked = worlds[index / VENDORS.len()].0.asked(case.vendor, data_path(case.vendor));
        match case.expected.after {
            // What a failed probe found is another state, since another moment.
            After::Recovers if case.expected.verdict.is_none() && data(&now, &case.target) != case.before => {
                problems.insert(format!("{}: {}", case.target, difference(&case.before, &data(&now, &case.target))));
            }
            After::Waits if polls != case.polls => {
                problems.insert(format!("{}: polled although the vendor wants ten minutes of peace", case.target));
            }
            After::LeftAlone if asked != case.asked || polls == case.polls => {
                problems.insert(format!("{}: an endpoint that is forbidden was asked again", case.target));
            }
            _ => {}
        }
    }
    let due = begun.elapsed().as_secs_f64() / 2.0;
    for name in &bystanders {
        let made = now.of(name, "rollcall_polls_total").unwrap_or(0.0)
            - before.of(name, "rollcall_polls_total").unwrap_or(0.0);
        if made < due * 0.7 - 2.0 {
            problems.insert(format!("{name} was polled {made} times where {due:.0} polls were due"));
        }
    }
    let log = daemon.log();
    for case in cases.iter().filter(|case| case.expected.after == After::Recovers && !case.expected.reason.is_empty()) {
        let lines = |level: &str, message: &str| {
            let target = format!("target={} ", case.target);
            let is_one = |line: &&str| line.contains(level) && line.contains(message) && line.contains(&target);
            log.lines().filter(is_one).count()
        };
        let (failed, back) = (lines(" WARN ", "Poll failed."), lines(" INFO ", "Target answers again."));
        if (failed, back) != (1, 1) {
            problems.insert(format!("{}: {failed} warnings, {back} recoveries in the log", case.target));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Bystanders that noticed something.
fn unmoved(now: &Exposition, bystanders: &[String]) -> Vec<String> {
    let noticed = |name: &&String| {
        now.of(name, "rollcall_target_up") != Some(1.0)
            || now.of(name, "rollcall_target_consecutive_failures") != Some(0.0)
            || !now.failure(name).is_empty()
    };
    bystanders.iter().filter(noticed).map(|name| format!("{name} noticed: {}", now.failure(name))).collect()
}
