//! The list of pools.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io::Read,
};

use serde::Deserialize;

use super::super::{
    Warning, Warnings,
    lenient::{self, Field, RowCount, Shape},
};
use crate::failure::{Failure, Reason};

/// A pool on the wire. Explicit nulls occur.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PoolItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    pool_type: Field<Cow<'a, str>>,
    is_hosted: Field<bool>,
    size: Field<f64>,
    /// Flags in one string, e.g. `elasticPool, singleUseAgents`.
    #[serde(borrow)]
    options: Field<Cow<'a, str>>,
}

impl Shape for PoolItem<'_> {
    type Of<'a> = PoolItem<'a>;
}

/// A pool of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolRow {
    /// Its id.
    pub id: i64,
    /// The label `pool`.
    pub name: String,
    /// `automation` or `deployment`.
    pub kind: String,
    /// Whether Microsoft hosts it: its agents look offline by nature.
    pub hosted: bool,
    /// Its size as the service says it.
    pub size: Option<f64>,
    /// Whether it is rightly empty while there is nothing to do.
    pub on_demand: bool,
}

impl PoolRow {
    /// A pool as there are many, for measurements and fuzzing.
    pub fn sample() -> PoolRow {
        PoolRow {
            id: 1,
            name: "linux-build".to_owned(),
            kind: "automation".to_owned(),
            hosted: false,
            size: None,
            on_demand: false,
        }
    }
}

/// Options of a pool whose agents come and go with the work.
const ON_DEMAND: [&str; 2] = ["elasticPool", "singleUseAgents"];

/// Types of pools.
const TYPES: [&str; 2] = ["automation", "deployment"];

/// The type as the vendor's page spells it; another one as it came.
fn pool_type(wire: &str) -> &str {
    let wire = wire.trim();
    TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(wire)).unwrap_or(wire)
}

/// As many pools are kept at least, however low `max_agents` is: an organisation may have more pools than agents, and
/// those that are not wanted are left out only later.
const MIN_LIMIT: usize = 10_000;

/// Reads a page of the list. Fails with `too_large` where there are more pools than `max_agents` (and than
/// [`MIN_LIMIT`]).
pub fn read(
    body: impl Read,
    pools: &mut Vec<PoolRow>,
    count: &mut RowCount,
    max_agents: usize,
    warnings: &Warnings,
) -> Result<(), Failure> {
    let most = max_agents.max(MIN_LIMIT);
    let mut ids: HashSet<i64> = pools.iter().map(|pool| pool.id).collect();
    let list = lenient::items::<PoolItem<'_>>(body, "value", |item: Option<PoolItem<'_>>| {
        if pools.len() > most {
            return;
        }
        let Some((wire, id)) = item.and_then(|wire| wire.id.ok().map(|id| (wire, id))) else {
            count.add(false);
            warnings.add(Warning::BadItem, || "pool without a readable id".to_owned());
            return;
        };
        count.add(true);
        if !ids.insert(id) {
            warnings.add(Warning::BadItem, || format!("pool {id} comes twice"));
            return;
        }
        let name = wire.name.get(warnings, "pool name");
        let name = name.map_or_else(|| id.to_string(), |name| lenient::cut(&name, 2 * LABEL).to_owned());
        let options = wire.options.get(warnings, "pool options").unwrap_or_default();
        pools.push(PoolRow {
            id,
            name,
            kind: lenient::cut(
                pool_type(&wire.pool_type.get(warnings, "pool poolType").unwrap_or_default()),
                2 * LABEL,
            )
            .to_owned(),
            hosted: wire.is_hosted.get(warnings, "pool isHosted").unwrap_or(false),
            size: wire.size.get(warnings, "pool size"),
            on_demand: options
                .split(',')
                .any(|option| ON_DEMAND.iter().any(|known| known.eq_ignore_ascii_case(option.trim()))),
        });
    })?;
    if pools.len() > most {
        return Err(Failure::new(
            Reason::TooLarge,
            format!("more than {} (max_agents)", crate::printable::counted(most, "pool")),
        ));
    }
    count.announce(list);
    check(list, warnings, "pools")
}

/// A list without its envelope is a failure: an error page in JSON must never read as "no agents".
pub fn check(list: lenient::List, warnings: &Warnings, what: &str) -> Result<(), Failure> {
    if !list.found {
        return Err(Failure::new(Reason::Decode, format!("the list of {what} has no `value`")));
    }
    if list.count.is_some_and(|count| count != list.items as i64) {
        warnings.add(Warning::BadValue, || format!("the count of {what} is not that of the list"));
    }
    Ok(())
}

/// Sorts pools by id, and puts `#<id>` behind the names of all but the first of pools that would have the same label.
/// Names are unique in an organisation; a mixture of pages, or names that only differ behind the cut, could still clash.
pub fn tell_apart(pools: &mut [PoolRow], warnings: &Warnings) {
    pools.sort_by_key(|pool| pool.id);
    let mut taken: HashMap<String, i64> = HashMap::new();
    for pool in pools {
        let label = lenient::cut(&pool.name, LABEL).to_owned();
        if let Some(first) = taken.get(&label) {
            warnings.add(Warning::Duplicate, || format!("pools {first} and {} have one name", pool.id));
            let suffix = format!("#{}", pool.id);
            pool.name = format!("{}{suffix}", lenient::cut(&pool.name, LABEL - suffix.len()));
        } else {
            taken.insert(label, pool.id);
        }
    }
}

/// Label values are cut to this many bytes.
const LABEL: usize = 256;
