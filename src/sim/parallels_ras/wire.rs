//! What the service writes: the agent list, the configuration lists, problems. Lists are made while they are sent.

use super::fleet::{self, FarmState, Group, Row, kind};
use super::{VENDOR, capacity, states};
use crate::{Body, Quirk, Response, World};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::json;
use std::{fmt::Write as _, sync::Arc};

/// The content type of every answer [ref].
pub(super) const JSON: &str = "application/json; api-version=1.0";

/// Chunks have about this many bytes.
const CHUNK: usize = 32 * 1_024;

/// The quirks of one answer, read once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Odd {
    pub(super) other_spelling: bool,
    pub(super) old_server: bool,
    pub(super) bad_item: bool,
    pub(super) duplicate: bool,
    pub(super) nasty: bool,
    pub(super) long: bool,
}

impl Odd {
    pub(super) fn of(world: &World) -> Odd {
        let quirk = |quirk| world.quirk(VENDOR, quirk);
        Odd {
            other_spelling: quirk(Quirk::OtherSpelling),
            old_server: quirk(Quirk::OldServer),
            bad_item: quirk(Quirk::BadItem),
            duplicate: quirk(Quirk::DuplicateName),
            nasty: quirk(Quirk::NastyName),
            long: quirk(Quirk::LongName),
        }
    }

    /// The configured server name. The quirks concern the first RD session hosts of site 1.
    pub(super) fn server(self, group: Group, index: usize) -> String {
        let odd = group.server_type == kind::RDS_HOST && group.site == 1;
        let index = match index {
            1 if odd && self.duplicate => 0,
            2 if odd && self.nasty => return "quote \" backslash \\ line\nfeed".to_owned(),
            3 if odd && self.long => return "rds-".repeat(2_500),
            other => other,
        };
        let prefix = match group.server_type {
            kind::RDS_HOST => "rds",
            kind::GATEWAY => "gw",
            kind::PA => "broker",
            kind::VDI_HOST => "vdi",
            kind::GUEST => "guest",
            kind::AVD_HOST => "avd",
            kind::ENROLLMENT => "enroll",
            kind::HALB_DEVICE => "halb",
            _ => "provider",
        };
        format!("{prefix}-{}-{:05}.farm.example", group.site, index + 1)
    }
}

/// `GET /api/Agent`: exactly the four documented fields, of the groups that the query asks for.
pub(super) fn agents(world: Arc<World>, groups: Vec<Group>) -> Response {
    let moment = FarmState::of(&world, VENDOR);
    let odd = Odd::of(&world);
    let bad = odd.bad_item.then(|| r#"{"agentState":[],"serverType":{},"siteId":"none"}"#.to_owned());
    let rows = groups.into_iter().flat_map(move |group| {
        let rows: Vec<Row> = moment.rows(&world, group).collect();
        rows.into_iter()
    });
    array(rows.map(move |row| agent(row, odd)).chain(bad))
}

/// `GET /api/Agent/{server}`: the agents on one configured server, compared without regard to case.
pub(super) fn agents_of(world: &World, groups: Vec<Group>, server: &str) -> Response {
    let moment = FarmState::of(world, VENDOR);
    let odd = Odd::of(world);
    let named = [
        kind::PA,
        kind::GATEWAY,
        kind::PROVIDER,
        kind::RDS_HOST,
        kind::VDI_HOST,
        kind::GUEST,
        kind::AVD_HOST,
        kind::ENROLLMENT,
        kind::HALB_DEVICE,
    ];
    let rows: Vec<String> = groups
        .into_iter()
        .filter(|group| named.contains(&group.server_type))
        .flat_map(|group| moment.rows(world, group))
        .filter(|row| odd.server(row.group, row.index).eq_ignore_ascii_case(server))
        .map(|row| agent(row, odd))
        .collect();
    match rows.is_empty() {
        true => problem(StatusCode::NOT_FOUND, "There is no such server."),
        false => array(rows.into_iter()),
    }
}

fn agent(row: Row, odd: Odd) -> String {
    let (state, server_type) = (row.state, row.group.server_type);
    if !odd.other_spelling {
        return format!(
            r#"{{"id":"{}","siteId":{},"agentState":{state},"serverType":{server_type}}}"#,
            row.id(),
            row.group.site
        );
    }
    // The v21 reference calls brokers what older ones call publishing agents.
    let type_name = match server_type {
        kind::PA => "Broker".to_owned(),
        other => states::type_name(other),
    };
    let state_name = states::state_name(state);
    let spell = |code: i32, name: &str, way: usize| match way % 5 {
        0 => format!(r#""{code}""#),
        1 => format!(r#""{code} = {name}""#),
        // A number without a name has no bare name either.
        2 if !name.starts_with("code_") => format!(r#""{name}""#),
        3 => format!(r#"["{code} = {name}"]"#),
        _ => code.to_string(),
    };
    format!(
        r#"{{"siteId":"{}","id":{},"agentState":{},"serverType":{},"agentVer":"21.0"}}"#,
        row.group.site,
        row.id(),
        spell(state, &state_name, row.index),
        spell(server_type, &type_name, row.index + 2),
    )
}

/// A configuration list: every object of that type, and one per site that was not applied yet, which the agent list
/// does not have.
pub(super) fn configured(world: &World, groups: Vec<Group>) -> Response {
    let odd = Odd::of(world);
    array(
        groups
            .into_iter()
            .flat_map(move |group| (0..=group.count).map(move |index| configured_item(group, index, odd))),
    )
}

fn configured_item(group: Group, index: usize, odd: Odd) -> String {
    let server = json!(odd.server(group, index)).to_string();
    let id = fleet::id(group, index);
    let mut item = String::from("{");
    // Only the list of RD session hosts from v19 on types its ids as strings.
    let _ = match group.server_type {
        kind::RDS_HOST if !odd.old_server => write!(item, r#""id":"{id}""#),
        _ => write!(item, r#""id":{id}"#),
    };
    let enabled = index < group.count;
    let _ = write!(item, r#","server":{server},"enabled":{enabled},"siteId":{}"#, group.site);
    let _ = match group.server_type {
        kind::PA => write!(
            item,
            r#","priority":{index},"ip":"192.0.2.{}","standby":{},"markedForDeletion":false"#,
            10 + index,
            index > 0
        ),
        kind::GATEWAY => write!(item, r#","gwMode":0,"ipVersion":0,"minSSLVersion":2,"cipherStrength":2"#),
        kind::RDS_HOST => write!(item, r#","maxSessions":{},"description":"","updMode":0"#, capacity::MAX_SESSIONS),
        _ => write!(item, r#","type":2"#),
    };
    item.push('}');
    item
}

/// The devices of the load balancers.
pub(super) fn devices(world: &World, groups: Vec<Group>) -> Response {
    let odd = Odd::of(world);
    array(groups.into_iter().flat_map(move |group| {
        (0..group.count).map(move |index| {
            let (id, site) = (fleet::id(group, index), group.site);
            let server = json!(odd.server(group, index)).to_string();
            format!(r#"{{"id":{id},"server":{server},"ip":"192.0.2.{}","siteId":{site},"enabled":true}}"#, 100 + index)
        })
    }))
}

/// The lists of pools and templates: they have a name of their own, no server.
pub(super) fn named(groups: Vec<Group>, name: fn(Group, usize) -> String) -> Response {
    array(groups.into_iter().flat_map(move |group| {
        (0..group.count).map(move |index| {
            format!(
                r#"{{"id":{},"name":"{}","enabled":true,"siteId":{}}}"#,
                fleet::id(group, index),
                name(group, index),
                group.site
            )
        })
    }))
}

/// The error body of ASP.NET.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": format!("https://httpstatuses.io/{}", status.as_u16()),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    Response::full(status, JSON, body.to_string())
}

/// A JSON array that is made while it is sent.
pub(super) fn array(items: impl Iterator<Item = String> + Send + 'static) -> Response {
    let chunks = Chunks { items, begun: false, done: false };
    Response { body: Body::Stream(Box::new(chunks)), ..Response::full(StatusCode::OK, JSON, "") }
}

/// A JSON array in pieces.
struct Chunks<I> {
    items: I,
    begun: bool,
    done: bool,
}

impl<I: Iterator<Item = String>> Iterator for Chunks<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let mut chunk = String::with_capacity(CHUNK + CHUNK / 8);
        while chunk.len() < CHUNK {
            match self.items.next() {
                Some(item) => {
                    chunk.push(if self.begun { ',' } else { '[' });
                    self.begun = true;
                    chunk.push_str(&item);
                }
                None => {
                    chunk.push_str(if self.begun { "]" } else { "[]" });
                    self.done = true;
                    break;
                }
            }
        }
        Some(chunk.into())
    }
}
