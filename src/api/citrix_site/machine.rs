//! One machine on the wire, and what is made of it.

use std::{borrow::Cow, sync::Arc};

use serde::Deserialize;

use super::{
    super::{
        Agent, AgentRef, Id, Part, Warning,
        lenient::{Field, Object, Shape, Timestamp},
        table::OTHER,
    },
    machines::text,
    states::{self, Said},
};
use crate::{
    catalogue::{Family, citrix_site as families},
    config::{
        Target,
        target::{self, SitePools},
    },
};

/// 2000-01-01: what lies before is no time of a machine, but a way to say that there is none.
const FIRST: f64 = 946_684_800.0;

/// The load index of a machine that takes nobody new.
const FULL: f64 = 10_000.0;

/// What machines are made from beside their pages.
#[derive(Debug)]
pub struct Inputs {
    /// The target, for its overrides and its limits.
    pub target: Arc<Target>,
    /// Its settings.
    pub settings: Arc<target::CitrixSite>,
}

/// A machine on the wire. Names come in Pascal case, and in camel case from some gateways.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MachineItem<'a> {
    #[serde(rename = "Id", alias = "id", borrow)]
    pub id: Field<Cow<'a, str>>,
    #[serde(rename = "Name", alias = "name", borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(rename = "DnsName", alias = "dnsName", borrow)]
    dns_name: Field<Cow<'a, str>>,
    #[serde(rename = "Sid", alias = "sid", borrow)]
    sid: Field<Cow<'a, str>>,
    #[serde(rename = "MachineCatalog", alias = "machineCatalog", borrow)]
    catalog: Object<Named<'a>>,
    #[serde(rename = "DeliveryGroup", alias = "deliveryGroup", borrow)]
    delivery_group: Object<Named<'a>>,
    #[serde(rename = "Zone", alias = "zone", borrow)]
    zone: Object<Named<'a>>,
    #[serde(rename = "PowerState", alias = "powerState", borrow)]
    power_state: Field<Cow<'a, str>>,
    #[serde(rename = "RegistrationState", alias = "registrationState", borrow)]
    registration_state: Field<Cow<'a, str>>,
    #[serde(rename = "FaultState", alias = "faultState", borrow)]
    fault_state: Field<Cow<'a, str>>,
    #[serde(rename = "InMaintenanceMode", alias = "inMaintenanceMode")]
    in_maintenance_mode: Field<bool>,
    #[serde(rename = "DrainingUntilShutdown", alias = "drainingUntilShutdown")]
    draining: Field<bool>,
    #[serde(rename = "SessionCount", alias = "sessionCount")]
    session_count: Field<i64>,
    #[serde(rename = "LoadIndex", alias = "loadIndex")]
    load_index: Field<f64>,
    #[serde(rename = "SessionSupport", alias = "sessionSupport", borrow)]
    session_support: Field<Cow<'a, str>>,
    #[serde(rename = "PowerActionPending", alias = "powerActionPending")]
    power_action_pending: Field<bool>,
    #[serde(rename = "LastDeregistrationReason", alias = "lastDeregistrationReason", borrow)]
    reason: Field<Cow<'a, str>>,
    /// The other one, `LastDeregistrationTime`, is written as in the language of the server.
    #[serde(rename = "FormattedLastDeregistrationTime", alias = "formattedLastDeregistrationTime")]
    deregistered: Field<Timestamp>,
    #[serde(rename = "AgentVersion", alias = "agentVersion", borrow)]
    agent_version: Field<Cow<'a, str>>,
}

/// Boxed: it is several hundred bytes long, and is handed on often.
impl Shape for MachineItem<'_> {
    type Of<'a> = Box<MachineItem<'a>>;
}

/// Something that has a name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named<'a> {
    #[serde(rename = "Name", alias = "name", borrow)]
    pub name: Field<Cow<'a, str>>,
}

/// The name of an object; empty where there is none.
pub fn name_of<'t>(object: &'t Object<Named<'_>>) -> &'t str {
    match &object.0 {
        Field::Value(named) => text(&named.name),
        Field::Missing | Field::Bad => "",
    }
}

impl Inputs {
    /// Adds what is not about a machine.
    pub fn describe(&self, part: &mut Part) {
        for farm in &self.settings.storefront_farms {
            let pool = part.described_pool(farm);
            part.set(&families::STOREFRONT_FARM_INFO, pool, &[], 1.0);
        }
    }

    fn pool(&self, wire: &MachineItem<'_>) -> String {
        let (group, catalog) = (name_of(&wire.delivery_group), name_of(&wire.catalog));
        match self.settings.pool_by {
            SitePools::DeliveryGroup if !group.is_empty() => group.to_owned(),
            SitePools::Catalog if !catalog.is_empty() => catalog.to_owned(),
            SitePools::DeliveryGroup | SitePools::Catalog => format!("catalog/{catalog}"),
        }
    }
}

impl MachineItem<'_> {
    /// Adds the machine and its samples.
    pub fn set(&self, part: &mut Part, id: Id, inputs: &Inputs) {
        let warnings = &part.warnings;
        let bad = |what: &str| warnings.add(Warning::BadValue, || format!("machine {id}: {what} cannot be read"));
        let texts = [
            ("Name", &self.name),
            ("DnsName", &self.dns_name),
            ("Sid", &self.sid),
            ("PowerState", &self.power_state),
            ("RegistrationState", &self.registration_state),
            ("FaultState", &self.fault_state),
            ("SessionSupport", &self.session_support),
            ("LastDeregistrationReason", &self.reason),
            ("AgentVersion", &self.agent_version),
        ];
        texts.iter().filter(|(_, field)| matches!(field, Field::Bad)).for_each(|(what, _)| bad(what));
        let objects =
            [("MachineCatalog", &self.catalog), ("DeliveryGroup", &self.delivery_group), ("Zone", &self.zone)];
        objects.iter().filter(|(_, object)| matches!(object.0, Field::Bad)).for_each(|(what, _)| bad(what));
        let maintenance = self.in_maintenance_mode.get(warnings, "machine InMaintenanceMode");
        let draining = self.draining.get(warnings, "machine DrainingUntilShutdown").unwrap_or(false);
        let acting = self.power_action_pending.get(warnings, "machine PowerActionPending").unwrap_or(false);
        let sessions = self.session_count.get(warnings, "machine SessionCount");
        let load = self.load_index.get(warnings, "machine LoadIndex");
        let deregistered = self.deregistered.get(warnings, "machine FormattedLastDeregistrationTime");
        let is_load = |load: &f64| {
            let is_one = (0.0..=FULL).contains(load);
            if !is_one {
                bad("LoadIndex");
            }
            is_one
        };

        let support = states::sessions(text(&self.session_support));
        let said = Said {
            power: text(&self.power_state),
            registration: text(&self.registration_state),
            fault: text(&self.fault_state),
            acting,
            multi: support == "MultiSession",
            out: maintenance == Some(true) || draining,
        };
        let load = load.filter(|_| said.multi).filter(is_load);
        let pool = inputs.pool(self);
        let health = inputs.health(&pool, said, maintenance == Some(true), draining);
        let state = shown(said, maintenance == Some(true), draining);
        let dns_name = text(&self.dns_name).to_lowercase();
        let name = if dns_name.is_empty() { text(&self.name) } else { &dns_name };
        let machine_id = id.to_string();
        let name = if name.is_empty() { machine_id.as_str() } else { name };

        let (pool, state) = (part.pool(&pool, false), part.state(&state));
        let agent = Agent { pool, name: name.into(), id, health: Some(health), state };
        let Some(agent) = part.agent(agent) else {
            part.warnings.add(Warning::BadItem, || format!("machine {machine_id} comes twice"));
            return;
        };
        let (catalog, zone) = (name_of(&self.catalog), name_of(&self.zone));
        let info = [machine_id.as_str(), text(&self.sid), catalog, zone, support, text(&self.agent_version)];
        part.set(&families::MACHINE_INFO, agent, &info, 1.0);
        set_word(part, &families::MACHINE_POWER_STATE, agent, said.power, states::power);
        set_word(part, &families::MACHINE_REGISTRATION_STATE, agent, said.registration, states::registration);
        set_word(part, &families::MACHINE_FAULT_STATE, agent, said.fault, states::fault);
        let maintenance = maintenance.map(|on| f64::from(u8::from(on)));
        part.set_some(&families::MACHINE_MAINTENANCE_MODE, agent, &[], maintenance);
        part.set_some(&families::MACHINE_SESSIONS, agent, &[], sessions.map(|count| count as f64));
        part.set_some(&families::MACHINE_LOAD, agent, &[], load.map(|load| load / FULL));
        let deregistered = deregistered.map(Timestamp::as_secs_f64).filter(|at| *at >= FIRST);
        part.set_some(&families::MACHINE_LAST_DEREGISTRATION, agent, &[], deregistered);
        if deregistered.is_some() {
            set_word(part, &families::MACHINE_DEREGISTRATION_REASON, agent, text(&self.reason), states::reason);
        }
    }
}

impl Inputs {
    fn health(&self, pool: &str, said: Said<'_>, maintenance: bool, draining: bool) -> crate::health::Health {
        let mut words = vec![said.power, said.registration];
        words.extend(Some(said.fault).filter(|fault| !fault.eq_ignore_ascii_case("None")));
        words.extend(maintenance.then_some("InMaintenanceMode"));
        words.extend(draining.then_some("DrainingUntilShutdown"));
        words.retain(|word| !word.is_empty());
        self.target.health(pool, &words, states::health(said))
    }
}

/// Sets a word of a table; one that is not in it is told as another one, and counted.
fn set_word(
    part: &mut Part,
    family: &'static Family,
    agent: AgentRef,
    word: &str,
    known: fn(&str) -> Option<&'static str>,
) {
    if word.is_empty() {
        return;
    }
    let label = known(word).unwrap_or_else(|| {
        let what = family.name.trim_start_matches("citrix_site_machine_");
        part.warnings.add(Warning::UnknownState, || format!("{what} {word:?}"));
        OTHER
    });
    part.set(family, agent, &[label], 1.0);
}

/// The state in the vendor's words.
fn shown(said: Said<'_>, maintenance: bool, draining: bool) -> String {
    let word = |text: &str, known: fn(&str) -> Option<&'static str>| known(text).unwrap_or(text).to_owned();
    let mut words = vec![word(said.power, states::power), word(said.registration, states::registration)];
    words.push(word(said.fault, states::fault));
    words.retain(|word| !word.is_empty() && word != "None");
    words.extend(maintenance.then(|| "maintenance".to_owned()));
    words.extend(draining.then(|| "draining".to_owned()));
    words.extend(said.acting.then(|| "power action pending".to_owned()));
    words.dedup();
    words.join(", ")
}
