//! A vendor that answered well stops doing so, in every way, and comes back.

mod case;
mod rows;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rollcall_sim::{Fault, Options};

use crate::support::{
    Config, Daemon, Exposition, FaultProxy, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, data_path, frozen, wait_until,
};
use case::{Case, data, difference};
use rows::{After, Break, rows};

const EACH: Duration = Duration::from_millis(200);

/// From one poll to the next.
const INTERVAL: Duration = Duration::from_secs(4);

#[test]
fn every_vendor_under_every_breakage_keeps_good_data_until_they_are_old_and_recovers() {
    let mut fleet = BrokenFleet::start();
    fleet.break_everything();
    fleet.watch_until_settled();
    fleet.assert_no_problems();
    fleet.note_what_was_asked();
    fleet.heal_everything();
    let now = fleet.watch_until_recovered();
    fleet.everything_is_as_before(&now);
    fleet.bystanders_were_polled(&now);
    fleet.the_log_tells_each_once();
    fleet.assert_no_problems();
}

/// The vendors of one breakage.
struct BrokenVendor {
    how: Break,
    sim: Sim,
    proxies: [FaultProxy; VENDORS.len()],
}

impl BrokenVendor {
    fn break_vendor(&self, vendor: &'static str) {
        let BrokenVendor { how, sim, proxies } = self;
        let proxy = VENDORS.iter().position(|other| *other == vendor).map(|index| &proxies[index]).expect("a vendor");
        let (media_type, other_root) = match vendor {
            "citrix_storefront" => ("text/xml", "<other/>"),
            _ => ("application/json", "{}"),
        };
        match how {
            Break::Shut => sim.shut(vendor),
            Break::Fault(fault) => sim.fail(vendor, data_path(vendor), fault.clone()),
            Break::Answer(status, header) => proxy.answer(data_path(vendor), *status, &[*header]),
            Break::OtherRoot => sim.fail(vendor, data_path(vendor), Fault::Status(200, other_root, media_type)),
            Break::Empty => sim.fail(vendor, data_path(vendor), Fault::Status(200, "", media_type)),
            Break::Begun { stays } => proxy.begin(data_path(vendor), media_type, &other_root[..1], *stays),
        }
    }
}

/// Every vendor under every breakage, and every vendor once more that stays well.
struct BrokenFleet {
    worlds: Vec<BrokenVendor>,
    /// For each world one of every vendor.
    cases: Vec<Case>,
    bystanders: [String; VENDORS.len()],
    daemon: Daemon,
    /// When all was well, and what was shown then.
    begun: Instant,
    before: Exposition,
    /// How long looks came late since then: for so long the machine did not let anybody do anything in time.
    lost: Duration,
    /// What was not as it should be.
    problems: BTreeSet<String>,
    _well: Sim,
    _folder: Folder,
}

impl BrokenFleet {
    /// All are well.
    fn start() -> BrokenFleet {
        let small = || Sim::start(Options { agents: 20, ..frozen() });
        let (well, folder) = (small(), Folder::new());
        let mut config =
            Config::with_defaults("{ interval: 4s, timeout: 12s, stale_after: 32s, max_response_size: 512KiB }");
        let bystanders = VENDORS.map(|vendor| format!("{vendor}-well"));
        config = config.targets(VENDORS.iter().zip(&bystanders).map(|(vendor, name)| quick(vendor, name, &well)));
        let (mut worlds, mut cases) = (Vec::new(), Vec::new());
        for (name, how, expected) in rows() {
            let sim = small();
            let proxies = VENDORS.map(|vendor| FaultProxy::of(&sim, vendor));
            for ((vendor, expected), proxy) in VENDORS.into_iter().zip(expected).zip(&proxies) {
                let target = format!("{vendor}-{name}");
                let mut entry = quick(vendor, &target, &sim);
                if matches!(how, Break::Answer(..) | Break::Begun { .. }) {
                    entry = entry.map("url", |url| url.replace(&sim.url(vendor), proxy.url()));
                }
                config = config.target(entry);
                cases.push(Case::new(target, vendor, expected));
            }
            worlds.push(BrokenVendor { how, sim, proxies });
        }
        // A minute in which a password waits that proved nothing takes a second.
        let daemon = Daemon::with_flags(&config.write(&folder), &["--time-scale", "60"]);
        let names = cases.iter().map(|case| case.target.as_str()).chain(bystanders.iter().map(String::as_str));
        let before = daemon.wait_until_up(&names.collect::<Vec<_>>());
        let begun = Instant::now();
        cases.iter_mut().for_each(|case| case.is_well(&before));
        let problems = BTreeSet::new();
        BrokenFleet {
            worlds,
            cases,
            bystanders,
            daemon,
            begun,
            before,
            lost: Duration::ZERO,
            problems,
            _well: well,
            _folder: folder,
        }
    }

    /// Azure DevOps, which is read by many requests, breaks between two polls: half of one is not what this is about.
    fn break_everything(&self) {
        let cases = self.cases.iter().enumerate().map(|(index, case)| (&self.worlds[index / VENDORS.len()], case));
        let (mut whole, at_once): (Vec<_>, Vec<_>) = cases.partition(|(_, case)| case.vendor == "azure_devops");
        at_once.into_iter().for_each(|(world, case)| world.break_vendor(case.vendor));
        wait_until("each was between two polls", WAIT_TIMEOUT, || {
            let now = self.daemon.scrape();
            let rests = |(_, case): &mut (&BrokenVendor, &Case)| rests(&now, &case.target);
            whole.extract_if(.., rests).for_each(|(world, case)| world.break_vendor(case.vendor));
            if whole.is_empty() { Ok(()) } else { Err(format!("{} are whole", whole.len())) }
        });
    }

    /// Looks at everything again and again until all show what they show in the end.
    fn watch_until_settled(&mut self) {
        let broken = Instant::now();
        let mut last_look = broken;
        while !self.cases.iter().all(|case| case.settled) && broken.elapsed() < WAIT_TIMEOUT {
            let now = self.look();
            // On a machine that stood still nobody saw what was there in between, and it cannot be held against the daemon.
            let stood_still = last_look.elapsed() > Duration::from_secs(4);
            last_look = Instant::now();
            self.bystanders_notice_nothing(&now);
            for case in &mut self.cases {
                if stood_still {
                    case.missed_a_while();
                }
                if let Err(problem) = case.look(&now) {
                    self.problems.insert(format!("{}: {problem}", case.target));
                }
            }
        }
        let now = self.daemon.scrape();
        let unsettled = self.cases.iter().filter(|case| !case.settled);
        let about = |case: &Case| format!("{} did not settle:\n{}", case.target, now.about(&case.target));
        self.problems.extend(unsettled.map(about));
    }

    /// The next scrape, and how late it comes.
    fn look(&mut self) -> Exposition {
        let last = Instant::now();
        std::thread::sleep(EACH);
        let now = self.daemon.scrape();
        self.lost += last.elapsed().saturating_sub(INTERVAL / 2);
        now
    }

    fn note_what_was_asked(&mut self) {
        let now = self.daemon.scrape();
        for (index, case) in self.cases.iter_mut().enumerate() {
            let sim = &self.worlds[index / VENDORS.len()].sim;
            case.polls = now.of(&case.target, "rollcall_polls_total").expect("it was polled");
            let secrets = sim.secrets_seen(case.vendor);
            if matches!(case.vendor, "parallels_ras" | "citrix_storefront") && secrets > 2 {
                self.problems.insert(format!("{}: the password was sent {secrets} times", case.target));
            }
        }
    }

    fn heal_everything(&self) {
        for BrokenVendor { sim, proxies, .. } in &self.worlds {
            for (vendor, proxy) in VENDORS.iter().zip(proxies) {
                sim.reopen(vendor);
                sim.heal(vendor);
                proxy.heal();
            }
        }
    }

    /// Looks again and again until all that recover have recovered. Returns the last look.
    fn watch_until_recovered(&mut self) -> Exposition {
        let healed = Instant::now();
        loop {
            let now = self.look();
            self.bystanders_notice_nothing(&now);
            let recovering = self.cases.iter().filter(|case| case.expected.after == After::Recovers);
            let waiting: Vec<&Case> = recovering.filter(|case| !case.has_recovered(&now)).collect();
            if !waiting.is_empty() && healed.elapsed() <= WAIT_TIMEOUT {
                continue;
            }
            let about = |case: &Case| format!("{} did not recover:\n{}", case.target, now.about(&case.target));
            self.problems.extend(waiting.into_iter().map(about));
            return now;
        }
    }

    /// Those that recover show what they showed before; those that are to wait are not polled.
    fn everything_is_as_before(&mut self, now: &Exposition) {
        for case in &self.cases {
            let polls = now.of(&case.target, "rollcall_polls_total").expect("it was polled");
            let data = data(now, &case.target);
            let problem = match case.expected.after {
                // What a failed probe found is another state, since another moment.
                After::Recovers if case.expected.verdict.is_none() && data != case.before => {
                    difference(&case.before, &data)
                }
                After::Waits if polls != case.polls => {
                    "polled although the vendor wants ten minutes of peace".to_owned()
                }
                _ => continue,
            };
            self.problems.insert(format!("{}: {problem}", case.target));
        }
    }

    fn bystanders_notice_nothing(&mut self, now: &Exposition) {
        let noticed = |name: &&String| {
            now.of(name, "rollcall_target_up") != Some(1.0)
                || now.of(name, "rollcall_target_consecutive_failures") != Some(0.0)
                || !now.failure(name).is_empty()
        };
        let noticed = self.bystanders.iter().filter(noticed);
        self.problems.extend(noticed.map(|name| format!("{name} noticed: {}", now.failure(name))));
    }

    /// About as often as the time since all were well has room for, without what the machine lost of it.
    fn bystanders_were_polled(&mut self, now: &Exposition) {
        let due = self.begun.elapsed().saturating_sub(self.lost).div_duration_f64(INTERVAL);
        let polls = |now: &Exposition, name: &str| now.of(name, "rollcall_polls_total").unwrap_or(0.0);
        for name in &self.bystanders {
            let made = polls(now, name) - polls(&self.before, name);
            if made < due * 0.7 - 2.0 {
                self.problems.insert(format!("{name} was polled {made} times where {due:.0} polls were due"));
            }
        }
    }

    /// One line when it began, one when it was over.
    fn the_log_tells_each_once(&mut self) {
        let log = self.daemon.log();
        let told = |case: &&Case| case.expected.after == After::Recovers && !case.expected.reason.is_empty();
        for case in self.cases.iter().filter(told) {
            let lines = |level: &str, message: &str| {
                let target = format!("target={} ", case.target);
                let is_one = |line: &&str| line.contains(level) && line.contains(message) && line.contains(&target);
                log.lines().filter(is_one).count()
            };
            let (failed, back) = (lines(" WARN ", "Poll failed."), lines(" INFO ", "Target answers again."));
            if (failed, back) != (1, 1) {
                self.problems.insert(format!("{}: {failed} warnings, {back} recoveries in the log", case.target));
            }
        }
    }

    #[track_caller]
    fn assert_no_problems(&self) {
        let log = self.daemon.log();
        let is_about = |line: &&str| {
            let target = line.split("target=").nth(1).and_then(|rest| rest.split(' ').next());
            target.is_some_and(|target| self.problems.iter().any(|problem| problem.starts_with(target)))
        };
        let lines: Vec<&str> = log.lines().filter(is_about).collect();
        assert!(self.problems.is_empty(), "{:#?}\n{}", self.problems, lines.join("\n"));
    }
}

/// Whether the target's next poll is due some time after this moment, and none is under way.
fn rests(exposition: &Exposition, target: &str) -> bool {
    let value = |name: &str| exposition.of(target, name).expect("it was polled");
    let (ended, took) =
        (value("rollcall_target_last_poll_timestamp_seconds"), value("rollcall_target_poll_duration_seconds"));
    let interval = INTERVAL.as_secs_f64();
    let due = ended - took + ((took / interval).floor() + 1.0) * interval;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64();
    now + interval / 4.0 < due
}

/// Probes have an account each: those of one share what may be sent in vain.
fn quick(vendor: &str, name: &str, sim: &Sim) -> Target {
    let target = Target::of(vendor, name, sim).set("interval", "4s").set("stale_after", "32s");
    if vendor == "parallels_ras_session" { target.session_password(&format!("password: of-{name}")) } else { target }
}
