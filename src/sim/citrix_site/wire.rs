//! The JSON of the API: names in Pascal case, lists in an envelope with `Items`, `ContinuationToken` and `TotalItems`.

use super::{
    CitrixSite, LARGEST_PAGE, USUAL_PAGE, VENDOR,
    machine::SiteMachine,
    site::{Group, Hypervisor, Site, Zone},
};
use crate::{Quirk, Request, Response, World};
use hyper::StatusCode;
use serde_json::{Map, Value, json};

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What is asked for, and how it is spelt.
pub(super) struct Printer {
    other: bool,
    /// Names of the members that were asked for, in lower case; old servers send all of them.
    fields: Option<Vec<String>>,
}

impl Printer {
    pub(super) fn of(world: &World, request: &Request) -> Printer {
        let split = |fields: &str| fields.split(',').map(|field| field.trim().to_ascii_lowercase()).collect();
        let old = world.quirk(VENDOR, Quirk::OldServer);
        Printer {
            other: world.quirk(VENDOR, Quirk::OtherSpelling),
            fields: request.param("fields").filter(|_| !old).map(split),
        }
    }

    /// An object.
    pub(super) fn one(&self, object: Value) -> Response {
        Response::full(StatusCode::OK, JSON, self.spelt(object).to_string())
    }

    /// The page of a list that is asked for.
    pub(super) fn page(&self, request: &Request, items: Vec<Value>) -> Response {
        let Some((skip, most)) = range(request) else {
            return super::error(StatusCode::BAD_REQUEST, "The limit or the continuation token is invalid.");
        };
        let total = items.len();
        let end = total.min(skip + most);
        let page = items.into_iter().skip(skip).take(most).collect();
        self.list(true, page, (end < total).then_some(end), total)
    }

    /// A page with the place at which the next one begins.
    pub(super) fn list(&self, has_items: bool, items: Vec<Value>, next: Option<usize>, total: usize) -> Response {
        let mut object = Map::new();
        if has_items {
            let items = items.into_iter().map(|item| self.cut(item)).collect();
            object.insert("Items".to_owned(), items);
        }
        object
            .insert("ContinuationToken".to_owned(), next.map_or(Value::Null, |next| json!(format!("place+{next}=="))));
        object.insert("TotalItems".to_owned(), json!(total));
        self.one(Value::Object(object))
    }

    fn cut(&self, item: Value) -> Value {
        match (item, &self.fields) {
            (Value::Object(mut members), Some(fields)) => {
                members.retain(|name, _| fields.contains(&name.to_ascii_lowercase()));
                Value::Object(members)
            }
            (item, _) => item,
        }
    }

    /// Camel case, numbers and flags as texts, states in lower case.
    fn spelt(&self, value: Value) -> Value {
        if !self.other {
            return value;
        }
        const STATES: [&str; 5] =
            ["PowerState", "RegistrationState", "FaultState", "SessionSupport", "LastDeregistrationReason"];
        match value {
            Value::Number(number) => json!(number.to_string()),
            Value::Bool(flag) => json!(if flag { "True" } else { "False" }),
            Value::Array(items) => items.into_iter().map(|item| self.spelt(item)).collect(),
            Value::Object(members) => {
                let member = |(name, value): (String, Value)| {
                    let value = match value {
                        Value::String(word) if STATES.contains(&name.as_str()) => json!(word.to_lowercase()),
                        value => self.spelt(value),
                    };
                    (name[..1].to_ascii_lowercase() + &name[1..], value)
                };
                Value::Object(members.into_iter().map(member).collect())
            }
            value => value,
        }
    }
}

/// Where the page begins that is asked for, and how long it is at the most. `None`: the request is wrong.
pub(super) fn range(request: &Request) -> Option<(usize, usize)> {
    let most = request.param("limit").map_or(Some(USUAL_PAGE), |limit| limit.parse().ok())?;
    let skip = match request.param("continuationToken") {
        None | Some("") => 0,
        Some(token) => token.strip_prefix("place+")?.strip_suffix("==")?.parse().ok()?,
    };
    (1..=LARGEST_PAGE).contains(&most).then_some((skip, most))
}

fn named(name: Option<&str>) -> Value {
    name.map_or(Value::Null, |name| json!({ "Id": format!("id of {name}"), "Name": name, "Uid": 7 }))
}

/// A machine with all that there is, users included.
pub(super) fn machine(machine: &SiteMachine) -> Value {
    let SiteMachine { machine: shown, .. } = machine;
    let user = json!({ "SamName": CitrixSite::USER, "PrincipalName": "somebody.in.particular@corp.example" });
    let moment = machine.deregistered.map(|(moment, _)| moment.to_string());
    let mut all = json!({
        "Id": machine.id, "Uid": shown.index, "Name": machine.name, "DnsName": machine.dns_name, "Sid": machine.sid,
        "MachineCatalog": named(Some(&machine.catalog)), "DeliveryGroup": named(machine.group.as_deref()),
        "Zone": named(machine.zone), "PowerState": shown.power, "RegistrationState": shown.registration,
        "FaultState": machine.fault, "InMaintenanceMode": machine.maintenance,
        "DrainingUntilShutdown": machine.draining, "SessionCount": machine.sessions, "LoadIndex": machine.load,
        "SessionSupport": if shown.multi { "MultiSession" } else { "SingleSession" },
        "PowerActionPending": shown.in_progress, "LastDeregistrationReason": machine.deregistered.map(|(_, reason)| reason),
        "LastDeregistrationTime": "1/15/2026 8:00:00 AM", "FormattedLastDeregistrationTime": moment,
        "AgentVersion": machine.version, "MachineType": "Virtual", "ProvisioningType": "MCS", "SummaryState": "Available",
    });
    let users = json!({
        "AssociatedUsers": [user], "AssignedUsers": [user], "SessionUserName": CitrixSite::USER,
        "LastConnectionUser": user, "IPAddress": "10.30.40.50", "SessionClientAddress": "10.60.70.80",
        "SessionClientName": "somebody.in.particular",
    });
    if let (Value::Object(all), Value::Object(users)) = (&mut all, users) {
        all.extend(users);
    }
    all
}

pub(super) fn group(group: &Group) -> Value {
    json!({
        "Id": format!("id of {}", group.name), "Name": group.name, "Enabled": true,
        "InMaintenanceMode": group.maintenance, "IsBroken": false, "SessionCount": group.sessions,
        "TotalDesktops": group.total, "DesktopsAvailable": group.available, "DesktopsDisconnected": group.disconnected,
        "DesktopsFaulted": group.faulted, "DesktopsUnregistered": group.unregistered,
        "SessionSupport": if group.multi { "MultiSession" } else { "SingleSession" }, "SharingKind": "Shared",
        "IncludedUsers": [{ "SamName": CitrixSite::USER }],
    })
}

pub(super) fn hypervisor(hypervisor: &Hypervisor) -> Value {
    let fault = match hypervisor.fault {
        None => json!({ "State": "None", "Reason": null, "TimeEntered": null, "DurationInSeconds": 0.0 }),
        Some((reason, _)) => json!({ "State": "Unreachable", "Reason": reason, "DurationInSeconds": 1.5 }),
    };
    json!({
        "Id": format!("id of {}", hypervisor.name), "Name": hypervisor.name, "ConnectionType": hypervisor.connection_type,
        "InMaintenanceMode": false, "Zone": named(Some(hypervisor.zone)), "Fault": fault,
        "Addresses": ["https://hypervisor.corp.example"],
    })
}

pub(super) fn zone(zone: &Zone) -> Value {
    json!({
        "Id": format!("id of {}", zone.name), "Name": zone.name, "IsPrimary": zone.primary, "IsHealthy": zone.healthy,
        "LastStateChangeTimeInUtc": "2026-01-01T00:00:00Z",
    })
}

pub(super) fn licenses(site: &Site) -> Value {
    let (used, normal, overdraft) = site.licenses();
    json!({ "LicensesUsage": used, "NormalLicenses": normal, "OverdraftLicenses": overdraft, "LicenseInventories": [] })
}
