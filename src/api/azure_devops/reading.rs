//! The agents of a pool while their pages come. Pages that are as they were at the last poll are put aside, and read only
//! when one comes that is not.

use std::sync::Arc;

use super::{
    super::{
        Outcome, Part, Same, Warnings,
        origin::{Origin, Print},
    },
    agents,
    pools::PoolRow,
};
use crate::{
    aside::{MANY_BYTES, aside},
    catalogue::azure_devops::FAMILIES,
    config::{Target, target},
    failure::Failure,
    http::Body,
};

/// What the reading of a pool's agents depends on beside the pages.
#[derive(Debug, Clone)]
pub struct Basis {
    /// The target, for its overrides and its limit.
    pub target: Arc<Target>,
    /// Its settings.
    pub settings: Arc<target::AzureDevOps>,
    /// The pool.
    pub pool: PoolRow,
}

/// The agents of a pool so far.
#[derive(Debug)]
pub struct Reading<'a> {
    basis: Basis,
    /// What the ledger holds comes from this.
    known: Option<&'a Origin>,
    /// What this part comes from; `None` where it cannot be told.
    prints: Option<Vec<Print>>,
    /// Pages that are as they were, as long as all of them are.
    waiting: Option<Vec<Body>>,
    part: Part,
    warnings: Warnings,
}

impl<'a> Reading<'a> {
    /// No page has come yet. `asks` is the print of what the reading depends on, `known` what the last good one came from.
    pub fn new(basis: Basis, asks: Option<Print>, known: Option<&'a Origin>) -> Reading<'a> {
        let prints = asks.map(|print| vec![print]);
        let known = known.filter(|known| prints.as_ref().is_some_and(|prints| known.starts_with(prints)));
        let mut part = Part::new(FAMILIES);
        agents::begin(&basis.pool, &mut part);
        Reading { basis, known, prints, waiting: known.map(|_| Vec::new()), part, warnings: Warnings::default() }
    }

    /// Takes a page; tells how many agents it has added.
    pub fn page(&mut self, body: Body) -> Result<usize, Failure> {
        aside(body.is_much(), || {
            let before = self.part.agents.len();
            self.prints = self.prints.take().and_then(|mut prints| {
                prints.push(Print::of(body.as_sent())?);
                Some(prints)
            });
            let as_before = match (self.known, &self.prints) {
                (Some(known), Some(prints)) => known.starts_with(prints),
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

    /// There are no more pages. `warnings` counts the oddities where it fails.
    pub fn finish(mut self, warnings: &Warnings) -> Result<Outcome, Failure> {
        let origin = self.prints.take().map(Origin::from);
        if let Some(waiting) = self.waiting.take_if(|_| origin.as_ref() == self.known)
            && let Some(origin) = origin
        {
            let basis = self.basis;
            return Ok(Outcome::Same(Same::new(origin, move || read(basis, &waiting))));
        }
        let weight: usize = self.waiting.iter().flatten().map(Body::weight).sum();
        if let Err(failure) = aside(weight >= MANY_BYTES, || self.read_waiting()) {
            warnings.take_up(&self.warnings);
            return Err(failure);
        }
        let mut part = self.into_part();
        part.origin = origin;
        Ok(Outcome::Fresh(part))
    }

    /// The oddities so far, for a reading that has failed.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    fn read_waiting(&mut self) -> Result<(), Failure> {
        self.waiting.take().into_iter().flatten().try_for_each(|body| self.read(&body))
    }

    fn read(&mut self, body: &Body) -> Result<(), Failure> {
        let Basis { target, settings, pool } = &self.basis;
        agents::Reader { target, settings, pool, warnings: &self.warnings }.read(body.reader(), &mut self.part)
    }

    fn into_part(mut self) -> Part {
        self.part.warnings = self.warnings;
        self.part.shrink();
        self.part
    }
}

/// Reads pages that are there.
pub fn read(basis: Basis, pages: &[Body]) -> Result<Part, Failure> {
    let mut reading = Reading::new(basis, None, None);
    pages.iter().try_for_each(|body| reading.read(body))?;
    Ok(reading.into_part())
}
