//! The settings that only one vendor has: a file for each below `vendor/`. Which vendors there are says the table in
//! [`vendors`](crate::vendors).

mod azure_devops;
mod citrix_site;
mod citrix_storefront;
mod parallels_ras;
mod parallels_ras_session;
mod resilio;
mod resilio_console;

pub use azure_devops::{AzureAuth, Pools};
pub use citrix_site::{SiteAccess, SitePools};
pub use citrix_storefront::{CitrixAuth, CitrixMethod};
pub use parallels_ras_session::{App, ProbeMode, SessionSettings};
pub use resilio_console::PoolBy;

use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use super::{
    Http,
    parse::polling::Times,
    read::{Item, Section},
};
use crate::vendors::{Vendor, vendor_table};

/// The usual longest time of a poll.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The settings of one vendor. They serialize as in the configuration, without secrets.
trait Settings: Sized + Serialize {
    /// Reads them; `None` where an error was noted.
    fn read(section: &Section<'_>, http: &Http) -> Option<Self>;

    /// The longest time of a poll, where nothing is said.
    fn default_timeout(_section: &Section<'_>) -> Duration {
        DEFAULT_TIMEOUT
    }

    /// Most series of a target, where nothing is said.
    const MAX_SERIES: usize = 1_000_000;

    /// Notes what breaks rules that only this vendor has.
    fn check_times(_times: &Times, _section: &Section<'_>) {}

    /// Notes what is wrong with an address.
    fn check_url(_item: &Item<'_>, _url: &Url) {}

    /// Whether requests carry credentials.
    fn sends_credentials(_section: &Section<'_>) -> bool {
        true
    }

    /// What a log-on depends on, besides the address and the secret, which prints as `<secret>`.
    fn identity(&self) -> String;
}

macro_rules! settings {
    ($($vendor:ident $name:ident $row:tt)+) => {
        $(pub use $name::$vendor;)+

        /// What each vendor has in [`default_yaml`](super::default_yaml), in the order of the table.
        pub(super) const DEFAULTS: &[&str] =
            &[$(include_str!(concat!("vendor/", stringify!($name), ".yml"))),+];

        impl Vendor {
            /// Reads the settings of a target; `None` where an error was noted.
            pub(super) fn read(self, section: &Section<'_>, http: &Http) -> Option<VendorSettings> {
                match self {
                    $(Vendor::$vendor => $vendor::read(section, http).map(VendorSettings::$vendor)),+
                }
            }

            /// The longest time of a poll, where nothing is said.
            pub(super) fn default_timeout(self, section: &Section<'_>) -> Duration {
                match self {
                    $(Vendor::$vendor => $vendor::default_timeout(section)),+
                }
            }

            /// Most series of a target, where nothing is said.
            pub(super) fn default_max_series(self) -> usize {
                match self {
                    $(Vendor::$vendor => $vendor::MAX_SERIES),+
                }
            }

            /// Notes what breaks rules that only this vendor has.
            pub(super) fn check_times(self, times: &Times, section: &Section<'_>) {
                match self {
                    $(Vendor::$vendor => $vendor::check_times(times, section)),+
                }
            }

            /// Notes what is wrong with an address.
            pub(super) fn check_url(self, item: &Item<'_>, url: &Url) {
                match self {
                    $(Vendor::$vendor => $vendor::check_url(item, url)),+
                }
            }

            /// Whether requests carry credentials.
            pub(super) fn sends_credentials(self, section: &Section<'_>) -> bool {
                match self {
                    $(Vendor::$vendor => $vendor::sends_credentials(section)),+
                }
            }
        }

        /// What only one vendor has. It is shown as in the configuration.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum VendorSettings {
            $(#[doc = concat!("Those of `", stringify!($name), "`.")] $vendor($vendor)),+
        }

        impl VendorSettings {
            /// Whose they are.
            pub const fn vendor(&self) -> Vendor {
                match self {
                    $(VendorSettings::$vendor(_) => Vendor::$vendor),+
                }
            }

            /// What a log-on depends on, besides the address and the secret, which prints as `<secret>`.
            pub fn identity(&self) -> String {
                match self {
                    $(VendorSettings::$vendor(settings) => settings.identity()),+
                }
            }
        }
    };
}

vendor_table!(settings);
