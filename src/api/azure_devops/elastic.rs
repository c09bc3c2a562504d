//! The scale sets behind elastic pools, of all pools with one request: `GET {url}/_apis/distributedtask/elasticpools`.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/elasticpools/list>

use std::{borrow::Cow, collections::HashMap, io::Read};

use serde::Deserialize;

use super::{
    super::{
        Part, PoolRef, Warning, Warnings,
        lenient::{self, Field, RowCount, Shape, Timestamp},
        table::OTHER,
    },
    pools, states,
};
use crate::{
    catalogue::azure_devops::{
        ELASTIC_POOL_DESIRED_IDLE, ELASTIC_POOL_DESIRED_SIZE, ELASTIC_POOL_MAX_CAPACITY, ELASTIC_POOL_OFFLINE_SINCE,
        ELASTIC_POOL_SIZING_ATTEMPTS, ELASTIC_POOL_STATE,
    },
    failure::Failure,
};

/// A scale set on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ElasticItem<'a> {
    pool_id: Field<i64>,
    /// A word, or its number.
    #[serde(borrow)]
    state: Field<Cow<'a, str>>,
    /// Null while it is online.
    offline_since: Field<Timestamp>,
    desired_size: Field<f64>,
    max_capacity: Field<f64>,
    desired_idle: Field<f64>,
    sizing_attempts: Field<f64>,
}

impl Shape for ElasticItem<'_> {
    type Of<'a> = ElasticItem<'a>;
}

/// A scale set.
#[derive(Debug, Clone, PartialEq)]
pub struct ElasticPool {
    state: Option<&'static str>,
    offline_since: Option<Timestamp>,
    desired_size: Option<f64>,
    max_capacity: Option<f64>,
    desired_idle: Option<f64>,
    sizing_attempts: Option<f64>,
}

/// Scale sets by the ids of their pools.
pub type ElasticPools = HashMap<i64, ElasticPool>;

/// Reads a page of the list; no more than `most` are kept.
pub fn read(
    body: impl Read,
    sets: &mut ElasticPools,
    count: &mut RowCount,
    most: usize,
    warnings: &Warnings,
) -> Result<(), Failure> {
    let list = lenient::items::<ElasticItem<'_>>(body, "value", |item: Option<ElasticItem<'_>>| {
        let Some((wire, id)) = item.and_then(|wire| wire.pool_id.ok().map(|id| (wire, id))) else {
            count.add(false);
            warnings.add(Warning::BadItem, || "elastic pool without a readable poolId".to_owned());
            return;
        };
        count.add(true);
        if sets.contains_key(&id) {
            warnings.add(Warning::BadItem, || format!("elastic pool {id} comes twice"));
        } else if sets.len() < most {
            sets.insert(id, ElasticPool::of(wire, warnings));
        }
    })?;
    count.announce(list);
    pools::check(list, warnings, "elastic pools")
}

impl ElasticPool {
    fn of(wire: ElasticItem<'_>, warnings: &Warnings) -> ElasticPool {
        let state = wire.state.filled().get(warnings, "elastic pool state").map(|text| {
            states::elastic(&text).unwrap_or_else(|| {
                warnings.add(Warning::UnknownState, || format!("elastic pool state {:?}", lenient::cut(&text, 64)));
                OTHER
            })
        });
        let number = |field: Field<f64>, what: &str| field.get(warnings, what);
        ElasticPool {
            state,
            offline_since: wire.offline_since.get(warnings, "elastic pool offlineSince"),
            desired_size: number(wire.desired_size, "elastic pool desiredSize"),
            max_capacity: number(wire.max_capacity, "elastic pool maxCapacity"),
            desired_idle: number(wire.desired_idle, "elastic pool desiredIdle"),
            sizing_attempts: number(wire.sizing_attempts, "elastic pool sizingAttempts"),
        }
    }

    /// Sets its samples.
    pub fn set(&self, part: &mut Part, pool: PoolRef) {
        if let Some(state) = self.state {
            part.set(&ELASTIC_POOL_STATE, pool, &[state], 1.0);
        }
        let since = self.offline_since.map(Timestamp::as_secs_f64);
        part.set_some(&ELASTIC_POOL_OFFLINE_SINCE, pool, &[], since);
        part.set_some(&ELASTIC_POOL_DESIRED_SIZE, pool, &[], self.desired_size);
        part.set_some(&ELASTIC_POOL_MAX_CAPACITY, pool, &[], self.max_capacity);
        part.set_some(&ELASTIC_POOL_DESIRED_IDLE, pool, &[], self.desired_idle);
        part.set_some(&ELASTIC_POOL_SIZING_ATTEMPTS, pool, &[], self.sizing_attempts);
    }
}
