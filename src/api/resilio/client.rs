//! The client: the agent itself, its connection to the management console, and its tags.

use std::{borrow::Cow, collections::HashSet, io::Read};

use serde::Deserialize;

use super::{
    super::{
        AgentRef, Part, Warning, Warnings,
        lenient::{self, Field, Object, RowCount, Shape, Timestamp},
        table::{self, OTHER},
    },
    POOL, states,
};
use crate::{
    catalogue::resilio as families,
    config::Target,
    failure::{Failure, Reason},
    health::Health,
};

/// The answer of `/client`. Older agents send `paused` and `server` only.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientResponse<'a> {
    #[serde(borrow)]
    deviceid: Field<Cow<'a, str>>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    paused: Field<bool>,
    /// A string, `"true"`; missing where no restart is required.
    restart_required: Field<bool>,
    #[serde(borrow)]
    server: Object<Server<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Server<'a> {
    #[serde(borrow)]
    addr: Field<Cow<'a, str>>,
    last_seen: Field<Timestamp>,
    #[serde(borrow)]
    state: Field<Cow<'a, str>>,
}

/// More tags than this are not kept: each is a series.
const MAX_TAGS: usize = 10_000;

/// Of a name and a value so many bytes are kept; fewer are shown.
const LONGEST: usize = 512;

/// The client.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientInfo {
    /// Device id.
    pub device_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    paused: bool,
    restart_required: bool,
    server: String,
    last_seen: Option<Timestamp>,
    state: String,
}

impl ClientInfo {
    /// Reads the answer.
    pub fn read(body: &[u8], warnings: &Warnings) -> Result<ClientInfo, Failure> {
        let text = lenient::text(body);
        let wire: ClientResponse<'_> = lenient::object(&text)?;
        if matches!((&wire.server.0, &wire.paused, &wire.deviceid), (Field::Missing, Field::Missing, Field::Missing)) {
            return Err(Failure::new(Reason::Decode, "an object that is not a client"));
        }
        let server = wire.server.0.get(warnings, "client server").unwrap_or_default();
        let some = |field: Field<Cow<'_, str>>, what: &str| field.filled().get(warnings, what).map(Cow::into_owned);
        Ok(ClientInfo {
            device_id: some(wire.deviceid, "client deviceid"),
            name: some(wire.name, "client name"),
            paused: wire.paused.get(warnings, "client paused").unwrap_or(false),
            restart_required: wire.restart_required.get(warnings, "client restartRequired").unwrap_or(false),
            server: some(server.addr, "server addr").unwrap_or_default(),
            last_seen: server.last_seen.get(warnings, "server last_seen"),
            state: some(server.state, "server state").unwrap_or_default(),
        })
    }

    /// The class of health, after the configured overrides.
    pub fn health(&self, target: &Target, warnings: &Warnings) -> Health {
        if self.paused {
            return target.health(POOL, &["paused"], Health::Disabled);
        }
        let row = table::find(&states::CLIENT, &self.state);
        if row.is_none() {
            warnings.add(Warning::UnknownState, || format!("client state {:?}", lenient::cut(&self.state, 64)));
        }
        let health = target.health(POOL, &[self.state.trim()], row.map_or(Health::Unknown, |(_, health)| health));
        if self.restart_required { health.at_least_degraded() } else { health }
    }

    /// The state for pages: `CONNECTED`, `CONNECTED, paused`.
    pub fn state_for_pages(&self) -> Box<str> {
        let state = if self.state.is_empty() { "unknown" } else { lenient::cut(&self.state, 64) };
        if self.paused { format!("{state}, paused").into() } else { state.into() }
    }

    /// Sets the samples of the client.
    pub fn set(&self, part: &mut Part, agent: AgentRef, warnings: &Warnings) {
        part.declare_states(&families::CLIENT_STATE, &states::CLIENT_NAMES);
        part.set(&families::CLIENT_INFO, agent, &[self.device_id.as_deref().unwrap_or_default(), &self.server], 1.0);
        let row = table::find(&states::CLIENT, &self.state);
        if row.is_none() && self.paused {
            // Otherwise counted with the health.
            warnings.add(Warning::UnknownState, || format!("client state {:?}", lenient::cut(&self.state, 64)));
        }
        part.set(&families::CLIENT_STATE, agent, &[row.map_or(OTHER, |(name, _)| name)], 1.0);
        part.set(&families::CLIENT_PAUSED, agent, &[], f64::from(self.paused));
        part.set(&families::CLIENT_RESTART_REQUIRED, agent, &[], f64::from(self.restart_required));
        part.set_some(&families::CLIENT_SERVER_LAST_SEEN, agent, &[], self.last_seen.map(Timestamp::as_secs_f64));
    }
}

/// The agent's tags, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Tags(Vec<(String, String)>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tag<'a> {
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    value: Field<Cow<'a, str>>,
}

impl Shape for Tag<'_> {
    type Of<'a> = Tag<'a>;
}

impl Tags {
    /// Reads the answer of `/tags`. Fails with `too_large` where there are more than [`MAX_TAGS`].
    pub fn read(body: impl Read, warnings: &Warnings) -> Result<Tags, Failure> {
        let mut tags = Vec::new();
        let (mut names, mut count) = (HashSet::new(), RowCount::default());
        let list = lenient::items::<Tag<'_>>(body, "tags", |item: Option<Tag<'_>>| {
            if tags.len() > MAX_TAGS {
                return;
            }
            let tag = item.and_then(|tag| tag.name.ok().map(|name| (name, tag.value)));
            count.add(tag.is_some());
            let Some((name, value)) = tag else {
                warnings.add(Warning::BadItem, || "tag without a name".to_owned());
                return;
            };
            // What is the same after the cut would be the same series.
            if !names.insert(lenient::cut(&name, 256).to_owned()) {
                warnings.add(Warning::BadItem, || format!("tag {:?} comes twice", lenient::cut(&name, 64)));
                return;
            }
            let value = value.get(warnings, "tag value").unwrap_or_default();
            tags.push((lenient::cut(&name, LONGEST).to_owned(), lenient::cut(&value, LONGEST).to_owned()));
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no list of tags"));
        }
        if tags.len() > MAX_TAGS {
            return Err(Failure::new(Reason::TooLarge, format!("more than {MAX_TAGS} tags")));
        }
        // Those of before are better than a few.
        match count.judge("tags")? {
            Some(defect) => Err(defect),
            None => Ok(Tags(tags)),
        }
    }

    /// Sets the samples of the tags.
    pub fn set(&self, part: &mut Part, agent: AgentRef) {
        for (name, value) in &self.0 {
            part.set(&families::CLIENT_TAG_INFO, agent, &[name, value], 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_tags_are_not_kept() {
        let read = |count: usize| {
            let tags: Vec<String> = (0..count).map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
            Tags::read(format!("[{}]", tags.join(",")).as_bytes(), &Warnings::default())
        };
        assert_eq!(read(MAX_TAGS).expect("as many as may be").0.len(), MAX_TAGS);
        assert_eq!(read(MAX_TAGS + 1).expect_err("too many").reason, Reason::TooLarge);
    }
}
