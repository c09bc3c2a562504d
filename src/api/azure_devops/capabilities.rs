//! Capabilities of agents, those of the configuration only. Every variable of an agent's environment is one, so that all of them
//! together hold secrets, and take several kilobytes for each agent.

use std::{borrow::Cow, collections::HashMap, fmt, io::Read, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::{
        AgentRef, Part, Warning, Warnings,
        lenient::{self, Field, RowCount, Shape},
    },
    pools,
};
use crate::{catalogue::azure_devops::AGENT_CAPABILITY_INFO, failure::Failure};

/// Of a value so many bytes are kept; fewer are shown.
const LONGEST: usize = 512;

/// An agent on the wire, as it is asked for here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CapabilityItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    system_capabilities: Texts<'a>,
    #[serde(borrow)]
    user_capabilities: Texts<'a>,
}

impl Shape for CapabilityItem<'_> {
    type Of<'a> = Box<CapabilityItem<'a>>;
}

/// A text of the wire, as a name or a value.
type Text<'a> = Field<Cow<'a, str>>;

/// Texts by name, in the order of the wire; anything but an object is empty.
#[derive(Debug, Default)]
struct Texts<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor(PhantomData))
    }
}

struct TextsVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for TextsVisitor<'a> {
    type Value = Texts<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts<'a>, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            texts.push(entry);
        }
        Ok(Texts(texts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts<'a>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Texts::default())
    }

    fn visit_unit<E>(self) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Texts<'a>, E> {
        Ok(Texts::default())
    }
}

/// The capabilities of the agents of a pool: of each the places of the names in the settings, and the values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PoolCapabilities(HashMap<i64, Box<[Named]>>);

/// The place of a name in the settings, and the value.
type Named = (usize, Box<str>);

impl PoolCapabilities {
    /// Reads a page of agents; no more than `most` agents are kept. What somebody has told an agent comes before what it has
    /// found itself.
    pub fn read(
        &mut self,
        body: impl Read,
        names: &[String],
        count: &mut RowCount,
        most: usize,
        warnings: &Warnings,
    ) -> Result<(), Failure> {
        let list = lenient::items::<CapabilityItem<'_>>(body, "value", |item: Option<Box<CapabilityItem<'_>>>| {
            let Some((wire, id)) = item.and_then(|wire| wire.id.ok().map(|id| (wire, id))) else {
                count.add(false);
                warnings.add(Warning::BadItem, || "agent without a readable id, asked for its capabilities".to_owned());
                return;
            };
            count.add(true);
            let all = || wire.user_capabilities.0.iter().chain(&wire.system_capabilities.0);
            let value_of = |name: &String| {
                let mut found = all().filter_map(|(of, value)| match (of, value) {
                    (Field::Value(of), Field::Value(value)) => of.eq_ignore_ascii_case(name).then_some(value),
                    _ => None,
                });
                found.next().map(|value| Box::<str>::from(lenient::cut(value, LONGEST)))
            };
            let values: Vec<_> =
                names.iter().enumerate().filter_map(|(place, name)| Some((place, value_of(name)?))).collect();
            if !values.is_empty() && self.0.len() < most {
                self.0.insert(id, values.into());
            }
        })?;
        count.announce(list);
        pools::check(list, warnings, "agents")
    }

    /// Sets the samples of an agent. `names` are those that were asked for.
    pub fn set(&self, part: &mut Part, agent: AgentRef, id: i64, names: &[String]) {
        for (place, value) in self.0.get(&id).into_iter().flatten() {
            if let Some(name) = names.get(*place) {
                part.set(&AGENT_CAPABILITY_INFO, agent, &[name, value], 1.0);
            }
        }
    }
}
