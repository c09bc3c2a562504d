//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::sync::Arc;

use super::{
    mapping::{self, Facts, MappingContext},
    names::NameCache,
    session::{self, LogonOutcome},
};
use crate::{
    api::{Context, Part, Warnings},
    catalogue::parallels_ras::FAMILIES,
    config::{Target, VendorSettings},
    failure::Failure,
    http::Answer,
};

/// The agent list; behind a zero byte the number of a list of names, and that list.
pub fn agents(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let VendorSettings::ParallelsRas(settings) = &target.settings else { return Ok(Part::new(FAMILIES)) };
    let (list, names) = body.iter().position(|byte| *byte == 0).map_or((body, &[][..]), |at| body.split_at(at));
    let warnings = Warnings::default();
    let (rows, _) = mapping::rows(list, &settings.site_ids, target.max_agents, &warnings)?;
    let mut cache = NameCache::default();
    if let [_, list, body @ ..] = names {
        // A list that cannot be read costs its names only.
        let _ = cache.store(usize::from(*list), body, rows.len(), cx);
    }
    let context = MappingContext {
        target: Arc::clone(target),
        settings: Arc::new(settings.clone()),
        names: cache.names(true),
        facts: Facts::default(),
    };
    Ok(mapping::part(&rows, &context, None, warnings))
}

/// The answer to a log-on.
pub fn logon(answer: Answer) -> Result<(), Failure> {
    let status = answer.status;
    match session::read_logon(answer)? {
        LogonOutcome::Accepted(token) => {
            assert!(status.is_success() && !token.expose().is_empty(), "{status} is no log-on");
        }
        LogonOutcome::Refused(_) => assert!(status.is_client_error(), "{status} says nothing of the password"),
    }
    Ok(())
}
