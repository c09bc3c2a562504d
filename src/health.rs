//! The six classes in which every vendor's states are told.

use std::fmt;

use serde::Serialize;
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

/// What an agent's state means to an operator. Time never changes a class: how long one may last is the alerts' business.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    EnumCount,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Health {
    /// Works.
    Healthy,
    /// Is changing, and is expected to end by itself.
    Transitional,
    /// Is out of service on purpose.
    Disabled,
    /// Serves, but an admin should look.
    Degraded,
    /// Does not serve.
    Failed,
    /// The vendor does not know, or said something new.
    Unknown,
}

impl Health {
    /// All classes, in the order in which they are exposed.
    pub const ALL: [Health; Health::COUNT] = *Health::VARIANTS.first_chunk().expect("there are as many as are counted");

    /// The value of the label `health`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads the value of the label `health`.
    pub fn parse(text: &str) -> Option<Health> {
        text.parse().ok()
    }

    /// Whether users or jobs are being served: healthy, transitional or degraded.
    pub const fn serving(self) -> bool {
        matches!(self, Health::Healthy | Health::Transitional | Health::Degraded)
    }

    /// Whether it counts for capacity: serving or failed.
    pub const fn eligible(self) -> bool {
        self.serving() || matches!(self, Health::Failed)
    }

    /// At least degraded: a fault on the side turns what works into degraded and leaves the rest as it is.
    pub const fn at_least_degraded(self) -> Health {
        match self {
            Health::Healthy | Health::Transitional => Health::Degraded,
            other => other,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
