//! Host pools of RAS and their members: lists of pools, and a list of members for each.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    sync::Arc,
};

use compact_str::CompactString;

use super::{
    load::{Key, LONGEST, find},
    scope::{ListScope, Scope},
    server_types,
    wire::{self, ServerItem, Spelling},
};
use crate::{
    api::{
        Warning, Warnings,
        lenient::{self, RowCount},
    },
    failure::Failure,
};

/// Lists of host pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolKind {
    /// Of session hosts.
    Rds,
    /// Of VDI hosts.
    Vdi,
    /// Of Azure Virtual Desktop.
    Avd,
}

impl PoolKind {
    /// All of them.
    pub const ALL: [PoolKind; 3] = [PoolKind::Rds, PoolKind::Vdi, PoolKind::Avd];

    /// Where the list is.
    pub const fn path(self) -> &'static str {
        match self {
            PoolKind::Rds => "/api/RDS/HostPool",
            PoolKind::Vdi => "/api/VDI/HostPool",
            PoolKind::Avd => "/api/AVD/HostPool",
        }
    }

    /// The type of its members that name none.
    const fn server_type(self) -> i64 {
        match self {
            PoolKind::Rds => 1,
            PoolKind::Vdi => 2013,
            PoolKind::Avd => 67,
        }
    }
}

/// A host pool: whose members are asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolKey {
    /// Which list it is in.
    pub kind: PoolKind,
    /// How that list was asked for.
    pub scope: Scope,
    /// Its id, which stands in a path.
    pub id: CompactString,
}

impl PoolKey {
    /// Where its members are.
    pub fn path(&self) -> String {
        self.scope.path(&format!("{}/{}/Members", self.kind.path(), self.id))
    }
}

/// The pools of one list: their names, and the site of each.
pub type Pools = BTreeMap<PoolKey, (CompactString, Option<i64>)>;

/// So many pools of a list are kept: each costs a request.
const MAX_POOLS: usize = 1000;

/// Reads a list of pools. A pool without a name is shown by its id.
pub fn pools(body: impl Read, kind: PoolKind, of: ListScope, warnings: &Warnings) -> Result<Pools, Failure> {
    let (mut pools, mut count) = (Pools::new(), RowCount::default());
    wire::items::<ServerItem<'_>>(body, |index, item: Option<ServerItem<'_>>| {
        let pool = item.and_then(|item| {
            let id = item.id.filled().ok().filter(|id| is_plain(id))?;
            let name = item.name.filled().ok().unwrap_or_else(|| id.clone());
            let key = PoolKey { kind, scope: of.scope, id: (&*id).into() };
            Some((key, (lenient::cut(&name, LONGEST).into(), item.site_id.ok().or(of.default_site))))
        });
        count.add(pool.is_some());
        match pool {
            Some((key, pool)) if pools.len() < MAX_POOLS => {
                pools.entry(key).or_insert(pool);
            }
            _ => warnings.add(Warning::BadItem, || format!("list of host pools: item {index} cannot be read")),
        }
    })?;
    count.judge("host pools")?.map_or(Ok(pools), Err)
}

/// Whether an id can stand in a path as it is.
fn is_plain(id: &str) -> bool {
    id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_{}".contains(&byte))
}

/// The members of one pool: server type, site and id.
pub type Members = Vec<(i64, Key)>;

/// Reads the members of a pool, at most `most`.
pub fn members(
    body: impl Read,
    kind: PoolKind,
    site: Option<i64>,
    most: usize,
    warnings: &Warnings,
) -> Result<Members, Failure> {
    let (mut members, mut count) = (Members::new(), RowCount::default());
    wire::items::<ServerItem<'_>>(body, |index, item: Option<ServerItem<'_>>| {
        let member = item.and_then(|item| {
            let id = item.id.filled().ok()?;
            let server_type = item.server_type.ok().and_then(|spelling| match spelling {
                Spelling::Code(code) => Some(code),
                Spelling::Name(name) => server_types::by_name(&name),
            });
            let key = (item.site_id.ok().or(site), CompactString::from(lenient::cut(&id, LONGEST)));
            Some((server_type.unwrap_or(kind.server_type()), key))
        });
        count.add(member.is_some());
        match member {
            Some(member) if members.len() < most => members.push(member),
            Some(_) => {}
            None => warnings.add(Warning::BadItem, || format!("members of a host pool: item {index} cannot be read")),
        }
    })?;
    count.judge("members")?.map_or(Ok(members), Err)
}

/// The pools of every host.
#[derive(Debug, Default)]
pub struct Membership(HashMap<i64, HashMap<Key, Vec<CompactString>>>);

impl Membership {
    /// Adds the members of a pool.
    pub fn add(&mut self, pool: &CompactString, members: &Arc<Members>) {
        for (server_type, key) in &**members {
            let pools = self.0.entry(*server_type).or_default().entry(key.clone()).or_default();
            if !pools.contains(pool) {
                pools.push(pool.clone());
            }
        }
    }

    /// The pools of this host.
    pub fn of(&self, server_type: i64, site: i64, id: &str) -> &[CompactString] {
        self.0.get(&server_type).and_then(|hosts| find(hosts, site, id)).map_or(&[], Vec::as_slice)
    }
}
