//! The agents of a pool while their pages come. Pages that are as they were at the last poll are put aside, and read only
//! when one comes that is not.

use std::sync::Arc;

use super::{
    super::{
        Outcome, Part, Same, Warnings,
        fingerprint::{ContentHash, PartFingerprint},
        lenient::RowCount,
    },
    agents,
    capabilities::PoolCapabilities,
    jobs::AgentFacts,
    last_jobs::LastJobs,
    pools::PoolRow,
};
use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    catalogue::azure_devops::FAMILIES,
    config::{Target, target},
    failure::Failure,
    http::Body,
};

/// What the reading of a pool's agents depends on beside the pages.
#[derive(Debug, Clone)]
pub struct PoolContext {
    /// The target, for its overrides and its limit.
    pub target: Arc<Target>,
    /// Its settings.
    pub settings: Arc<target::AzureDevOps>,
    /// The pool.
    pub pool: PoolRow,
    /// The last job of each agent, which tells more of the same pages only where other pages came between.
    pub last_jobs: Arc<LastJobs>,
    /// What its agents can do, where that is known.
    pub capabilities: Option<Arc<PoolCapabilities>>,
}

/// The agents of a pool so far.
#[derive(Debug)]
pub struct PoolReader<'a> {
    context: PoolContext,
    /// What the ledger holds comes from this.
    known: Option<&'a PartFingerprint>,
    /// What this part comes from; `None` where it cannot be told.
    hashes: Option<Vec<ContentHash>>,
    /// Pages that are as they were, as long as all of them are.
    waiting: Option<Vec<Body>>,
    part: Part,
    rows: RowCount,
    facts: AgentFacts,
    warnings: Warnings,
}

impl<'a> PoolReader<'a> {
    /// No page has come yet. `inputs` is the fingerprint of what the reading depends on, `known` what the last good one came from.
    pub fn new(
        context: PoolContext,
        inputs: Option<ContentHash>,
        known: Option<&'a PartFingerprint>,
    ) -> PoolReader<'a> {
        let hashes = inputs.map(|hash| vec![hash]);
        let known = known.filter(|known| hashes.as_ref().is_some_and(|hashes| known.starts_with(hashes)));
        let mut part = Part::new(FAMILIES);
        agents::begin(&context.pool, &mut part);
        let (waiting, rows, facts) = (known.map(|_| Vec::new()), RowCount::default(), AgentFacts::default());
        PoolReader { context, known, hashes, waiting, part, rows, facts, warnings: Warnings::default() }
    }

    /// Takes a page; tells how many agents it has added.
    pub fn page(&mut self, body: Body) -> Result<usize, Failure> {
        block_in_place_if(body.is_large(), || {
            let before = self.part.agents.len();
            self.hashes = self.hashes.take().and_then(|mut hashes| {
                hashes.push(ContentHash::of(body.as_sent())?);
                Some(hashes)
            });
            let as_before = match (self.known, &self.hashes) {
                (Some(known), Some(hashes)) => known.starts_with(hashes),
                _ => false,
            };
            match &mut self.waiting {
                Some(waiting) if as_before => waiting.push(body),
                _ => {
                    self.read_waiting()?;
                    self.read(&body)?;
                }
            }
            Ok(self.part.agents.len() - before)
        })
    }

    /// There are no more pages. `warnings` counts the decode warnings where it fails. What the agents say beside their samples
    /// is there unless all of it is as it was.
    pub fn finish(mut self, warnings: &Warnings) -> Result<(Outcome, Option<AgentFacts>), Failure> {
        let fingerprint = self.hashes.take().map(PartFingerprint::from);
        if let Some(waiting) = self.waiting.take_if(|_| fingerprint.as_ref() == self.known)
            && let Some(fingerprint) = fingerprint
        {
            let context = self.context;
            return Ok((Outcome::Same(Same::new(fingerprint, move || read(context, &waiting))), None));
        }
        let weight: usize = self.waiting.iter().flatten().map(Body::weight).sum();
        if let Err(failure) = block_in_place_if(weight >= LARGE_BODY, || self.read_waiting()) {
            warnings.merge(&self.warnings);
            return Err(failure);
        }
        let defect = self.rows.judge("agents").inspect_err(|_| warnings.merge(&self.warnings))?;
        let (last_jobs, pool) = (Arc::clone(&self.context.last_jobs), self.context.pool.id);
        let facts = std::mem::take(&mut self.facts).sorted();
        let mut part = self.into_part();
        last_jobs.retain_agents(pool, &part.agents);
        // What could be read in part only is read again.
        part.fingerprint = fingerprint.filter(|_| defect.is_none());
        part.defect = defect;
        Ok((Outcome::Fresh(part), Some(facts)))
    }

    /// The decode warnings so far, for a reading that has failed.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    fn read_waiting(&mut self) -> Result<(), Failure> {
        self.waiting.take().into_iter().flatten().try_for_each(|body| self.read(&body))
    }

    fn read(&mut self, body: &Body) -> Result<(), Failure> {
        let PoolContext { target, settings, pool, capabilities, last_jobs } = &self.context;
        let capabilities = capabilities.as_deref();
        agents::AgentDecoder { target, settings, pool, capabilities, warnings: &self.warnings, last_jobs }.read(
            body.reader(),
            &mut self.part,
            &mut self.rows,
            &mut self.facts,
        )
    }

    fn into_part(mut self) -> Part {
        self.part.warnings = self.warnings;
        self.part.shrink();
        self.part
    }
}

/// Reads pages that are there.
pub fn read(context: PoolContext, pages: &[Body]) -> Result<Part, Failure> {
    let mut reading = PoolReader::new(context, None, None);
    pages.iter().try_for_each(|body| reading.read(body))?;
    Ok(reading.into_part())
}
