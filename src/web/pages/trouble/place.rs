//! A place where something is wrong, while it is put together.

use std::collections::BTreeMap;

use super::{
    super::{alert_groups::AlertGroup, graphic::WORST_FIRST, text},
    Level, Trouble,
};
use crate::{
    alert::engine::AlertBrief,
    clock::UnixTime,
    health::Health,
    snapshot::{PoolView, Snapshot},
};

/// Classes that make an agent one of those that are concerned.
const CONCERNED: [Health; 3] = [Health::Failed, Health::Unknown, Health::Degraded];

/// As many pools of a target are named.
const NAMED: usize = 4;

/// Something may be wrong here.
pub struct Place<'a> {
    snapshot: Option<&'a Snapshot>,
    pool: Option<&'a PoolView>,
    level: Level,
    what: String,
    detail: String,
    since: Option<UnixTime>,
    alerts: BTreeMap<(std::cmp::Reverse<Level>, &'static str), AlertGroup>,
    /// Agents that alerts name.
    named: std::collections::BTreeSet<String>,
}

impl<'a> Place<'a> {
    fn new(snapshot: Option<&'a Snapshot>, pool: Option<&'a PoolView>, level: Level, what: String) -> Place<'a> {
        let (alerts, named) = Default::default();
        Place { snapshot, pool, level, what, detail: String::new(), since: None, alerts, named }
    }

    /// A place of which only alerts say something.
    pub fn quiet(snapshot: Option<&'a Snapshot>, pool: Option<&str>) -> Place<'a> {
        let view = snapshot.and_then(|s| s.pools.iter().find(|view| Some(&*view.name) == pool));
        Place::new(snapshot, view, Level::Calm, String::new())
    }

    /// A target whose last poll failed, or that is not polled at all.
    pub fn of_target(snapshot: &'a Snapshot) -> Option<Place<'a>> {
        let status = &snapshot.status;
        let failure = status.failure.as_ref();
        let since = snapshot.history.bad_since().or(status.failed_at);
        let why = failure.map_or("", |failure| failure.reason.why());
        let remedy = failure.map_or(String::new(), |failure| failure.reason.remedy().to_owned());
        let (level, what) = match () {
            () if status.missed > 0 => (Level::Critical, "It is not polled any more.".to_owned()),
            () if status.up == Some(false) && status.last_success.is_none() => {
                (Level::Critical, format!("It could not be read yet. {why}"))
            }
            () if status.stale && status.up == Some(false) => {
                (Level::Critical, format!("Nobody knows: its data are withdrawn. {why}"))
            }
            () if status.held => (Level::Warning, crate::failure::Reason::Held.why().to_owned()),
            () if status.up == Some(false) => (Level::Warning, why.to_owned()),
            () if status.partial => (Level::Notice, why.to_owned()),
            () => return None,
        };
        let place = Place::new(Some(snapshot), None, level, what);
        Some(Place { detail: remedy, since, ..place })
    }

    /// Pools with agents that do not serve as they should, or that many are being changed in.
    pub fn of_pools(snapshot: &'a Snapshot) -> Vec<Place<'a>> {
        let begun = snapshot.status.first_poll;
        let mut found = Vec::new();
        for pool in &snapshot.pools {
            let n = |health: Health| pool.agents[health as usize];
            let total: u32 = pool.agents.iter().sum();
            let bad = n(Health::Failed) + n(Health::Unknown);
            let serving: u32 = Health::ALL.iter().filter(|health| health.serving()).map(|health| n(*health)).sum();
            let changing = n(Health::Transitional);
            let level = match () {
                () if n(Health::Failed) > 1 && serving == 0 => Level::Warning,
                () if bad + n(Health::Degraded) > 1 && 2 * (bad + n(Health::Degraded)) >= total => Level::Warning,
                () if bad + n(Health::Degraded) > 0 => Level::Notice,
                // A patch night: not wrong, and yet what somebody asks about at night.
                () if changing > 0
                    && changing + n(Health::Disabled) > 2
                    && 4 * (changing + n(Health::Disabled)) >= total =>
                {
                    Level::Notice
                }
                () if is_out_of_service(pool) => Level::Notice,
                () => continue,
            };
            found.push(Place::new(Some(snapshot), Some(pool), level, String::new()));
        }
        since_of(snapshot, &mut found, begun);
        // What was out of service from the beginning is meant to be.
        found.retain(|place| place.since.is_some() || !place.pool.is_some_and(is_out_of_service));
        found
    }

    /// The pool that it is about.
    pub fn pool(&self) -> Option<&'a str> {
        self.pool.map(|pool| &*pool.name)
    }

    /// How bad it is, as far as is known.
    pub fn level(&self) -> Level {
        self.level
    }

    /// An alert is about it.
    pub fn add(&mut self, alert: &AlertBrief) {
        let level = Level::of_alert(alert.alert.0.severity, alert.fired.is_some());
        self.level = self.level.max(level);
        let agent = alert.labels.get("agent");
        if !agent.is_empty() {
            self.named.insert(agent.to_owned());
        }
        let key = (std::cmp::Reverse(Level::of_alert(alert.alert.0.severity, true)), alert.alert.0.name);
        self.alerts.entry(key).or_insert_with(|| AlertGroup::new(alert)).add(alert);
    }

    /// What is to be told of it.
    pub fn trouble(self, target: &str, pool: Option<&str>) -> Trouble {
        let Place { snapshot, pool: view, level, what, detail, since, alerts, named } = self;
        let alerts: Vec<AlertGroup> = alerts.into_values().collect();
        let worst = alerts.iter().max_by_key(|group| (group.level(), group.firing));
        let counts = match (view, snapshot) {
            (Some(view), _) => view.agents,
            (None, Some(snapshot)) if pool.is_none() => sum(snapshot),
            _ => [0; 6],
        };
        let total: u64 = counts.iter().map(|n| u64::from(*n)).sum();
        let concerned: u64 = CONCERNED.iter().map(|health| u64::from(counts[*health as usize])).sum();
        let class = CONCERNED.into_iter().find(|health| counts[*health as usize] > 0 && view.is_some());
        let class = class.or_else(|| view.filter(|view| is_out_of_service(view)).map(|_| Health::Disabled));
        let (known, pool_names) = snapshot.map(|snapshot| snapshot.history.known()).unwrap_or_default();
        let agents = match (view.is_some(), pool) {
            (true, _) if concerned > 0 => (concerned, total),
            (true, _) if !named.is_empty() => (named.len() as u64, total),
            (true, _) => (total, total),
            (false, Some(_)) => (named.len() as u64, named.len() as u64),
            (false, None) if total > 0 => (total, total),
            (false, None) => (known as u64, known as u64),
        };
        let what = match worst.filter(|group| what.is_empty() || group.level() >= Level::Warning && view.is_some()) {
            Some(group) => group.summary().to_owned(),
            None if !what.is_empty() => what,
            None => in_classes(&counts),
        };
        let detail = match (view, detail.is_empty()) {
            (Some(_), _) => Some(in_classes(&counts)).filter(|classes| *classes != what).unwrap_or_default(),
            (None, false) => detail,
            (None, true) => String::new(),
        };
        // When the agents fell is more than when an alert noticed.
        let since = since.or_else(|| alerts.iter().map(|group| group.since).min());
        let (pool, target) = (pool.map(str::to_owned), target.to_owned());
        let pools = match pool {
            Some(_) => Default::default(),
            None => (pool_names.iter().take(NAMED).map(|name| (**name).to_owned()).collect(), pool_names.len()),
        };
        Trouble { level, target, pool, pools, what, detail, agents, class, since, alerts }
    }
}

/// On purpose, and as a whole: nothing is wrong, and yet users ask where their desktops are.
fn is_out_of_service(pool: &PoolView) -> bool {
    let total: u32 = pool.agents.iter().sum();
    !pool.on_demand && total > 2 && pool.agents[Health::Disabled as usize] == total
}

fn sum(snapshot: &Snapshot) -> [u32; 6] {
    let mut all = [0; 6];
    for pool in &snapshot.pools {
        all.iter_mut().zip(pool.agents).for_each(|(sum, n)| *sum += n);
    }
    all
}

/// `20 failed, 3 unknown, 40 in all`.
fn in_classes(counts: &[u32; 6]) -> String {
    let shown = WORST_FIRST.into_iter().filter(|health| *health != Health::Healthy && counts[*health as usize] > 0);
    let shown: Vec<String> = shown.map(|health| format!("{} {health}", text::count(counts[health as usize]))).collect();
    match shown.is_empty() {
        true => format!("all {} healthy", text::count(counts.iter().map(|n| u64::from(*n)).sum::<u64>())),
        false => format!("{} of {}", shown.join(", "), text::count(counts.iter().map(|n| u64::from(*n)).sum::<u64>())),
    }
}

/// Since when the agents of these pools are as they are: the moment of the one in the middle, since one that fell weeks ago must
/// not hide the twenty of tonight.
fn since_of(snapshot: &Snapshot, places: &mut [Place<'_>], begun: Option<UnixTime>) {
    if places.is_empty() {
        return;
    }
    let mut moments: BTreeMap<&str, Vec<UnixTime>> =
        places.iter().filter_map(|place| Some((place.pool()?, Vec::new()))).collect();
    let changing: std::collections::BTreeSet<&str> = places
        .iter()
        .filter_map(|place| place.pool)
        .filter(|pool| CONCERNED.iter().all(|health| pool.agents[*health as usize] == 0))
        .map(|pool| &*pool.name)
        .collect();
    for agent in snapshot.agents.iter() {
        let counts = match changing.contains(agent.pool) {
            true => {
                matches!(agent.health, Health::Transitional)
                    || agent.health == Health::Disabled && begun < Some(agent.since)
            }
            false => CONCERNED.contains(&agent.health),
        };
        if counts && let Some(moments) = moments.get_mut(agent.pool) {
            moments.push(agent.since);
        }
    }
    for place in places {
        let Some(moments) = place.pool().and_then(|pool| moments.get_mut(pool)).filter(|m| !m.is_empty()) else {
            continue;
        };
        let middle = moments.len() / 2;
        place.since = Some(*moments.select_nth_unstable(middle).1);
    }
}
