//! `rollcall probe`: one real poll of one target, with all that it asks and gets.

use std::{borrow::Cow, collections::BTreeMap, io::IsTerminal, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{Probe, counted, output};
use crate::{
    api::{
        self, Context, Warning, Warnings,
        fingerprint::PartFingerprints,
        logon::{Keeper, Logons},
        memory::Memory,
    },
    clock::Clock,
    config::{Config, Target},
    daemon::state::StateFile,
    failure::{Failure, Reason},
    health::Health,
    http::{self, Client, Exchange, Tracer},
    poll::outcome::{self, PollResult},
    printable::{Printable, printable},
    snapshot::{self, Ledger, Snapshot},
};

pub fn run(args: Probe) -> Result<(), String> {
    let config = Config::load(&args.config_file).map_err(|errors| errors.to_string())?;
    http::set_max_buffered(config.shared_http.max_buffered);
    let Some(target) = config.targets.iter().find(|target| target.name == args.target) else {
        let names: Vec<&str> = config.targets.iter().map(|target| target.name.as_str()).collect();
        return Err(format!("no target is called {:?}; there are: {}", args.target, names.join(", ")));
    };
    output::note(format_args!(
        "polling {} ({}, {}), at most {:?}",
        target.name,
        target.vendor(),
        target.url,
        target.timeout
    ));
    let target = Arc::clone(target);
    super::block_on(async {
        let logons = logons(&config);
        let ticker = std::io::stderr().is_terminal().then(|| tokio::spawn(tick()));
        let poll = poll_once(Arc::clone(&target), &logons, Some(Arc::new(show))).await;
        if let Some(ticker) = ticker {
            ticker.abort();
        }
        warn(&config, &logons, &target);
        let poll = poll.map_err(|failure| format!("{}: {failure}", failure.reason()))?;
        output::print(poll.describe(args.agents));
        if args.metrics {
            let exposition = snapshot::of_target(poll.snapshot.clone());
            output::print_exact(format!("\n{}", String::from_utf8_lossy(&exposition)));
        }
        let (line, good) = poll.verdict();
        match poll.remedy() {
            _ if good => Ok(()),
            Some(remedy) => Err(format!("{line}\n{remedy}")),
            None => Err(line),
        }
    })
}

/// The log-ons of a look: a look must not lock an account either, so it goes by what daemons and other looks have written down,
/// and writes down its own.
pub fn logons(config: &Config) -> Logons {
    let Some(path) = &config.state_file else { return Logons::default() };
    let logons = Logons::beside(path, Keeper::Look);
    // What an earlier version has kept there.
    match StateFile::new(path).read() {
        Ok(state) => logons.restore(state.identities, Clock::system().now()),
        Err(error) => output::note(format_args!("warning: {error}; what is held there is not known here")),
    }
    logons
}

/// Says where nothing keeps what this look has learnt.
pub fn warn(config: &Config, logons: &Logons, target: &Target) {
    if config.state_file.is_none() && logons.next_logon(&target.name, Clock::system().now()).is_some() {
        output::note(format_args!(
            "warning: there is no state_file, so nothing keeps this hold: each further look sends the credentials again; set \
             state_file, to the same file as the daemon's"
        ));
    }
}

/// What a poll came to.
pub struct Poll {
    pub snapshot: Snapshot,
    took: Duration,
    result: PollResult,
    /// How the last try of each extra ended.
    extras: Vec<(&'static str, Result<(), Failure>)>,
    warnings: Warnings,
    /// What else could not be read: (what, why).
    unread: Vec<(String, Failure)>,
    /// What the vendor says of the poll besides.
    pub notes: Vec<String>,
}

/// Polls a target once, outside of any schedule, and logs off. Fails where the settings allow no requests at all.
pub async fn poll_once(target: Arc<Target>, logons: &Logons, tracer: Option<Tracer>) -> Result<Poll, Failure> {
    let client = match tracer {
        Some(tracer) => Client::traced(&target, tracer)?,
        None => Client::new(&target)?,
    };
    let clock = Clock::system();
    let (now, started) = (clock.now(), Instant::now());
    let (memory, warnings, known) = (Memory::default(), Warnings::default(), PartFingerprints::default());
    let mut api = api::open(Arc::clone(&target), client.clone(), Arc::new(logons.clone()));
    let cx = Context { now, deadline: started + target.timeout, memory: &memory, warnings: &warnings, known: &known };
    let outcome = match timeout_at(cx.deadline, api.poll(&cx)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::new(Reason::Timeout, format!("the poll took longer than {:?}", target.timeout))),
    };
    let took = started.elapsed();
    let notes = outcome.as_ref().map(|observation| observation.notes.clone()).unwrap_or_default();
    let closing = Instant::now() + Duration::from_secs(3);
    let _ = timeout_at(closing, api.close(&Context { deadline: closing, ..cx })).await;
    let (extras, unread) = match &outcome {
        Ok(observation) => (observation.extras.clone(), observation.unread.clone()),
        Err(_) => Default::default(),
    };
    let mut ledger = Ledger::new(Arc::clone(&target), false);
    let result = outcome::record(&mut ledger, outcome, now, took, &warnings);
    ledger.status.requests = client.stats().counts();
    for (count, warning) in ledger.status.warnings.iter_mut().zip(Warning::ALL) {
        *count = warnings.count(warning);
    }
    let snapshot = ledger.publish(now).snapshot;
    Ok(Poll { snapshot, took, result, extras, unread, warnings, notes })
}

impl Poll {
    /// One line, and whether it is good news.
    pub fn verdict(&self) -> (String, bool) {
        let what = format!("{} in {:.2?}", counted(self.snapshot.agents.len(), "agent"), self.took);
        match &self.result {
            PollResult::Failed(failure) => (format!("{}: {failure}", failure.reason()), false),
            PollResult::Data(failed) => match failed.first() {
                None => (what, true),
                Some((part, failure)) => {
                    let parts = counted(failed.len(), "part");
                    let part = if part.is_empty() { "-" } else { part };
                    (format!("partial, {parts} failed: {part}: {}: {failure}; {what}", failure.reason()), false)
                }
            },
        }
    }

    /// What to do about what failed.
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.result {
            PollResult::Failed(failure) => Some(failure.reason.remedy()),
            PollResult::Data(failed) => failed.first().map(|(_, failure)| failure.reason.remedy()),
        }
    }

    /// A line for each extra: how it ended, and what right it needs.
    pub fn extras(&self) -> impl Iterator<Item = String> {
        let vendor = self.snapshot.target.vendor();
        self.extras.iter().map(move |(name, outcome)| {
            let ended = match outcome {
                Ok(()) => "worked".to_owned(),
                Err(failure) => format!("failed, {}: {}", failure.reason(), Printable(&failure.to_string())),
            };
            let right = api::right_of_extra(vendor, name).unwrap_or("not known");
            format!("extra {name} {ended}; right: {right}")
        })
    }

    /// What else was to be read and could not be, each as a line.
    pub fn unread(&self) -> impl Iterator<Item = String> {
        let unread = self.unread.iter();
        unread.map(|(what, failure)| format!("{} failed, {}: {failure}", Printable(what), failure.reason()))
    }

    /// What was decoded, for people.
    fn describe(&self, limit: usize) -> String {
        let classes = classes(self.snapshot.agents.iter().map(|agent| agent.health));
        let mut text = String::from("\n");
        if !classes.is_empty() {
            text += &format!("health: {classes}\n");
        }
        if let PollResult::Data(failed) = &self.result {
            for (part, failure) in failed {
                text += &format!("part {} failed, {}: {failure}\n", Printable(part), failure.reason());
            }
        }
        for note in &self.notes {
            text += &format!("{}\n", Printable(note));
        }
        for extra in self.extras() {
            text += &format!("{extra}\n");
        }
        for unread in self.unread() {
            text += &format!("{unread}\n");
        }
        for (kind, detail) in self.warnings.details() {
            text += &format!("odd, {}: {detail}\n", kind.as_str());
        }
        // Also those without agents.
        let mut pools: BTreeMap<&str, usize> = self.snapshot.pools.iter().map(|pool| (&*pool.name, 0)).collect();
        self.snapshot.agents.iter().for_each(|agent| *pools.entry(agent.pool).or_default() += 1);
        for (pool, agents) in pools {
            text += &format!("pool {}: {}\n", Printable(pool), counted(agents, "agent"));
        }
        let shown = if limit == 0 { usize::MAX } else { limit };
        let mut agents: Vec<_> = self.snapshot.agents.iter().collect();
        // What is healthy is not what somebody looks for.
        agents.sort_by_key(|agent| rank(agent.health));
        let left = agents.split_off(shown.min(agents.len()));
        text += &table(agents.iter().map(|agent| [agent.health.as_str(), agent.pool, agent.name, agent.state]));
        if !left.is_empty() {
            let classes = self::classes(left.iter().map(|agent| agent.health));
            text += &format!("  and {} more: {classes}; --agents 0 prints all\n", left.len());
        }
        match self.verdict() {
            (line, true) => text + &format!("\n{line}\n"),
            // It is told as the error that it is.
            (_, false) => text,
        }
    }
}

/// The classes, the worst first.
const WORST_FIRST: [Health; 6] =
    [Health::Failed, Health::Unknown, Health::Degraded, Health::Transitional, Health::Disabled, Health::Healthy];

fn rank(health: Health) -> usize {
    WORST_FIRST.iter().position(|class| *class == health).unwrap_or_default()
}

/// How many are of which class, the worst first: `2 failed, 198 healthy`. Empty for none.
fn classes(all: impl Iterator<Item = Health>) -> String {
    let mut counts = [0_usize; WORST_FIRST.len()];
    all.for_each(|health| counts[rank(health)] += 1);
    let named = WORST_FIRST.iter().zip(counts).filter(|(_, count)| *count > 0);
    named.map(|(health, count)| format!("{count} {health}")).collect::<Vec<_>>().join(", ")
}

/// No column but the last is wider than this: what is longer moves the rest of its line alone.
const WIDEST: usize = 48;

/// Rows of text in columns, each as wide as its widest cell.
fn table<'a, const N: usize>(rows: impl Iterator<Item = [&'a str; N]>) -> String {
    let length = |cell: &Cow<'_, str>| cell.chars().count();
    let rows: Vec<[Cow<'_, str>; N]> = rows.map(|row| row.map(printable)).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(length(cell)).min(WIDEST);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            line += &format!(" {cell}{} ", " ".repeat(width.saturating_sub(length(cell))));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// One exchange, when it has ended.
fn show(exchange: &Exchange) {
    let end = match (&exchange.status, &exchange.failure) {
        (Some(status), _) => format!("{status}, {} bytes", exchange.bytes),
        // Why is said once, with what it was asked for.
        (None, Some(failure)) => format!("no answer ({})", failure.reason()),
        (None, None) => String::new(),
    };
    let mut text = format!("{:>8.1?}  {}\n          {end}\n", exchange.duration, exchange.request);
    // Without a connection nothing of the request was sent.
    let failed = exchange.failure.as_ref().map(|failure| failure.reason);
    let was_sent = !failed.is_some_and(|reason| matches!(reason, Reason::Dns | Reason::Connect | Reason::Tls));
    for (name, value) in exchange.headers.iter().filter(|_| was_sent) {
        text += &format!("          > {name}: {value}\n");
    }
    if let Some(refused) = &exchange.refused {
        text += &format!("          < {}\n", api::words::refused(refused));
    }
    output::write_err(text);
}

/// Shows on a terminal that it is still waiting.
async fn tick() {
    for seconds in 1.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        output::write_err(format!("\r{seconds} s\r"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_class_comes_first_and_every_class_has_its_place() {
        let all = [Health::Healthy, Health::Failed, Health::Healthy, Health::Unknown];
        assert_eq!(classes(all.into_iter()), "1 failed, 1 unknown, 2 healthy");
        assert_eq!(classes(std::iter::empty()), "");
        assert!(Health::ALL.iter().all(|health| WORST_FIRST.contains(health)));
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let long = "x".repeat(WIDEST + 2);
        let rows = [
            ["healthy", "pool", "a\u{1b}[31m\nb", "online"],
            ["transitional", "Büro Süd", "", "off"],
            ["failed", &long, "c", "on\u{202e}"],
        ];
        let gap = " ".repeat(WIDEST - 4);
        let expected = format!(
            "  healthy       pool{gap}  a\\u{{1b}}[31m\\nb  online\n  transitional  Büro Süd{}                  off\n  failed        {long}  c               on\\u{{202e}}\n",
            &gap[4..]
        );
        assert_eq!(table(rows.into_iter()), expected);
        assert_eq!(table(std::iter::empty::<[&str; 3]>()), "");
    }
}
