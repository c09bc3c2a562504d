//! The table of vendors: what a vendor is called everywhere. Settings, clients, metrics, alerts, dashboards, the reference and
//! the tests derive their lists from it. The simulator, which shares nothing with this crate, has a table of its own.

/// Calls a macro with the table. A row names the type of the settings and of the client, the module that each room has for the
/// vendor, then what [`Vendor`] reports. Behind the dashboard's UID stands its module: two vendors of one product share it.
macro_rules! vendor_table {
    ($then:ident) => {
        $then! {
            ParallelsRas parallels_ras {
                title: "Parallels RAS REST API",
                metric_prefix: "parallels_ras_",
                alert_prefix: "ParallelsRas",
                dashboard: "rollcall-parallels-ras" in parallels_ras,
                guide: "parallels-ras.md",
            }
            ParallelsRasSession parallels_ras_session {
                title: "Parallels RAS Connection Broker API",
                metric_prefix: "parallels_ras_session_",
                alert_prefix: "ParallelsRasSession",
                dashboard: "rollcall-parallels-ras" in parallels_ras,
                guide: "parallels-ras-session.md",
            }
            Resilio resilio {
                title: "Resilio agent API",
                metric_prefix: "resilio_",
                alert_prefix: "Resilio",
                dashboard: "rollcall-resilio" in resilio,
                guide: "resilio.md",
            }
            ResilioConsole resilio_console {
                title: "Resilio Management Console",
                metric_prefix: "resilio_console_",
                alert_prefix: "Resilio",
                dashboard: "rollcall-resilio" in resilio,
                guide: "resilio-console.md",
            }
            AzureDevOps azure_devops {
                title: "Azure DevOps agent pools",
                metric_prefix: "azure_devops_",
                alert_prefix: "AzureDevOps",
                dashboard: "rollcall-azure-devops" in azure_devops,
                guide: "azure-devops.md",
            }
            CitrixStorefront citrix_storefront {
                title: "Citrix StoreFront",
                metric_prefix: "citrix_",
                alert_prefix: "Citrix",
                dashboard: "rollcall-citrix" in citrix,
                guide: "citrix-storefront.md",
            }
            CitrixSite citrix_site {
                title: "Citrix site (CVAD, DaaS)",
                metric_prefix: "citrix_site_",
                alert_prefix: "CitrixSite",
                dashboard: "rollcall-citrix-site" in citrix_site,
                guide: "citrix-site.md",
            }
        }
    };
}
pub(crate) use vendor_table;

macro_rules! define {
    ($($vendor:ident $name:ident {
        title: $title:literal,
        metric_prefix: $metric_prefix:literal,
        alert_prefix: $alert_prefix:literal,
        dashboard: $dashboard:literal in $module:ident,
        guide: $guide:literal,
    })+) => {
        /// A vendor API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Vendor {
            $(#[doc = $title] $vendor),+
        }

        impl Vendor {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Vendor] = &[$(Vendor::$vendor),+];

            /// As in the configuration, and the label `vendor`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Vendor::$vendor => stringify!($name)),+
                }
            }

            /// [`as_str`](Self::as_str) alone in a list.
            pub const fn label_values(self) -> &'static [&'static str] {
                match self {
                    $(Vendor::$vendor => &[stringify!($name)]),+
                }
            }

            /// How the names of its own metrics begin.
            pub const fn metric_prefix(self) -> &'static str {
                match self {
                    $(Vendor::$vendor => $metric_prefix),+
                }
            }

            /// How the names of its own alerts begin.
            pub const fn alert_prefix(self) -> &'static str {
                match self {
                    $(Vendor::$vendor => $alert_prefix),+
                }
            }

            /// The UID of the dashboard that shows it.
            pub const fn dashboard(self) -> &'static str {
                match self {
                    $(Vendor::$vendor => $dashboard),+
                }
            }

            /// The file of its guide, in `deploy/docs/`.
            pub const fn guide(self) -> &'static str {
                match self {
                    $(Vendor::$vendor => $guide),+
                }
            }
        }
    };
}
vendor_table!(define);

/// How the names of all alerts of vendors begin, each once: `ParallelsRas` stands for `ParallelsRasSession` as well, and
/// `Resilio` for both of its vendors.
pub fn alert_prefixes() -> impl Iterator<Item = &'static str> {
    let all = || Vendor::ALL.iter().map(|vendor| vendor.alert_prefix());
    let shorter = move |prefix: &str| all().any(|other| other != prefix && prefix.starts_with(other));
    let is_first = move |index: usize, prefix: &str| all().position(|other| other == prefix) == Some(index);
    all()
        .enumerate()
        .filter(move |(index, prefix)| is_first(*index, prefix) && !shorter(prefix))
        .map(|(_, prefix)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_vendor_is_simulated() {
        let simulation = rollcall_sim::Simulation::start(rollcall_sim::Options::default()).await;
        let simulation = simulation.expect("free ports on loopback");
        let all: Vec<&str> = Vendor::ALL.iter().map(|vendor| vendor.as_str()).collect();
        assert_eq!(simulation.vendors().collect::<Vec<_>>(), all);
    }

    #[test]
    fn metrics_and_alerts_begin_as_the_table_says() {
        for vendor in Vendor::ALL {
            let families = crate::catalogue::of(vendor.as_str()).expect("every vendor has a table");
            assert!(!families.is_empty(), "{} has no metric", vendor.as_str());
            for family in families {
                assert!(family.name.starts_with(vendor.metric_prefix()), "{} of {}", family.name, vendor.as_str());
            }
            let about = crate::rules::catalogue::all().iter().filter(|row| row.vendors == vendor.label_values());
            let mut own = about.filter(|row| !row.name.starts_with("Rollcall")).peekable();
            assert!(own.peek().is_some(), "{} has no alert", vendor.as_str());
            own.for_each(|row| assert!(row.name.starts_with(vendor.alert_prefix()), "{}", row.name));
        }
    }

    #[test]
    fn names_are_unique_and_guides_are_there() {
        for (index, vendor) in Vendor::ALL.iter().enumerate() {
            assert!(Vendor::ALL[..index].iter().all(|other| other.as_str() != vendor.as_str()));
            let guide = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/docs").join(vendor.guide());
            assert!(guide.is_file(), "{} has no guide at {}", vendor.as_str(), guide.display());
        }
    }
}
