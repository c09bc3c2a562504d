//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::{sync::Arc, time::Duration};

use super::{
    agents::{self, AgentDecoder},
    capabilities::PoolCapabilities,
    elastic::{self, ElasticPools},
    jobs::{AgentFacts, Jobs},
    last_jobs::LastJobs,
    limits::Limits,
    pools::{self, PoolRow},
    queue::{self, Queue},
    token,
};
use crate::{
    api::{Context, Part, lenient::RowCount},
    catalogue::azure_devops::{FAMILIES, POOL_INFO, POOL_SIZE},
    config::{Target, VendorSettings, target},
    failure::Failure,
    http::Answer,
};

/// Pages of the list of pools, with zero bytes between them.
pub fn pools(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let (mut rows, mut count) = (Vec::new(), RowCount::default());
    for page in body.split(|byte| *byte == 0) {
        pools::read(page, &mut rows, &mut count, target.max_agents, cx.warnings)?;
    }
    pools::tell_apart(&mut rows, cx.warnings);
    let mut part = Part::new(FAMILIES);
    for row in &rows {
        let pool = part.described_pool(&row.name);
        part.set(&POOL_INFO, pool, &[&row.id.to_string(), &row.kind, "false"], 1.0);
        part.set_some(&POOL_SIZE, pool, &[], row.size);
    }
    Ok(part)
}

/// Pages of the agents of a pool, with zero bytes between them. Each tells what they do by one poll.
pub fn agents(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let mut part = Part::new(FAMILIES);
    let VendorSettings::AzureDevOps(settings) = &target.settings else { return Ok(part) };
    let pool = PoolRow::sample();
    agents::begin(&pool, &mut part);
    let (mut count, mut jobs) = (RowCount::default(), Jobs::default());
    let (capabilities, last_jobs) = (None, &LastJobs::default());
    let decoder = AgentDecoder { target, settings, pool: &pool, capabilities, warnings: cx.warnings, last_jobs };
    for page in body.split(|byte| *byte == 0) {
        let mut facts = AgentFacts::default();
        decoder.read(page, &mut part, &mut count, &mut facts)?;
        jobs.begin(|_| true);
        jobs.note(pool.id, &facts.sorted().jobs, cx.warnings);
        jobs.end();
    }
    let described = part.described_pool(&pool.name);
    jobs.set(&mut part, described, pool.id);
    part.shrink();
    Ok(part)
}

/// Pages of the queue of a pool, with zero bytes between them.
pub fn queue(body: &[u8], cx: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    let mut queue = Queue::default();
    for page in body.split(|byte| *byte == 0) {
        queue.read(page, cx.warnings)?;
    }
    let mut part = Part::new(FAMILIES);
    let pool = part.described_pool("linux-build");
    queue::set(&mut part, pool, Some(&queue), None);
    Ok(part)
}

/// Pages of scale sets, with zero bytes between them.
pub fn elastic(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let (mut sets, mut count) = (ElasticPools::new(), RowCount::default());
    for page in body.split(|byte| *byte == 0) {
        elastic::read(page, &mut sets, &mut count, target.max_agents, cx.warnings)?;
    }
    let mut part = Part::new(FAMILIES);
    for (id, elastic) in &sets {
        let pool = part.described_pool(&id.to_string());
        elastic.set(&mut part, pool);
    }
    Ok(part)
}

/// Pages of the agents of a pool with their capabilities, with zero bytes between them: first the capabilities are read, then
/// the agents.
pub fn capabilities(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let mut part = Part::new(FAMILIES);
    let VendorSettings::AzureDevOps(settings) = &target.settings else { return Ok(part) };
    let names = ["Agent.ComputerName", "docker", "team"].map(str::to_owned).to_vec();
    let (mut found, mut count) = (PoolCapabilities::default(), RowCount::default());
    for page in body.split(|byte| *byte == 0) {
        found.read(page, &names, &mut count, target.max_agents, cx.warnings)?;
    }
    let settings = settings_with(settings, names);
    let pool = PoolRow::sample();
    agents::begin(&pool, &mut part);
    let (settings, capabilities, last_jobs) = (&settings, Some(&found), &LastJobs::default());
    for page in body.split(|byte| *byte == 0) {
        AgentDecoder { target, settings, pool: &pool, capabilities, warnings: cx.warnings, last_jobs }.read(
            page,
            &mut part,
            &mut RowCount::default(),
            &mut AgentFacts::default(),
        )?;
    }
    part.shrink();
    Ok(part)
}

fn settings_with(settings: &target::AzureDevOps, capabilities: Vec<String>) -> target::AzureDevOps {
    target::AzureDevOps { capabilities, job_names: true, ..settings.clone() }
}

/// What an answer says about limits.
pub fn limits(answer: &Answer) -> Part {
    let (limits, mut part) = (Limits::default(), Part::new(FAMILIES));
    limits.note(answer);
    limits.set(&mut part);
    part
}

/// The answer of the token service.
pub fn token(answer: &Answer) -> Result<(), Failure> {
    let (token, lifetime) = token::read(answer).map_err(|(failure, _)| failure)?;
    assert!(answer.status.is_success() && !token.expose().is_empty(), "{} is no token", answer.status);
    assert!(lifetime <= Duration::from_secs(86_400), "{lifetime:?}");
    Ok(())
}
