//! The table of simulated vendors: one row each, in the order of their ports. A test of the main crate compares it with the
//! table there.

use super::{Service, Simulation, World};
use std::sync::Arc;

/// How many of the agents are a vendor's.
#[derive(Debug, Clone, Copy)]
enum Share {
    /// This many.
    Fixed(usize),
    /// This many percent.
    Percent(usize),
    /// What the others leave, and never less than this many percent.
    Rest(usize),
    /// 5 % without the session probes, 4 to 12; or as many as the options ask for.
    ResilioClients,
    /// None of its own: it tells of another vendor's.
    Another,
}

/// A row: the service and its name, its share of the agents, and what it is.
macro_rules! simulated {
    ($($service:ident $name:ident $share:expr, $what:literal;)+) => {
        $(pub use super::$name::$service;)+

        /// One of each.
        pub(crate) struct Services {
            $($name: Arc<$service>),+
        }

        impl Services {
            /// All of them, in one world.
            pub(crate) fn new(world: &Arc<World>) -> Services {
                Services { $($name: Arc::new($service::new(world.clone()))),+ }
            }

            /// In the order of the table.
            pub(crate) fn all(&self) -> Vec<Arc<dyn Service>> {
                vec![$(self.$name.clone()),+]
            }
        }

        impl Simulation {
            $(
                #[doc = concat!($what, ", for its own controls.")]
                pub fn $name(&self) -> &$service {
                    &self.services.$name
                }
            )+
        }

        const SHARES: &[(&str, Share)] = &[$((stringify!($name), $share)),+];
    };
}

simulated! {
    ParallelsRas parallels_ras Share::Rest(30), "The RAS farm";
    ParallelsRasSession parallels_ras_session Share::Fixed(2), "The Connection Broker API";
    Resilio resilio Share::ResilioClients, "The fleet of Resilio clients";
    ResilioConsole resilio_console Share::Another, "The Resilio Management Console of the same fleet";
    AzureDevops azure_devops Share::Percent(40), "The Azure DevOps organization";
    CitrixStorefront citrix_storefront Share::Percent(20), "The StoreFront store";
    CitrixSite citrix_site Share::Another, "The Citrix site of the same machines";
}

/// How many of this many agents are this vendor's.
///
/// # Panics
/// Where no such vendor is simulated: its name is not that of its row.
pub(crate) fn share(vendor: &str, agents: usize, resilio_clients: Option<usize>) -> usize {
    let percent = |part: usize| agents * part / 100;
    let fixed = |share: Share| match share {
        Share::Fixed(count) => count,
        Share::Percent(part) => percent(part),
        Share::Rest(_) | Share::Another => 0,
        Share::ResilioClients => resilio_clients.unwrap_or_else(|| percent(5).saturating_sub(2).clamp(4, 12)),
    };
    match SHARES.iter().find(|(name, _)| *name == vendor) {
        Some((_, Share::Rest(least))) => {
            let others: usize = SHARES.iter().map(|(_, share)| fixed(*share)).sum();
            agents.saturating_sub(others).max(percent(*least))
        }
        Some((_, share)) => fixed(*share),
        None => panic!("no simulated vendor is called {vendor:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_fleet() {
        for agents in [100, 200, 1_000, 100_000] {
            let all: usize = SHARES.iter().map(|(vendor, _)| share(vendor, agents, None)).sum();
            assert_eq!(all, agents);
        }
        assert_eq!(share("resilio", 200, None), 8);
        assert_eq!(share("resilio", 200, Some(14)), 14);
        // A fleet too small for all of them is a little larger.
        assert_eq!(share("parallels_ras", 20, None), 6);
    }
}
