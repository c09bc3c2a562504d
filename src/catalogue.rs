//! Every metric family as data: name, type, unit, labels, help. `rollcall metrics` prints it, the exposition follows it.
//!
//! To add a metric: one entry in the table of its vendor below `catalogue/`, and the line in the vendor's file that sets
//! the sample. The order of the tables is the order of the exposition.

pub mod agent;
pub mod azure_devops;
pub mod citrix_site;
pub mod citrix_storefront;
pub mod daemon;
pub mod parallels_ras;
pub mod parallels_ras_session;
pub mod resilio;
pub mod resilio_console;
pub mod target;

use crate::vendors::vendor_table;

/// The type of a family, as in `# TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows; its name ends in `_total`.
    Counter,
    /// Buckets, sum and count.
    Histogram,
}

impl Kind {
    /// As in `# TYPE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// What a series of the family is about; it decides the labels that come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The daemon itself: no `vendor`, no `target`.
    Daemon,
    /// A target: `vendor`, `target`.
    Target,
    /// A pool: `vendor`, `target`, `pool`.
    Pool,
    /// An agent: `vendor`, `target`, `pool`, `agent`.
    Agent,
}

impl Scope {
    /// The labels that every series of this scope carries, in order.
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Scope::Daemon => &[],
            Scope::Target => &["vendor", "target"],
            Scope::Pool => &["vendor", "target", "pool"],
            Scope::Agent => &["vendor", "target", "pool", "agent"],
        }
    }
}

/// One metric family.
#[derive(Debug, PartialEq)]
pub struct Family {
    /// Name of the samples, for a counter with `_total`, for a histogram without suffix.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// What a series is about.
    pub scope: Scope,
    /// Labels on top of those of the scope, in order.
    pub labels: &'static [&'static str],
    /// Base unit, as in the name: `seconds`, `bytes`, `bytes_per_second`, or empty.
    pub unit: &'static str,
    /// What the value means.
    pub help: &'static str,
    /// Position in its own table.
    pub ordinal: u16,
}

/// Position of a family in the catalogue: index in [`TABLES`], and ordinal therein.
pub type FamilyKey = (u8, u16);

impl Family {
    /// Its position in the catalogue; `None` for a family without a `target` label, which stands in no table.
    pub fn key(&'static self) -> Option<FamilyKey> {
        let is_here = |table: &&[&Family]| table.get(usize::from(self.ordinal)).is_some_and(|f| std::ptr::eq(*f, self));
        let table = TABLES.iter().position(is_here)?;
        Some((u8::try_from(table).ok()?, self.ordinal))
    }

    /// Every label in order.
    pub fn all_labels(&self) -> impl Iterator<Item = &'static str> {
        self.scope.labels().iter().chain(self.labels).copied()
    }
}

/// Declares a table of families: `IDENT: Kind Scope "name" [labels] "unit" "help";`.
macro_rules! families {
    ($($id:ident: $kind:ident $scope:ident $name:literal [$($label:literal),*] $unit:literal $help:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(u16)]
        enum Ordinal { $($id),* }
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub static $id: $crate::catalogue::Family = $crate::catalogue::Family {
                name: $name,
                kind: $crate::catalogue::Kind::$kind,
                scope: $crate::catalogue::Scope::$scope,
                labels: &[$($label),*],
                unit: $unit,
                help: $help,
                ordinal: Ordinal::$id as u16,
            };
        )*
        /// All families of this table, in the order of their ordinals.
        pub static FAMILIES: &[&$crate::catalogue::Family] = &[$(&$id),*];
    };
}
use families;

/// Every family, those of the daemon first, which come first in the exposition too.
pub fn all() -> impl Iterator<Item = &'static Family> {
    let own = daemon::FAMILIES.iter().chain(daemon::process::FAMILIES);
    own.chain(TABLES.iter().flat_map(|table| table.iter())).copied()
}

macro_rules! tables {
    ($($vendor:ident $name:ident $row:tt)+) => {
        /// The families with a `target` label, table by table in the order of the exposition.
        pub static TABLES: &[&[&Family]] = &[agent::FAMILIES, target::FAMILIES, $($name::FAMILIES),+];

        /// The families of one vendor.
        pub fn of(vendor: &str) -> Option<&'static [&'static Family]> {
            match vendor {
                $(stringify!($name) => Some($name::FAMILIES),)+
                _ => None,
            }
        }
    };
}
vendor_table!(tables);
