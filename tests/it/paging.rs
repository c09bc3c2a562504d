//! Pages that survive: the daemon is killed, polls and scrapes fail, a daemon or an Alertmanager goes and comes back, and
//! somebody is told of one incident once, and of its end once.
//!
//! Real daemons over the simulated Azure DevOps, a real Alertmanager and a receiver that notes what it is told; a real
//! Prometheus where the rules page. Everything that alerting waits for takes a sixtieth of its time.

mod blind;
mod delivery;
mod links;
mod night;
mod peers;
mod prometheus;
mod replicas;
mod restart;
pub mod site;
mod stub;
