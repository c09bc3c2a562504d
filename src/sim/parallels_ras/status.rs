//! The status lists, the license and the members of host pools, as far as their form is known: base fields as on the
//! vendor's page, the rest by the names of the vendor's PowerShell module, in camel case or as they are there.

use super::capacity::{self, License};
use super::fleet::{self, FarmState, Group, Row, kind};
use super::wire::{self, JSON, Odd, problem};
use super::{VENDOR, states};
use crate::{Response, World};
use hyper::StatusCode;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What differs between the ways to write a row.
struct Fields {
    powershell: bool,
    row: Map<String, Value>,
}

impl Fields {
    /// A row with the fields that all status lists share.
    fn of(row: &Row, odd: Odd) -> Fields {
        let mut fields = Fields { powershell: odd.other_spelling, row: Map::new() };
        fields.text("id", "Id", row.id().to_string());
        fields.number("siteId", "SiteId", row.group.site as i64);
        fields.coded("agentState", "AgentState", row.state, &states::state_name(row.state));
        fields.coded("serverType", "ServerType", row.group.server_type, &states::type_name(row.group.server_type));
        fields
    }

    fn set(&mut self, camel: &str, powershell: &str, value: Value) {
        let name = if self.powershell { powershell } else { camel };
        self.row.insert(name.to_owned(), value);
    }

    fn text(&mut self, camel: &str, powershell: &str, text: impl Into<String>) {
        self.set(camel, powershell, Value::String(text.into()));
    }

    /// Numbers are texts there.
    fn number(&mut self, camel: &str, powershell: &str, number: i64) {
        let value = if self.powershell { json!(number.to_string()) } else { json!(number) };
        self.set(camel, powershell, value);
    }

    fn coded(&mut self, camel: &str, powershell: &str, code: i32, name: &str) {
        let value = if self.powershell { json!(format!("{code} = {name}")) } else { json!(code) };
        self.set(camel, powershell, value);
    }

    fn written(self) -> String {
        Value::Object(self.row).to_string()
    }
}

/// `GET /api/RDS/Host/status`, `/api/Gateway/status`, `/api/Broker/status`: servers with their load.
pub(super) fn servers(world: Arc<World>, groups: Vec<Group>) -> Response {
    rows(world, groups, |world, row, odd| {
        let mut fields = Fields::of(row, odd);
        fields.text("server", "Server", odd.server(row.group, row.index));
        let Some(load) = capacity::load(world, row) else {
            fields.text("agentVer", "AgentVer", "");
            return fields.written();
        };
        fields.text("agentVer", "AgentVer", capacity::version(row));
        fields.text("serverOS", "ServerOS", "Windows Server 2022");
        // What cannot be read is told as 0, which is why nobody may show it.
        let (cpu, memory) = if row.state == 60 { (0, 0) } else { (load.cpu, load.memory) };
        let (active, disconnected) = if row.state == 1 { (0, 0) } else { (load.active, load.disconnected) };
        fields.number("cpuLoad", "CPULoad", cpu.into());
        fields.number("memLoad", "MemLoad", memory.into());
        fields.number("diskRead", "DiskRead", 3);
        fields.number("diskWrite", "DiskWrite", 4);
        fields.number("logLevel", "LogLevel", 3);
        match row.group.server_type {
            kind::RDS_HOST => {
                fields.number("activeSessions", "ActiveSessions", active.into());
                fields.number("disconnectedSessions", "DisconnectedSessions", disconnected.into());
                fields.text("preferredPA", "PreferredPA", format!("broker-{}-00001.farm.example", row.group.site));
                fields.number("loginStatus", "LoginStatus", i64::from((13..=15).contains(&row.state)));
                fields.number("updStatus", "UPDStatus", 0);
            }
            kind::GATEWAY if row.state != 1 => {
                fields.number("activeRDPSessions", "ActiveRDPSessions", load.rdp.into());
                fields.number("activeRDPSSLSessions", "ActiveRDPSSLSessions", load.rdp_ssl.into());
            }
            _ => {}
        }
        fields.written()
    })
}

/// `GET /api/Provider/VM/Host/Status`: the virtual machines, with users and addresses that nobody asked for.
pub(super) fn machines(world: Arc<World>, groups: Vec<Group>) -> Response {
    rows(world, groups, |_, row, odd| {
        let mut fields = Fields::of(row, odd);
        let state = capacity::vm_state(row);
        fields.text("name", "Name", odd.server(row.group, row.index));
        // The machine that carries it.
        fields.text("server", "Server", format!("hv-{}-{:02}.farm.example", row.group.site, row.index % 4 + 1));
        fields.coded("state", "State", state, capacity::vm_state_name(state));
        fields.number("connection", "Connection", if state == 1 { 3 } else { 0 });
        fields.text("templateName", "TemplateName", format!("Template {}-1", row.group.site));
        fields.text("ip", "IP", "192.0.2.77");
        fields.number("providerID", "ProviderID", row.group.site as i64);
        fields.set("isMaintenance", "IsMaintenance", json!(false));
        fields.set("isTemplate", "IsTemplate", json!(false));
        let session =
            json!({ "user": "someone@farm.example", "ip": "198.51.100.77", "deviceName": "LAPTOP-OF-SOMEONE" });
        fields.set("session", "Session", session);
        fields.written()
    })
}

/// `GET /api/Site/status`.
pub(super) fn sites(world: Arc<World>, groups: Vec<Group>) -> Response {
    rows(world, groups, |_, row, odd| Fields::of(row, odd).written())
}

fn rows(
    world: Arc<World>,
    groups: Vec<Group>,
    write: impl Fn(&World, &Row, Odd) -> String + Send + 'static,
) -> Response {
    let (moment, odd) = (FarmState::of(&world, VENDOR), Odd::of(&world));
    let rows: Vec<Row> = groups.into_iter().flat_map(|group| moment.rows(&world, group).collect::<Vec<_>>()).collect();
    wire::array(rows.into_iter().map(move |row| write(&world, &row, odd)))
}

/// `GET /api/…/HostPool/{id}/Members`: the hosts of one pool.
pub(super) fn members(world: &Arc<World>, pools: &[Group], hosts: &[Group], id: &str) -> Response {
    let odd = Odd::of(world);
    let named = |pools: &Group| (0..pools.count).find(|index| fleet::id(*pools, *index).to_string() == id);
    let Some((pools, pool)) = pools.iter().find_map(|pools| Some((*pools, named(pools)?))) else {
        return problem(StatusCode::NOT_FOUND, "There is no such host pool.");
    };
    let of_site = hosts.iter().copied().filter(move |group| group.site == pools.site);
    let members: Vec<String> = of_site
        .flat_map(|group| (0..group.count).map(move |index| (group, index)))
        .filter(|(_, index)| capacity::pool_of(pools, *index) == pool)
        .map(|(group, index)| {
            let id = fleet::id(group, index).to_string();
            json!({ "id": id, "siteId": group.site, "server": odd.server(group, index) }).to_string()
        })
        .collect();
    wire::array(members.into_iter())
}

/// `GET /api/License`: all of it text, and much of it empty.
pub(super) fn license(world: &World) -> Response {
    let odd = Odd::of(world);
    let License { license_type, status, expiry, support_expiry, installed, peak, used, grace } =
        capacity::license(world);
    let text = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let body = json!({
        "licenseType": license_type,
        "licenseStatus": status,
        "expiryDate": date(expiry, odd.other_spelling),
        "supportExpireDate": date(support_expiry, odd.other_spelling),
        "installedUsers": text((!odd.old_server).then_some(installed)),
        "usersPeak": text(Some(peak)),
        "usageToday": text(Some(used)),
        "usersLicenseInfo": format!("{used} of {installed}"),
        "currPeriodUsage": "",
        "gracePeriodState": text(grace.map(|_| 1)),
        "gracePeriodDaysLeft": text(grace),
        "billingPeriodStart": "",
        "licenseKey": "AAAA-BBBB-CCCC-DDDD",
        "paUserName": "Somebody Else",
        "paUserEmail": "somebody.else@farm.example",
    });
    Response::full(StatusCode::OK, JSON, body.to_string())
}

/// Day first with slashes, as in the vendor's sample, or as ISO 8601 has it.
fn date(day: i64, iso: bool) -> String {
    let date = Date::default().saturating_add(jiff::Span::new().days(day - EPOCH_OF_DATE));
    let (year, month, day) = (date.year(), date.month(), date.day());
    if iso { format!("{year:04}-{month:02}-{day:02}") } else { format!("{day:02}/{month:02}/{year:04}") }
}

/// `Date::default()`, 0000-01-01, in days since the Unix epoch.
const EPOCH_OF_DATE: i64 = -719_528;
