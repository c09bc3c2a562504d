//! Agent lists, one for each [`Scope`]: read, known again by their hash, and decoded only where somebody needs the rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    mapping::{self, Row},
    scope::{ListScope, Scope},
    session::Session,
};
use crate::{
    api::{Context, Warnings, fingerprint::ContentHash},
    blocking::block_in_place_if,
    clock::UnixTime,
    failure::Failure,
    http::Body,
};

/// Where the list is.
pub const PATH: &str = "/api/Agent";

/// An agent list of this poll.
#[derive(Debug)]
pub struct AgentList {
    /// How it was asked for.
    pub scope: Scope,
    /// Why it did not come.
    pub failure: Option<Failure>,
    /// The answer.
    pub body: Arc<Body>,
    /// Its hash.
    pub hash: Option<ContentHash>,
    /// Its rows once they were decoded, and what is wrong where most of them cannot be.
    pub rows: Option<(Vec<Row>, Option<Failure>)>,
    /// Oddities that were met meanwhile.
    pub warnings: Warnings,
    /// For messages.
    what: String,
}

impl AgentList {
    /// Asks for a list; `is_main` where the target has no other.
    pub async fn read(
        session: &mut Session,
        cx: &Context<'_>,
        scope: Scope,
        is_main: bool,
        deadline: Instant,
    ) -> Result<AgentList, Failure> {
        let path = scope.path(PATH);
        let mut answer = match is_main {
            true => session.get_main(cx, "agents", &path).await?,
            false => session.get(cx, "agents", &path, deadline).await?,
        };
        let body = answer.take_json().inspect_err(|_| {
            if is_main {
                session.note_read(false);
            }
        })?;
        let hash = ContentHash::of(body.as_sent());
        let (body, warnings) = (Arc::new(body), Warnings::default());
        Ok(AgentList { scope, failure: None, body, hash, rows: None, warnings, what: answer.what.clone() })
    }

    /// A list that did not come.
    pub fn failed(scope: Scope, failure: Failure) -> AgentList {
        let (body, warnings) = (Arc::new(Body::plain(Bytes::new())), Warnings::default());
        AgentList { scope, failure: Some(failure), body, hash: None, rows: None, warnings, what: String::new() }
    }

    /// Decodes the rows, once.
    pub fn decode(&mut self, most: usize) -> Result<(), Failure> {
        if self.rows.is_none() {
            let AgentList { scope, body, warnings, .. } = &*self;
            let read = || mapping::rows(body.reader(), &scope.filter(), most, warnings);
            let (rows, defect) = block_in_place_if(body.is_large(), read).map_err(|f| f.context(&self.what))?;
            self.rows = Some((rows, defect.map(|defect| defect.context(&self.what))));
        }
        Ok(())
    }
}

/// What is known of the last list of a scope.
#[derive(Debug, Default)]
struct Digest {
    /// The hash of a list that could be read.
    hash: Option<ContentHash>,
    sites: BTreeSet<i64>,
    types: BTreeSet<i64>,
    rows: usize,
    tried: UnixTime,
}

/// What is known of the last lists.
#[derive(Debug, Default)]
pub struct AgentLists(BTreeMap<Scope, Digest>);

impl AgentLists {
    /// Takes note of a list; it is decoded unless it is the last one again.
    pub fn note(&mut self, mut list: AgentList, most: usize, cx: &Context<'_>) -> Result<AgentList, Failure> {
        let digest = self.0.entry(list.scope).or_default();
        if list.hash.is_some() && digest.hash == list.hash {
            return Ok(list);
        }
        digest.hash = None;
        if let Err(failure) = list.decode(most) {
            cx.warnings.merge(&list.warnings);
            return Err(failure);
        }
        let (rows, defect) = list.rows.as_ref().map_or((&[][..], &None), |(rows, defect)| (&rows[..], defect));
        let mut sites: BTreeSet<i64> = rows.iter().map(|row| row.site).collect();
        match defect {
            None => digest.hash = list.hash,
            // A site without a readable row may well be there.
            Some(_) => sites.extend(&digest.sites),
        }
        if let Scope::Site(site) = list.scope {
            sites.insert(site);
        }
        digest.sites = sites;
        digest.types = rows.iter().map(Row::type_code).collect();
        digest.rows = rows.len();
        Ok(list)
    }

    /// Notes that a list was asked for.
    pub fn note_try(&mut self, scope: Scope, now: UnixTime) {
        self.0.entry(scope).or_default().tried = now;
    }

    /// When a list was last asked for.
    pub fn tried(&self, scope: Scope) -> UnixTime {
        self.0.get(&scope).map_or(UnixTime::default(), |digest| digest.tried)
    }

    /// Forgets lists that are not asked for any more.
    pub fn retain(&mut self, is_asked_for: impl Fn(Scope) -> bool) {
        self.0.retain(|scope, _| is_asked_for(*scope));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The sites that the last list of this scope held.
    pub fn sites(&self, scope: Scope) -> BTreeSet<i64> {
        self.0.get(&scope).map(|digest| digest.sites.clone()).unwrap_or_default()
    }

    /// The sites of a list, in their order; that which was asked for where it did not come.
    pub fn of(&self, list: &AgentList) -> Vec<i64> {
        match list.scope {
            Scope::Site(site) => vec![site],
            Scope::Unnamed => self.sites(list.scope).into_iter().collect(),
        }
    }

    /// How lists of other things are asked for: in the same way.
    pub fn scopes(&self) -> Vec<ListScope> {
        let scopes = self.0.iter().map(|(scope, digest)| {
            let default_site = match scope {
                Scope::Site(site) => Some(*site),
                Scope::Unnamed => digest.sites.first().copied().filter(|_| digest.sites.len() == 1),
            };
            ListScope { scope: *scope, default_site }
        });
        scopes.collect()
    }

    /// The types of all rows.
    pub fn types(&self) -> BTreeSet<i64> {
        self.0.values().flat_map(|digest| digest.types.iter().copied()).collect()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0.values().map(|digest| digest.rows).sum()
    }
}
