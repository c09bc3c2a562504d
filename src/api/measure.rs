//! The decoders alone, for `benches/`: no part of the interface.

use super::{Part, Warnings, azure_devops, citrix_storefront};
use crate::{clock::UnixTime, config::Target};

/// A page of agents of an Azure DevOps pool. An unreadable one gives an empty part.
pub fn azure_devops(body: &[u8], target: &Target) -> Part {
    azure_devops::measure(body, target, &Warnings::default())
}

/// A chunk of machines of a StoreFront. An unreadable one gives an empty part.
pub fn citrix_storefront(body: &[u8], now: UnixTime, target: &Target) -> Part {
    citrix_storefront::measure(body, now, target)
}
