//! Which name each agent is shown under: cut to length, and told apart from others of the same name.

use std::{collections::HashMap, sync::Arc};

use crate::{
    exposition::text,
    vendor::{Id, Part, Warning, Warnings},
};

/// The names of a part's agents, by [`AgentRef`](crate::vendor::AgentRef); `None`: the row is the same object as one of an
/// earlier part and is shown there.
pub(super) type Names = Vec<Option<Arc<str>>>;

/// Names that parts which were kept from earlier polls show already.
pub(super) type Taken = HashMap<(Arc<str>, Arc<str>), ()>;

/// A row that wants a name: where it stands, and what it is.
struct Claim<'a> {
    part: usize,
    row: usize,
    id: &'a Id,
    counted: bool,
}

/// Gives names to the rows of new parts. Of several objects of one name the one with the lowest id keeps it, the others
/// get `#<id>` behind it.
pub(super) fn assign(parts: &[(&Part, Vec<Arc<str>>)], taken: &Taken, warnings: &Warnings) -> Vec<Names> {
    let mut names: Vec<Names> = parts.iter().map(|(part, _)| vec![None; part.agents.len()]).collect();
    let total = parts.iter().map(|(part, _)| part.agents.len()).sum();
    let mut claims: HashMap<(&str, &str), Vec<Claim>> = HashMap::with_capacity(total);
    for (index, (part, pools)) in parts.iter().enumerate() {
        for (row, agent) in part.agents.iter().enumerate() {
            let (name, lost) = text::cut(&agent.name);
            if lost {
                warnings.add(Warning::TruncatedLabel, || format!("agent {name}"));
            }
            let claim = Claim { part: index, row, id: &agent.id, counted: agent.health.is_some() };
            claims.entry((&pools[agent.pool.0 as usize], name)).or_default().push(claim);
        }
    }
    let pool_of = |claim: &Claim| {
        let (part, pools) = &parts[claim.part];
        Arc::clone(&pools[part.agents[claim.row].pool.0 as usize])
    };
    let mut used: Taken = HashMap::new();
    for ((_, name), mut claims) in claims {
        // Stable: of the rows of one object the earlier part comes first.
        claims.sort_by(|a, b| a.id.cmp(b.id));
        let mut shown = Arc::<str>::from(name);
        let mut counted = false;
        for (index, claim) in claims.iter().enumerate() {
            let another = index > 0 && claims[index - 1].id != claim.id;
            if another || (index == 0 && taken.contains_key(&(pool_of(claim), Arc::clone(&shown)))) {
                warnings.add(Warning::Duplicate, || format!("agent {name}, id {}", claim.id));
                shown = format!("{name}#{}", claim.id).into();
                while taken.contains_key(&(pool_of(claim), Arc::clone(&shown)))
                    || used.contains_key(&(pool_of(claim), Arc::clone(&shown)))
                {
                    shown = format!("{shown}#{}", claim.id).into();
                }
                counted = false;
            }
            if claim.counted && std::mem::replace(&mut counted, true) {
                continue;
            }
            used.insert((pool_of(claim), Arc::clone(&shown)), ());
            names[claim.part][claim.row] = Some(Arc::clone(&shown));
        }
    }
    names
}
