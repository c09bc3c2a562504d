//! From a poll's result to parts as they are kept: which of them stay as they are, and what the others show.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    super::names::{NamedParts, Names, ReservedNames, RowsByName},
    part::{RenderOptions, StoredPart},
    since::SinceLookup,
};
use crate::{
    api::{Outcome, Part, Pool, Same, Warning, Warnings},
    exposition::text,
    health::Health,
};

/// Series that every pool has: its agents by class, when it was read, and what is expected of it.
pub(super) const SERIES_OF_POOL: usize = Health::ALL.len() + 3;

/// The parts of a poll.
pub(super) struct Intake<'a> {
    held: HashMap<&'a str, &'a StoredPart>,
    parts: Vec<(Box<str>, ReadOutcome)>,
    /// The names of all pools, each once.
    pools: HashSet<Arc<str>>,
}

enum ReadOutcome {
    /// A new part, and the names of its pools as they are shown.
    New(Box<Part>, Vec<Arc<str>>),
    /// As it is held.
    Same(Same),
    /// It could not be read.
    Failed,
}

/// What becomes of a part.
pub(super) enum PartUpdate {
    /// It is replaced.
    Replace(Box<StoredPart>),
    /// It stays, and is as good as new.
    Refresh,
    /// It stays.
    Keep,
}

impl<'a> Intake<'a> {
    /// Takes the result of a poll; `held` are the parts that are known.
    pub fn new(parts: Vec<(Box<str>, Outcome)>, held: &'a [StoredPart]) -> Intake<'a> {
        let held = held.iter().map(|held| (&*held.key, held)).collect();
        let mut intake = Intake { held, parts: Vec::with_capacity(parts.len()), pools: HashSet::new() };
        for (key, outcome) in parts {
            let outcome = match outcome {
                Outcome::Fresh(part) => intake.new_part(part),
                Outcome::Same(same) if intake.is_held(&key, &same) => ReadOutcome::Same(same),
                Outcome::Same(same) => intake.read(same),
                Outcome::Failed(_) => ReadOutcome::Failed,
            };
            intake.parts.push((key, outcome));
        }
        intake
    }

    fn is_held(&self, key: &str, same: &Same) -> bool {
        self.held.get(key).is_some_and(|held| held.fingerprint.as_ref() == Some(&same.fingerprint))
    }

    fn read(&mut self, same: Same) -> ReadOutcome {
        match same.read() {
            Ok(part) => self.new_part(part),
            // It could be read when it came first.
            Err(_) => ReadOutcome::Failed,
        }
    }

    fn new_part(&mut self, part: Part) -> ReadOutcome {
        for agent in &part.agents {
            let (name, lost) = text::cut(&agent.name);
            if lost {
                part.warnings.add(Warning::TruncatedLabel, || format!("agent {name}"));
            }
        }
        let pools = part.pools.iter().map(|pool| self.pool(pool, &part.warnings)).collect();
        ReadOutcome::New(Box::new(part), pools)
    }

    /// The name of a pool, cut to length; one allocation for all parts.
    fn pool(&mut self, pool: &Pool, warnings: &Warnings) -> Arc<str> {
        let (name, lost) = text::cut(&pool.name);
        if lost {
            warnings.add(Warning::TruncatedLabel, || format!("pool {name}"));
        }
        self.pools.get(name).cloned().unwrap_or_else(|| {
            let name = Arc::<str>::from(name);
            self.pools.insert(Arc::clone(&name));
            name
        })
    }

    /// Agents of all parts, of those that failed as they are known.
    pub fn agents(&self) -> usize {
        let agents = self.parts.iter().map(|(key, outcome)| match outcome {
            ReadOutcome::New(part, _) => part.agents.iter().filter(|agent| agent.health.is_some()).count(),
            ReadOutcome::Same(_) | ReadOutcome::Failed => self.held.get(&**key).map_or(0, |held| held.agents()),
        });
        agents.sum()
    }

    /// Series of all parts and of their pools, of those that failed as they are known.
    pub fn series(&self, full_state_sets: bool) -> usize {
        let series = self.parts.iter().map(|(key, outcome)| match outcome {
            ReadOutcome::New(part, _) => part.series(full_state_sets) + part.pools.len() * SERIES_OF_POOL,
            ReadOutcome::Same(_) | ReadOutcome::Failed => self.held.get(&**key).map_or(0, |held| held.series()),
        });
        series.sum()
    }

    /// Whether a part could not be read, or not most of it.
    pub fn has_failed(&self) -> bool {
        self.parts.iter().any(|(_, outcome)| match outcome {
            ReadOutcome::New(part, _) => part.defect.is_some(),
            ReadOutcome::Same(_) => false,
            ReadOutcome::Failed => true,
        })
    }

    /// Counts the oddities of the new parts.
    pub fn warnings(&self, warnings: &Warnings) {
        for (_, outcome) in &self.parts {
            if let ReadOutcome::New(part, _) = outcome {
                warnings.merge(&part.warnings);
            }
        }
    }

    /// Renders the parts that are new.
    pub fn render(mut self, options: RenderOptions<'_>, since: &SinceLookup<'_>) -> Vec<(Box<str>, PartUpdate)> {
        let mut names = self.names().into_iter();
        let Intake { held, parts, .. } = self;
        let render = |(key, outcome): (Box<str>, ReadOutcome)| {
            let update = match outcome {
                ReadOutcome::New(part, pools) => {
                    let names = names.next().unwrap_or_default();
                    let before = held.get(&*key).copied();
                    PartUpdate::Replace(Box::new(StoredPart::render(
                        key.clone(),
                        *part,
                        pools,
                        &names,
                        options,
                        since.of(before),
                    )))
                }
                ReadOutcome::Same(_) => PartUpdate::Refresh,
                ReadOutcome::Failed => PartUpdate::Keep,
            };
            (key, update)
        };
        parts.into_iter().map(render).collect()
    }

    /// Names for the rows of the new parts, in their order. A part that came as it was is read after all where a new one
    /// has an agent of the same name: the ids say who keeps it, and those are not held.
    fn names(&mut self) -> Vec<Names> {
        loop {
            let named: Vec<_> = self.parts.iter().filter_map(|(_, outcome)| outcome.named()).collect();
            let named: &NamedParts<'_> = &named;
            let rows_by_name = RowsByName::new(named);
            let stays = |wanted: fn(&ReadOutcome) -> bool| {
                let parts = self.parts.iter().filter(move |(_, outcome)| wanted(outcome));
                parts.filter_map(|(key, _)| self.held.get(&**key).map(|held| &*held.roster)).collect::<Vec<_>>()
            };
            let conflicts: Vec<usize> =
                (0..self.parts.len()).filter(|at| self.has_conflict(*at, &rows_by_name)).collect();
            if conflicts.is_empty() {
                let failed = stays(|outcome| matches!(outcome, ReadOutcome::Failed));
                let same = stays(|outcome| matches!(outcome, ReadOutcome::Same(_)));
                return rows_by_name.assign(&ReservedNames::new(&failed, same));
            }
            for at in conflicts {
                if let ReadOutcome::Same(same) = std::mem::replace(&mut self.parts[at].1, ReadOutcome::Failed) {
                    self.parts[at].1 = self.read(same);
                }
            }
        }
    }

    fn has_conflict(&self, at: usize, rows_by_name: &RowsByName<'_>) -> bool {
        let (key, outcome) = &self.parts[at];
        matches!(outcome, ReadOutcome::Same(_))
            && self.held.get(&**key).is_some_and(|held| rows_by_name.overlaps(&held.roster))
    }
}

impl ReadOutcome {
    fn named(&self) -> Option<(&Part, &[Arc<str>])> {
        match self {
            ReadOutcome::New(part, pools) => Some((part, pools)),
            ReadOutcome::Same(_) | ReadOutcome::Failed => None,
        }
    }
}
