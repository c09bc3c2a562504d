//! The decoder alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part out.

use std::{sync::Arc, time::Duration};

use super::{probe::Probe, reply};
use crate::{
    api::{Context, Part},
    catalogue::parallels_ras_session::FAMILIES,
    config::{Target, VendorSettings},
    failure::Failure,
};

/// The answer to a probe; the first byte chooses its status.
pub fn reply(body: &[u8], _: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let VendorSettings::ParallelsRasSession(settings) = &target.settings else { return Ok(Part::new(FAMILIES)) };
    let (first, body) = body.split_first().unwrap_or((&0, &[]));
    let status = [200, 400, 401, 405][usize::from(*first) % 4];
    let reply = reply::read(status, body);
    assert!(reply.prime_seconds.is_none_or(|seconds| seconds.is_finite() && seconds >= 0.0), "{reply:?}");
    Ok(Probe::new(reply, Duration::from_millis(20), None).part(target, settings))
}
