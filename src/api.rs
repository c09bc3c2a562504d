//! What every vendor API implements: one poll in, one [`Observation`] out.
//!
//! A vendor knows nothing of metrics text, the web or alerts. `CONTRIBUTING.md` lists what another one needs.

pub mod azure_devops;
pub mod citrix_storefront;
pub mod extra;
pub mod fingerprint;
#[cfg(test)]
mod hostile;
pub mod lenient;
pub mod logon;
#[doc(hidden)]
pub mod measure;
pub mod memory;
mod observation;
pub mod parallels_ras;
pub mod parallels_ras_session;
mod part;
mod pause;
mod renewals;
pub mod resilio;
pub mod resilio_console;
#[cfg(test)]
mod stub;
mod table;
mod warnings;
mod words;

pub use observation::{Observation, Outcome, Same};
pub use part::{Agent, AgentRef, Id, Part, Pool, PoolRef, Sample, Subject};
pub use warnings::{Warning, Warnings};

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::time::Instant;

use memory::Memory;

use crate::{
    api::{fingerprint::PartFingerprints, logon::Logons},
    clock::UnixTime,
    config::{Target, target::VendorSettings},
    failure::Failure,
    http::Client,
    vendors::vendor_table,
};

/// The future of an [`Api`] call.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The API of one target: it owns the session and makes the requests, and knows nothing of the schedule.
pub trait Api: Send {
    /// Reads everything once.
    ///
    /// `Err`: the poll failed as a whole and nothing that was known changes. `Ok`: each part that exists is listed,
    /// those that could not be read as [`Outcome::Failed`].
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>>;

    /// A pause that the vendor has asked for ends before its time, and extras that were left alone are tried at the next poll:
    /// somebody has reloaded the configuration, or released the target.
    fn resume(&mut self) {}

    /// Ends what the API keeps open for us (a log-off), on a clean stop. Errors do not matter any more.
    fn close<'a>(&'a mut self, _cx: &'a Context<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

/// What a poll may use.
#[derive(Debug)]
pub struct Context<'a> {
    /// Wall time at the start of the poll.
    pub now: UnixTime,
    /// The poll is given up at this moment; every request is made with it.
    pub deadline: Instant,
    /// Since-when of things that are not agents (job states), kept over restarts.
    pub memory: &'a Memory,
    /// Decode warnings of this poll; those of a part belong to the part.
    pub warnings: &'a Warnings,
    /// What the parts come from that are known already.
    pub known: &'a PartFingerprints,
}

impl Context<'_> {
    /// The deadline of requests that may fail alone: a little before that of the poll, so that one that never answers
    /// costs its part and not the poll.
    pub fn part_deadline(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.deadline - (left / 20).min(std::time::Duration::from_secs(1))
    }
}

macro_rules! open {
    ($($vendor:ident $name:ident $row:tt)+) => {
        /// Makes the API of a target.
        pub fn open(target: Arc<Target>, http: Client, logons: Arc<Logons>) -> Box<dyn Api> {
            match &target.settings {
                $(VendorSettings::$vendor(settings) => {
                    let settings = settings.clone();
                    Box::new($name::$vendor::new(target, settings, http, logons))
                })+
            }
        }
    };
}
vendor_table!(open);

macro_rules! right_of_extra {
    ($($vendor:ident $name:ident $row:tt)+) => {
        /// What right an extra of a vendor needs, in the words of its guide.
        pub fn right_of_extra(vendor: &str, extra: &str) -> Option<&'static str> {
            let extras = match vendor {
                $(stringify!($name) => $name::EXTRAS,)+
                _ => &[],
            };
            extras.iter().find(|(name, _)| *name == extra).map(|(_, right)| *right)
        }
    };
}
vendor_table!(right_of_extra);
