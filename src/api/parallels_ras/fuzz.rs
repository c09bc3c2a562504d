//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::sync::Arc;

use super::{
    host_pools::{self, PoolKind},
    license::License,
    load::{Load, LoadKind},
    mapping::{self, Facts, MappingContext},
    names::NameCache,
    scope::{self, ListScope, Scope},
    session::{self, LogonOutcome},
    vms::Vms,
};
use crate::{
    api::{Context, Part, Warnings},
    catalogue::parallels_ras::FAMILIES,
    config::{Target, VendorSettings},
    failure::Failure,
    http::Answer,
};

/// The agent list; behind a zero byte the number of a list of names, or the letter of an extra, and that list.
pub fn agents(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let VendorSettings::ParallelsRas(settings) = &target.settings else { return Ok(Part::new(FAMILIES)) };
    let (list, names) = body.iter().position(|byte| *byte == 0).map_or((body, &[][..]), |at| body.split_at(at));
    let warnings = Warnings::default();
    let (rows, _) = mapping::rows(list, &settings.site_ids, target.max_agents, &warnings)?;
    let (mut cache, mut facts) = (NameCache::default(), Facts::default());
    if let [_, list, body @ ..] = names {
        // A list that cannot be read costs what it tells only.
        let _ = match list {
            b'a'..=b'z' => extra(*list, body, cx, target, &mut facts),
            list => cache.store(usize::from(*list), body, rows.len(), cx),
        };
    }
    let context = MappingContext {
        target: Arc::clone(target),
        settings: Arc::new(settings.clone()),
        names: cache.names(true),
        facts,
    };
    Ok(mapping::part(&rows, &context, context.facts.license.as_deref(), warnings))
}

/// An extra, by its letter.
fn extra(letter: u8, body: &[u8], cx: &Context<'_>, target: &Target, facts: &mut Facts) -> Result<(), Failure> {
    let of = ListScope { scope: Scope::Unnamed, default_site: Some(1) };
    let (most, warnings) = (target.max_agents, cx.warnings);
    match letter {
        b'v' => facts.vms.push(Arc::new(Vms::read(body, of, most, warnings)?)),
        b'l' => facts.license = Some(Arc::new(License::read(body, warnings)?)),
        b's' => drop(scope::sites(body, warnings)?),
        b'p' => {
            let pools = host_pools::pools(body, PoolKind::Rds, of, warnings)?;
            let members = Arc::new(host_pools::members(body, PoolKind::Rds, Some(1), most, warnings)?);
            for (key, (name, _)) in pools {
                assert!(key.path().bytes().all(|byte| byte.is_ascii_graphic()), "{key:?} stands in a path");
                facts.host_pools.push((name, Arc::clone(&members)));
            }
        }
        _ => {
            let load = Arc::new(Load::read(body, of, most, warnings)?);
            facts.load.extend(LoadKind::ALL.map(|kind| (kind.server_type(), Arc::clone(&load))));
        }
    }
    Ok(())
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
