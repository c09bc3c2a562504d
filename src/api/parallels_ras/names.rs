//! Names of servers: `GET /api/Agent` has ids only, the configuration lists have the names.
//!
//! Every list is an extra: it is read every 10 minutes for each [`Scope`], it may fail or be forbidden alone, and a name that
//! was read once stays until a good list gives another one. That the ids agree between the lists is nowhere documented, so
//! they are joined by server type, and compared as texts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Read,
    sync::Arc,
    time::Duration,
};

use super::{
    extras::Allowance,
    scope::{ListScope, Scope},
    server_types,
    session::Session,
    wire::{self, ServerItem, Spelling},
};
use crate::{
    api::{
        Context, Warning, Warnings,
        extra::{REFUSED_FOR, is_left_alone},
        lenient::{self, RowCount},
    },
    blocking::block_in_place_if,
    clock::UnixTime,
    failure::{Failure, Reason},
    http::Body,
};

/// One list that has names.
#[derive(Debug)]
pub struct List {
    /// Word for the metrics.
    pub operation: &'static str,
    /// Where it is, newest version first; a 404 asks for the next.
    pub paths: &'static [&'static str],
    /// Server types whose ids it has.
    pub server_types: &'static [i64],
    /// Whether `name` comes before `server`: a VM's own name, where `server` may be the machine that carries it.
    pub own_name: bool,
    /// Nobody has seen its path: that it is not there is no failure.
    pub inferred: bool,
}

/// The list that is read at every poll, for the states of the machines; [`NameCache::learn`] takes it over.
const LEARNT: &str = "vms";

/// The list that also says how many sessions a host may have.
pub const HOSTS: &str = "rds_hosts";

/// The lists that are documented, and those of AVD hosts and HALB devices, whose paths follow the menu of the reference.
pub const LISTS: [List; 8] = [
    List { operation: "brokers", paths: &["/api/Broker"], server_types: &[7], own_name: false, inferred: false },
    List { operation: "gateways", paths: &["/api/Gateway"], server_types: &[3], own_name: false, inferred: false },
    // `/api/RDS` up to version 18.
    List {
        operation: HOSTS,
        paths: &["/api/RDS/Host", "/api/RDS"],
        server_types: &[1],
        own_name: false,
        inferred: false,
    },
    List { operation: "providers", paths: &["/api/Provider"], server_types: &[2], own_name: false, inferred: false },
    List {
        operation: LEARNT,
        paths: &["/api/Provider/VM/Host/Status"],
        server_types: &[2013, 4],
        own_name: true,
        inferred: false,
    },
    List {
        operation: "enrollment",
        paths: &["/api/EnrollmentServer/Status"],
        server_types: &[46],
        own_name: false,
        inferred: false,
    },
    List {
        operation: "avd_hosts",
        paths: &["/api/Provider/VM/AVDHost/Status", "/api/Provider/VM/Host/Status"],
        server_types: &[67],
        own_name: true,
        inferred: true,
    },
    List {
        operation: "halb_devices",
        paths: &["/api/HALB/Device"],
        server_types: &[25],
        own_name: false,
        inferred: true,
    },
];

/// How often a list is read, and how soon again after a failure.
const REFRESH_INTERVAL: Duration = Duration::from_secs(600);
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Of a list so many names are kept beyond two for each row: those of servers that are yet to come.
const SPARE_NAMES: usize = 20_000;

/// Of a name so many bytes are kept; fewer are shown. A longer id is none.
const LONGEST: usize = 512;

/// Server type where a list of several tells it, site where it is known, and id.
type Key = (Option<i64>, Option<i64>, String);

/// What a list says of its servers.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    names: HashMap<Key, Box<str>>,
    max_sessions: HashMap<Key, i64>,
}

/// Names by list, as they were at one moment. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Names {
    lists: Vec<(usize, Arc<Listed>)>,
    /// Whether agents go by their names.
    resolve: bool,
}

/// All names that were read, and when they are requested again.
#[derive(Debug, Default)]
pub struct NameCache {
    known: BTreeMap<(usize, Scope), CachedList>,
    /// Good lists so far.
    lists: u64,
    /// How the lists of the last poll that read any came.
    outcome: Option<Result<(), Failure>>,
}

/// What is known of one list of one scope.
#[derive(Debug, Default)]
struct CachedList {
    listed: Arc<Listed>,
    /// Not read before.
    due: UnixTime,
    /// That is because it was refused.
    left_alone: bool,
    /// The path that worked last.
    path: usize,
}

/// What the lists are read for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// How lists are asked for.
    pub scopes: &'a [ListScope],
    /// The types of the rows there are.
    pub types: &'a BTreeSet<i64>,
    /// How many rows there are.
    pub rows: usize,
    /// Whether agents go by their names.
    pub names: bool,
    /// Whether it counts how many sessions a host may have.
    pub max_sessions: bool,
}

impl Wanted<'_> {
    fn list(&self, list: &List) -> bool {
        let of_use = self.names || (self.max_sessions && list.operation == HOSTS);
        of_use && list.operation != LEARNT && list.server_types.iter().any(|known| self.types.contains(known))
    }
}

impl Names {
    /// The name of a row.
    pub fn of(&self, server_type: i64, site: i64, id: &str) -> Option<&str> {
        if !self.resolve {
            return None;
        }
        let mut lists = self.lists_of(server_type);
        lists.find_map(|listed| find(&listed.names, server_type, site, id)).map(|name| &**name)
    }

    /// How many sessions a host may have.
    pub fn max_sessions(&self, server_type: i64, site: i64, id: &str) -> Option<i64> {
        let mut lists = self.lists_of(server_type);
        lists.find_map(|listed| find(&listed.max_sessions, server_type, site, id)).copied()
    }

    fn lists_of(&self, server_type: i64) -> impl Iterator<Item = &Listed> {
        let is_of = move |list: usize| LISTS[list].server_types.contains(&server_type);
        self.lists.iter().filter(move |(list, _)| is_of(*list)).map(|(_, listed)| &**listed)
    }
}

fn find<'a, T>(rows: &'a HashMap<Key, T>, server_type: i64, site: i64, id: &str) -> Option<&'a T> {
    if rows.is_empty() {
        return None;
    }
    let mut key = (None, None, id.to_owned());
    for (of_type, of_site) in [(false, true), (false, false), (true, true), (true, false)] {
        (key.0, key.1) = (of_type.then_some(server_type), of_site.then_some(site));
        if let Some(row) = rows.get(&key) {
            return Some(row);
        }
    }
    None
}

impl NameCache {
    /// The names of this moment.
    pub fn names(&self, resolve: bool) -> Names {
        let lists = self.known.iter().map(|((list, _), known)| (*list, Arc::clone(&known.listed))).collect();
        Names { lists, resolve }
    }

    /// The same number stands for the same names.
    pub fn version(&self) -> u64 {
        self.lists
    }

    /// How the lists of the last poll that read any came: the first that failed counts.
    pub fn outcome(&self) -> Option<(&'static str, Result<(), Failure>)> {
        Some(("names", self.outcome.clone()?))
    }

    /// Reads the lists that are due and wanted, as far as the allowance goes; the rest waits for the next poll.
    ///
    /// Fails only where a new log-on was refused or held, which the poll has to tell.
    pub async fn refresh(
        &mut self,
        session: &mut Session,
        cx: &Context<'_>,
        wanted: &Wanted<'_>,
        allowance: Allowance,
    ) -> Result<(), Failure> {
        self.known.retain(|(_, scope), _| wanted.scopes.iter().any(|of| of.scope == *scope));
        let mut outcome = None;
        for (index, list) in LISTS.iter().enumerate().filter(|(_, list)| wanted.list(list)) {
            for of in wanted.scopes {
                let known = self.known.entry((index, of.scope)).or_default();
                if cx.now < known.due {
                    continue;
                }
                if !allowance.is_left(session) {
                    break;
                }
                match known.read(list, session, cx, *of, wanted.rows, allowance).await {
                    Ok(()) => {
                        outcome.get_or_insert(Ok(()));
                        self.lists += 1;
                        known.due = cx.now.plus(REFRESH_INTERVAL);
                        known.left_alone = false;
                    }
                    Err(failure) => {
                        let is_missed = !(list.inferred && failure.reason == Reason::NotFound);
                        if is_missed && outcome.as_ref().is_none_or(Result::is_ok) {
                            outcome = Some(Err(failure.clone()));
                        }
                        known.left_alone = is_left_alone(&failure);
                        let wait = if known.left_alone { REFUSED_FOR } else { RETRY_INTERVAL };
                        known.due = cx.now.plus(failure.retry_after.unwrap_or_default().max(wait));
                        tracing::debug!(list = list.operation, error = %failure, "Names could not be read.");
                        match failure.reason {
                            Reason::Auth | Reason::Held => {
                                self.outcome = outcome;
                                return Err(failure);
                            }
                            // The server has no time for us now, or the session is gone: the other lists do not ask either.
                            Reason::Timeout | Reason::RateLimited | Reason::Connect | Reason::Internal => {
                                self.outcome = outcome;
                                return Ok(());
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        self.outcome = outcome.or_else(|| self.outcome.take());
        Ok(())
    }

    /// Takes over a list that was read for something else.
    pub fn learn(
        &mut self,
        operation: &str,
        body: &Body,
        of: ListScope,
        rows: usize,
        warnings: &Warnings,
    ) -> Result<(), Failure> {
        let Some(index) = LISTS.iter().position(|list| list.operation == operation) else { return Ok(()) };
        let known = self.known.entry((index, of.scope)).or_default();
        let before = Arc::clone(&known.listed);
        known.store(&LISTS[index], body.reader(), of, rows, warnings)?;
        if known.listed != before {
            self.lists += 1;
        }
        Ok(())
    }

    /// Has the lists tried at the next poll that are left alone.
    pub fn release(&mut self) {
        for known in self.known.values_mut().filter(|known| known.left_alone) {
            known.due = UnixTime::default();
        }
    }
}

#[cfg(any(test, fuzzing))]
impl NameCache {
    /// Takes over a list of names without asking for it.
    pub fn store(&mut self, list: usize, body: &[u8], rows: usize, cx: &Context<'_>) -> Result<(), Failure> {
        let list = list % LISTS.len();
        let of = ListScope { scope: Scope::Unnamed, default_site: None };
        self.known.entry((list, of.scope)).or_default().store(&LISTS[list], body, of, rows, cx.warnings)
    }
}

impl CachedList {
    async fn read(
        &mut self,
        list: &List,
        session: &mut Session,
        cx: &Context<'_>,
        of: ListScope,
        rows: usize,
        allowance: Allowance,
    ) -> Result<(), Failure> {
        let mut tried = 0;
        let mut answer = loop {
            let path = list.paths[self.path % list.paths.len()];
            match session.get(cx, list.operation, &of.scope.path(path), allowance.deadline).await {
                Err(failure) if failure.reason == Reason::NotFound && tried + 1 < list.paths.len() => {
                    tried += 1;
                    self.path += 1;
                }
                result => break result?,
            }
        };
        let body = answer.take_json()?;
        block_in_place_if(body.is_large(), || self.store(list, body.reader(), of, rows, cx.warnings))
    }

    /// Takes over a good list. What it lacks stays as it was, as far as there is room.
    fn store(
        &mut self,
        list: &List,
        body: impl Read,
        of: ListScope,
        rows: usize,
        warnings: &Warnings,
    ) -> Result<(), Failure> {
        let (mut listed, mut count) = (Listed::default(), RowCount::default());
        let most = 2 * rows + SPARE_NAMES;
        wire::items::<ServerItem<'_>>(body, |_, item: Option<ServerItem<'_>>| {
            let Some(item) = item else {
                count.add(false);
                warnings.add(Warning::BadItem, || format!("an item of {} cannot be read", list.paths[0]));
                return;
            };
            let (name, server) = (item.name.filled().ok(), item.server.filled().ok());
            let name = if list.own_name { name.or(server) } else { server.or(name) };
            let id = item.id.filled().ok();
            count.add(id.is_some() && name.is_some());
            let Some(id) = id.filter(|id| id.len() <= LONGEST && listed.names.len() < most) else { return };
            // Types may have the same ids.
            let server_type = item.server_type.ok().filter(|_| list.own_name);
            let server_type = server_type.and_then(|spelling| match spelling {
                Spelling::Code(code) => Some(code),
                Spelling::Name(name) => server_types::by_name(&name),
            });
            let key = (server_type, item.site_id.ok().or(of.default_site), id.into_owned());
            if let Some(most) = item.max_sessions.ok().filter(|most| *most >= 0 && list.operation == HOSTS) {
                listed.max_sessions.entry(key.clone()).or_insert(most);
            }
            if let Some(name) = name {
                listed.names.entry(key).or_insert_with(|| lenient::cut(&name, LONGEST).into());
            }
        })?;
        // Names that are lacking stay below, so one that lacks most of them is as good.
        count.judge("servers")?;
        for (key, name) in &self.listed.names {
            if listed.names.len() >= most {
                break;
            }
            listed.names.entry(key.clone()).or_insert_with(|| name.clone());
        }
        self.listed = Arc::new(listed);
        Ok(())
    }
}
