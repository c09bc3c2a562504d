//! Names of servers: `GET /api/Agent` has ids only, the configuration lists have the names.
//!
//! Every list is an extra: it is read every 10 minutes, it may fail or be forbidden alone, and a name that was read once
//! stays until a good list gives another one. That the ids agree between the lists is nowhere documented, so they are
//! joined by server type, and compared as texts.

use std::{collections::HashMap, io::Read, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    mapping::Row,
    session::Session,
    wire::{self, ServerItem},
};
use crate::{
    api::{
        Context, Warning,
        lenient::{self, RowCount},
    },
    blocking::block_in_place_if,
    clock::UnixTime,
    failure::{Failure, Reason},
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

/// The lists that are documented, and those of AVD hosts and HALB devices, whose paths follow the menu of the reference.
pub const LISTS: [List; 8] = [
    List { operation: "brokers", paths: &["/api/Broker"], server_types: &[7], own_name: false, inferred: false },
    List { operation: "gateways", paths: &["/api/Gateway"], server_types: &[3], own_name: false, inferred: false },
    // `/api/RDS` up to version 18.
    List {
        operation: "rds_hosts",
        paths: &["/api/RDS/Host", "/api/RDS"],
        server_types: &[1],
        own_name: false,
        inferred: false,
    },
    List { operation: "providers", paths: &["/api/Provider"], server_types: &[2], own_name: false, inferred: false },
    List {
        operation: "vms",
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

/// A list that the account may not read, or that does not exist, is left alone for this long.
const REFUSED_FOR: Duration = Duration::from_secs(3600);

/// Of a list so many names are kept beyond two for each row: those of servers that are yet to come.
const SPARE_NAMES: usize = 20_000;

/// Of a name so many bytes are kept; fewer are shown. A longer id is none.
const LONGEST: usize = 512;

/// Places in the budget that the lists leave, at the most, for the agent lists of the next polls and of other targets.
const MAX_RESERVED: usize = 5;
/// And at least this, for other targets.
const MIN_RESERVED: usize = 1;

/// Id and, where the list says it, site.
type Key = (Option<i64>, String);

/// Names by list, as they were at one moment. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Names([Arc<HashMap<Key, Box<str>>>; LISTS.len()]);

/// All names that were read, and when they are requested again.
#[derive(Debug, Default)]
pub struct NameCache {
    known: [CachedList; LISTS.len()],
    /// Polls so far.
    polls: usize,
    /// Good lists so far.
    lists: u64,
    /// How the lists of the last poll that read any came.
    outcome: Option<Result<(), Failure>>,
}

/// What is known of one list.
#[derive(Debug, Default)]
struct CachedList {
    names: Arc<HashMap<Key, Box<str>>>,
    /// Not read before.
    due: UnixTime,
    /// That is because it was refused.
    left_alone: bool,
    /// Whether the last rows had any that it could name.
    of_use: bool,
    /// The path that worked last.
    path: usize,
}

impl Names {
    /// The name of a row.
    pub fn of(&self, server_type: i64, site: i64, id: &str) -> Option<&str> {
        let list = LISTS.iter().position(|list| list.server_types.contains(&server_type))?;
        let names = &self.0[list];
        let name = names.get(&(Some(site), id.to_owned())).or_else(|| names.get(&(None, id.to_owned())));
        name.map(|name| &**name)
    }
}

impl NameCache {
    /// The names of this moment.
    pub fn names(&self) -> Names {
        Names(self.known.each_ref().map(|known| Arc::clone(&known.names)))
    }

    /// The same number stands for the same names.
    pub fn version(&self) -> u64 {
        self.lists
    }

    /// How the lists of the last poll that read any came: the first that failed counts.
    pub fn outcome(&self) -> Option<(&'static str, Result<(), Failure>)> {
        Some(("names", self.outcome.clone()?))
    }

    /// Has the lists tried at the next poll that are left alone.
    pub fn release(&mut self) {
        for known in self.known.iter_mut().filter(|known| known.left_alone) {
            known.due = UnixTime::default();
        }
    }

    /// A poll that reads no list, because the rows are those of the last one; `false` where a list is due for them.
    pub fn rest(&mut self, now: UnixTime) -> bool {
        let rests = self.known.iter().all(|known| now < known.due || !known.of_use);
        self.polls = self.polls.saturating_add(usize::from(rests));
        rests
    }

    /// Reads the lists that are due and of use for these rows, as far as the budget goes without waiting and until
    /// `deadline`; the rest waits for the next poll. `polls` are those of the target in the window of the budget: no list
    /// takes their places.
    ///
    /// Fails only where a new log-on was refused or held, which the poll has to tell.
    pub async fn refresh(
        &mut self,
        session: &mut Session,
        cx: &Context<'_>,
        rows: &[Row],
        polls: usize,
        deadline: Instant,
    ) -> Result<(), Failure> {
        // A poll whose forerunner left the window takes its place: room is needed only until there were enough of them.
        self.polls = self.polls.saturating_add(1);
        let reserved = polls.saturating_sub(self.polls).clamp(MIN_RESERVED, MAX_RESERVED);
        for (list, known) in LISTS.iter().zip(&mut self.known) {
            known.of_use = rows.iter().any(|row| list.server_types.contains(&row.type_code()));
        }
        let mut outcome = None;
        for (list, known) in LISTS.iter().zip(&mut self.known) {
            if cx.now < known.due || !known.of_use {
                continue;
            }
            if session.free() <= reserved || Instant::now() >= deadline {
                break;
            }
            match known.read(list, session, cx, rows, deadline).await {
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
                    known.left_alone = matches!(failure.reason, Reason::Forbidden | Reason::NotFound);
                    let wait = if known.left_alone { REFUSED_FOR } else { RETRY_INTERVAL };
                    known.due = cx.now.plus(failure.retry_after.unwrap_or_default().max(wait));
                    tracing::debug!(list = list.operation, error = %failure, "Names could not be read.");
                    match failure.reason {
                        Reason::Auth | Reason::Held => {
                            self.outcome = outcome;
                            return Err(failure);
                        }
                        // The server has no time for us now, or the session is gone: the other lists do not ask either.
                        Reason::Timeout | Reason::RateLimited | Reason::Connect | Reason::Internal => break,
                        _ => {}
                    }
                }
            }
        }
        self.outcome = outcome.or_else(|| self.outcome.take());
        Ok(())
    }
}

#[cfg(any(test, fuzzing))]
impl NameCache {
    /// Takes over a list of names without asking for it.
    pub fn store(&mut self, list: usize, body: &[u8], rows: &[Row], cx: &Context<'_>) -> Result<(), Failure> {
        let list = list % LISTS.len();
        self.known[list].store(&LISTS[list], body, rows, cx)
    }
}

impl CachedList {
    async fn read(
        &mut self,
        list: &List,
        session: &mut Session,
        cx: &Context<'_>,
        rows: &[Row],
        deadline: Instant,
    ) -> Result<(), Failure> {
        let mut tried = 0;
        let mut answer = loop {
            let path = list.paths[self.path % list.paths.len()];
            match session.get(cx, list.operation, path, deadline).await {
                Err(failure) if failure.reason == Reason::NotFound && tried + 1 < list.paths.len() => {
                    tried += 1;
                    self.path += 1;
                }
                result => break result?,
            }
        };
        let body = answer.take_json()?;
        block_in_place_if(body.is_large(), || self.store(list, body.reader(), rows, cx))
    }

    /// Takes over a good list. Names that it lacks stay as long as the agent list has their rows.
    fn store(&mut self, list: &List, body: impl Read, rows: &[Row], cx: &Context<'_>) -> Result<(), Failure> {
        let (mut names, mut count) = (HashMap::new(), RowCount::default());
        let most = 2 * rows.len() + SPARE_NAMES;
        wire::items::<ServerItem<'_>>(body, |_, item: Option<ServerItem<'_>>| {
            let Some(item) = item else {
                count.add(false);
                cx.warnings.add(Warning::BadItem, || format!("an item of {} cannot be read", list.paths[0]));
                return;
            };
            let (name, server) = (item.name.filled().ok(), item.server.filled().ok());
            let name = if list.own_name { name.or(server) } else { server.or(name) };
            let id = item.id.filled().ok();
            count.add(id.is_some() && name.is_some());
            if let (Some(id), Some(name)) = (id, name)
                && id.len() <= LONGEST
                && names.len() < most
            {
                let name = || Box::from(lenient::cut(&name, LONGEST));
                names.entry((item.site_id.ok(), id.into_owned())).or_insert_with(name);
            }
        })?;
        // Names that are lacking stay below, so one that lacks most of them is as good.
        count.judge("servers")?;
        for row in rows.iter().filter(|row| list.server_types.contains(&row.type_code())) {
            let keys = [(Some(row.site), row.id.to_string()), (None, row.id.to_string())];
            if !keys.iter().any(|key| names.contains_key(key)) {
                names.extend(keys.into_iter().find_map(|key| self.names.get(&key).cloned().map(|name| (key, name))));
            }
        }
        self.names = Arc::new(names);
        Ok(())
    }
}
