//! From what a poll brought to parts as they are kept: which of them stay as they are, and what the others show.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    super::names::{Claims, Named, Names, Taken},
    part::{Held, Style},
    since::Since,
};
use crate::{
    api::{Outcome, Part, Pool, Same, Warning, Warnings},
    exposition::text,
};

/// The parts of a poll.
pub(super) struct Intake<'a> {
    held: HashMap<&'a str, &'a Held>,
    parts: Vec<(Box<str>, Brought)>,
    /// The names of all pools, each once.
    pools: HashSet<Arc<str>>,
}

enum Brought {
    /// A new part, and the names of its pools as they are shown.
    New(Box<Part>, Vec<Arc<str>>),
    /// As it is held.
    Same(Same),
    /// It could not be read.
    Failed,
}

/// What becomes of a part.
pub(super) enum Came {
    /// It is replaced.
    New(Box<Held>),
    /// It stays, and is as good as new.
    Same,
    /// It stays.
    Old,
}

impl<'a> Intake<'a> {
    /// Takes in what a poll brought; `held` are the parts that are known.
    pub fn new(parts: Vec<(Box<str>, Outcome)>, held: &'a [Held]) -> Intake<'a> {
        let held = held.iter().map(|held| (&*held.key, held)).collect();
        let mut intake = Intake { held, parts: Vec::with_capacity(parts.len()), pools: HashSet::new() };
        for (key, outcome) in parts {
            let brought = match outcome {
                Outcome::Fresh(part) => intake.new_part(part),
                Outcome::Same(same) if intake.is_held(&key, &same) => Brought::Same(same),
                Outcome::Same(same) => intake.read(same),
                Outcome::Failed(_) => Brought::Failed,
            };
            intake.parts.push((key, brought));
        }
        intake
    }

    fn is_held(&self, key: &str, same: &Same) -> bool {
        self.held.get(key).is_some_and(|held| held.origin.as_ref() == Some(&same.origin))
    }

    fn read(&mut self, same: Same) -> Brought {
        match same.read() {
            Ok(part) => self.new_part(part),
            // It could be read when it came first.
            Err(_) => Brought::Failed,
        }
    }

    fn new_part(&mut self, part: Part) -> Brought {
        for agent in &part.agents {
            let (name, lost) = text::cut(&agent.name);
            if lost {
                part.warnings.add(Warning::TruncatedLabel, || format!("agent {name}"));
            }
        }
        let pools = part.pools.iter().map(|pool| self.pool(pool, &part.warnings)).collect();
        Brought::New(Box::new(part), pools)
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
        let agents = self.parts.iter().map(|(key, brought)| match brought {
            Brought::New(part, _) => part.agents.iter().filter(|agent| agent.health.is_some()).count(),
            Brought::Same(_) | Brought::Failed => self.held.get(&**key).map_or(0, |held| held.agents()),
        });
        agents.sum()
    }

    /// Whether a part could not be read.
    pub fn has_failed(&self) -> bool {
        self.parts.iter().any(|(_, brought)| matches!(brought, Brought::Failed))
    }

    /// Counts the oddities of the new parts.
    pub fn warnings(&self, warnings: &Warnings) {
        for (_, brought) in &self.parts {
            if let Brought::New(part, _) = brought {
                warnings.take_up(&part.warnings);
            }
        }
    }

    /// Renders the parts that are new.
    pub fn render(mut self, style: Style<'_>, since: &Since<'_>) -> Vec<(Box<str>, Came)> {
        let mut names = self.names().into_iter();
        let Intake { held, parts, .. } = self;
        let render = |(key, brought): (Box<str>, Brought)| {
            let came = match brought {
                Brought::New(part, pools) => {
                    let names = names.next().unwrap_or_default();
                    let before = held.get(&*key).copied();
                    Came::New(Box::new(Held::render(key.clone(), *part, pools, &names, style, since.of(before))))
                }
                Brought::Same(_) => Came::Same,
                Brought::Failed => Came::Old,
            };
            (key, came)
        };
        parts.into_iter().map(render).collect()
    }

    /// Names for the rows of the new parts, in their order. A part that came as it was is read after all where a new one
    /// has an agent of the same name: the ids say who keeps it, and those are not held.
    fn names(&mut self) -> Vec<Names> {
        loop {
            let named: Vec<_> = self.parts.iter().filter_map(|(_, brought)| brought.named()).collect();
            let named: &Named<'_> = &named;
            let claims = Claims::new(named);
            let stays = |wanted: fn(&Brought) -> bool| {
                let parts = self.parts.iter().filter(move |(_, brought)| wanted(brought));
                parts.filter_map(|(key, _)| self.held.get(&**key).map(|held| &*held.roster)).collect::<Vec<_>>()
            };
            let rivals: Vec<usize> = (0..self.parts.len()).filter(|at| self.is_rival(*at, &claims)).collect();
            if rivals.is_empty() {
                let failed = stays(|brought| matches!(brought, Brought::Failed));
                let same = stays(|brought| matches!(brought, Brought::Same(_)));
                return claims.assign(&Taken::new(&failed, same));
            }
            for at in rivals {
                if let Brought::Same(same) = std::mem::replace(&mut self.parts[at].1, Brought::Failed) {
                    self.parts[at].1 = self.read(same);
                }
            }
        }
    }

    fn is_rival(&self, at: usize, claims: &Claims<'_>) -> bool {
        let (key, brought) = &self.parts[at];
        matches!(brought, Brought::Same(_)) && self.held.get(&**key).is_some_and(|held| claims.touch(&held.roster))
    }
}

impl Brought {
    fn named(&self) -> Option<(&Part, &[Arc<str>])> {
        match self {
            Brought::New(part, pools) => Some((part, pools)),
            Brought::Same(_) | Brought::Failed => None,
        }
    }
}
