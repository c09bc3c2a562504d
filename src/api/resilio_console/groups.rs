//! The groups of agents, of which only the names are kept: pools are called like them.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use serde::Deserialize;
use tokio::time::Instant;

use super::{
    super::{
        Warning, Warnings,
        fingerprint::ContentHash,
        lenient::{self, Field, RowCount, Shape},
    },
    session::Session,
};
use crate::{
    blocking::block_in_place_if,
    failure::{Failure, Reason},
    http::Body,
};

/// More groups than this are not kept.
const MAX_GROUPS: usize = 100_000;

/// A label is cut to so many bytes. Names are cut here, as pools that only differ behind the cut would be one.
const LABEL: usize = 256;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
}

impl Shape for GroupItem<'_> {
    type Of<'a> = GroupItem<'a>;
}

/// The names of the groups, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    names: HashMap<i64, Box<str>>,
    /// What it was read from.
    pub hash: Option<ContentHash>,
}

/// The answer of `/groups`.
pub async fn fetch(session: &Session, deadline: Instant) -> Result<Body, Failure> {
    session.list("groups", "groups", &[], deadline).await
}

impl Groups {
    /// Reads the answer, unless it is `known` already.
    pub fn read(body: &Body, known: Option<Arc<Groups>>, warnings: &Warnings) -> Result<Arc<Groups>, Failure> {
        let hash = ContentHash::of(body.as_sent());
        if let Some(known) = known.filter(|known| known.hash.is_some() && known.hash == hash) {
            return Ok(known);
        }
        let read = block_in_place_if(body.is_large(), || Groups::decode(body, warnings));
        let names = read.map_err(|failure| failure.context("GET /api/v2/groups"))?;
        Ok(Arc::new(Groups { names, hash }))
    }

    fn decode(body: &Body, warnings: &Warnings) -> Result<HashMap<i64, Box<str>>, Failure> {
        let (mut names, mut count) = (HashMap::new(), RowCount::default());
        let list = lenient::items::<GroupItem<'_>>(body.reader(), "data", |item: Option<GroupItem<'_>>| {
            if names.len() > MAX_GROUPS {
                return;
            }
            let group = item.and_then(|wire| wire.id.ok().map(|id| (id, wire.name)));
            count.add(group.is_some());
            let Some((id, name)) = group else {
                warnings.add(Warning::BadItem, || "group without a readable id".to_owned());
                return;
            };
            let name = name.filled().get(warnings, "group name").unwrap_or_else(|| id.to_string().into());
            let cut = lenient::cut(name.trim(), LABEL);
            if cut.len() < name.trim().len() {
                warnings.add(Warning::TruncatedLabel, || format!("name of group {id}"));
            }
            if names.insert(id, cut.into()).is_some() {
                warnings.add(Warning::BadItem, || format!("group {id} comes twice"));
            }
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no list of groups"));
        }
        if names.len() > MAX_GROUPS {
            return Err(Failure::new(Reason::TooLarge, format!("more than {MAX_GROUPS} groups")));
        }
        // Those of before are better than a few.
        match count.judge("groups")? {
            Some(defect) => Err(defect),
            None => Ok(names),
        }
    }

    /// The name of a group; its id where it is in no list.
    pub fn name(&self, id: i64) -> Cow<'_, str> {
        self.names.get(&id).map_or_else(|| Cow::Owned(id.to_string()), |name| Cow::Borrowed(&**name))
    }
}
