//! The runs, page after page: of each job the newest one. Pages that are as they were at the last poll are put aside, and
//! read only when one comes that is not.
//!
//! How many runs there are is said nowhere that could be relied on: pages are asked for, some side by side, until one is
//! short.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::{
    super::{
        Outcome, Part, Same, Warning, Warnings,
        fingerprint::{ContentHash, PartFingerprint},
        lenient::{self, RowCount},
    },
    details::ActiveRun,
    errors::Codes,
    run::{Run, RunItem},
    session::Session,
    states,
};
use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    catalogue::resilio_console as families,
    config::Target,
    failure::{Failure, Reason},
    http::Body,
};

/// As many runs are asked for at a time.
const PAGE: usize = 500;

/// As many pages are asked for side by side, once the first was full.
const AHEAD: usize = 4;

/// The pages that were read last, each with the rows that it had.
#[derive(Debug, Clone, Default)]
pub struct PageNotes(Vec<(ContentHash, usize)>);

/// What is kept of a reading: its pages, and the active runs, those with the most agents first.
pub type Kept = (PageNotes, Vec<ActiveRun>);

/// The runs while their pages come.
#[derive(Debug)]
pub struct RunsReader<'a> {
    target: Arc<Target>,
    most_active: usize,
    /// What the ledger holds comes from this.
    known: Option<&'a PartFingerprint>,
    /// What this part comes from; `None` where it cannot be told.
    hashes: Option<Vec<ContentHash>>,
    notes: &'a PageNotes,
    read_notes: Option<PageNotes>,
    /// Pages that are as they were, as long as all of them are.
    waiting: Option<Vec<Body>>,
    runs: Runs,
}

/// The runs of the pages that were read.
#[derive(Debug, Default)]
struct Runs {
    /// By job.
    newest: BTreeMap<i64, Run>,
    /// The page on which each run came first.
    pages: HashMap<i64, usize>,
    page: usize,
    rows: RowCount,
    /// Rows in all, each run once.
    total: usize,
    warnings: Warnings,
}

/// What a page tells of those that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    More,
    End,
}

impl<'a> RunsReader<'a> {
    /// No page has come yet. `inputs` stands for what the reading depends on, `known` for what the last good one came from.
    pub fn new(
        target: Arc<Target>,
        most_active: usize,
        inputs: Option<ContentHash>,
        known: Option<&'a PartFingerprint>,
        notes: &'a PageNotes,
    ) -> RunsReader<'a> {
        let hashes = inputs.map(|hash| vec![hash]);
        let known = known.filter(|known| hashes.as_ref().is_some_and(|hashes| known.starts_with(hashes)));
        let waiting = known.map(|_| Vec::new());
        let runs = Runs::default();
        RunsReader { target, most_active, known, hashes, notes, read_notes: Some(PageNotes::default()), waiting, runs }
    }

    /// Asks for pages until one is short.
    pub async fn fetch(mut self, session: &Session, deadline: Instant) -> Result<RunsReader<'a>, Failure> {
        let page = |index: usize| async move {
            let (offset, limit) = ((index * PAGE).to_string(), PAGE.to_string());
            session.list("runs", "runs", &[("offset", &offset), ("limit", &limit)], deadline).await
        };
        if self.page(page(0).await?)? == Next::End {
            return Ok(self);
        }
        let mut pages = std::pin::pin!(stream::iter(1..).map(page).buffered(AHEAD));
        while let Some(body) = pages.next().await {
            if self.page(body?)? == Next::End {
                break;
            }
        }
        Ok(self)
    }

    /// Takes the next page.
    fn page(&mut self, body: Body) -> Result<Next, Failure> {
        let hash = ContentHash::of(body.as_sent());
        self.hashes = self.hashes.take().zip(hash).map(|(mut hashes, hash)| {
            hashes.push(hash);
            hashes
        });
        let index = self.hashes.as_ref().map_or(0, |hashes| hashes.len() - 2);
        let noted = self.notes.0.get(index).filter(|(noted, _)| Some(*noted) == hash).map(|(_, rows)| *rows);
        let as_before = match (self.known, &self.hashes) {
            (Some(known), Some(hashes)) => known.starts_with(hashes),
            _ => false,
        };
        let rows = match (&mut self.waiting, noted) {
            (Some(waiting), Some(rows)) if as_before => {
                waiting.push(body);
                rows
            }
            _ => block_in_place_if(body.is_large(), || {
                self.read_waiting()?;
                self.runs.read(&body, self.target.max_agents)
            })?,
        };
        self.read_notes = self.read_notes.take().zip(hash).map(|(mut notes, hash)| {
            notes.0.push((hash, rows));
            notes
        });
        // One that is longer was not asked for: it is all there is.
        Ok(if rows == PAGE && !self.runs.repeats() { Next::More } else { Next::End })
    }

    fn read_waiting(&mut self) -> Result<(), Failure> {
        let most = self.target.max_agents;
        self.waiting.take().into_iter().flatten().try_for_each(|body| self.runs.read(&body, most).map(|_| ()))
    }

    /// There are no more pages. `warnings` counts the decode warnings where it fails. What is kept is there where something
    /// was read.
    pub fn finish(mut self, warnings: &Warnings) -> Result<(Outcome, Option<Kept>), Failure> {
        let fingerprint = self.hashes.take().map(PartFingerprint::from);
        if let Some(waiting) = self.waiting.take_if(|_| fingerprint.as_ref() == self.known)
            && let Some(fingerprint) = fingerprint
        {
            let most = self.target.max_agents;
            let again = move || {
                let mut runs = Runs::default();
                waiting.iter().try_for_each(|body| runs.read(body, most).map(|_| ()))?;
                Ok(runs.into_part())
            };
            return Ok((Outcome::Same(Same::new(fingerprint, again)), None));
        }
        let weight: usize = self.waiting.iter().flatten().map(Body::weight).sum();
        let read = block_in_place_if(weight >= LARGE_BODY, || self.read_waiting());
        let defect = read.and_then(|()| self.runs.rows.judge("runs"));
        let defect = defect.inspect_err(|_| warnings.merge(&self.runs.warnings));
        let defect = defect.map_err(|failure| failure.context("GET /api/v2/runs"))?;
        let active = self.runs.active(self.most_active);
        let mut part = self.runs.into_part();
        // What could be read in part only is read again.
        part.fingerprint = fingerprint.filter(|_| defect.is_none());
        part.defect = defect;
        Ok((Outcome::Fresh(part), Some((self.read_notes.unwrap_or_default(), active))))
    }
}

impl Runs {
    /// Reads a page; gives its rows. Fails with `too_large` where there are more than `most` rows by now.
    fn read(&mut self, body: &Body, most: usize) -> Result<usize, Failure> {
        self.page += 1;
        let before = self.pages.len();
        let mut readable = 0;
        let Runs { newest, pages, page, rows, total, warnings } = self;
        let list = lenient::items::<RunItem<'_>>(body.reader(), "data", |item: Option<RunItem<'_>>| {
            if *total > most {
                return;
            }
            let run = item.and_then(|wire| Run::new(wire, warnings));
            rows.add(run.is_some());
            let Some(run) = run else {
                *total += 1;
                warnings.add(Warning::BadItem, || "run without a readable id or job_id".to_owned());
                return;
            };
            readable += 1;
            match pages.insert(run.id, *page) {
                None => *total += 1,
                // Runs that begin meanwhile move the others to the next page.
                Some(first) if first != *page => return,
                Some(_) => {
                    warnings.add(Warning::BadItem, || format!("run {} comes twice", run.id));
                    return;
                }
            }
            if newest.get(&run.job_id).is_none_or(|newer| newer.id < run.id) {
                newest.insert(run.job_id, run);
            }
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no list of runs"));
        }
        if self.total > most {
            return Err(Failure::new(Reason::TooLarge, format!("more than {most} runs (max_agents)")));
        }
        if readable > 0 && self.pages.len() == before {
            self.warnings
                .add(Warning::BadItem, || "a page of runs repeats earlier ones; no more are asked for".to_owned());
            self.page = usize::MAX;
        }
        Ok(list.items)
    }

    /// Whether the last page had nothing new.
    fn repeats(&self) -> bool {
        self.page == usize::MAX
    }

    fn active(&self, most: usize) -> Vec<ActiveRun> {
        let mut active: Vec<&Run> = self.newest.values().filter(|run| run.is_active()).collect();
        active.sort_by(|a, b| b.agents().total_cmp(&a.agents()).then(a.id.cmp(&b.id)));
        let kept = |run: &Run| ActiveRun { id: run.id, job_id: run.job_id, name: run.name.clone() };
        active.into_iter().take(most).map(kept).collect()
    }

    fn into_part(self) -> Part {
        let mut part = Part::new(families::FAMILIES);
        part.warnings = self.warnings;
        part.declare_states(&families::RUN_STATUS, &states::RUN_NAMES);
        let mut codes = Codes::default();
        for run in self.newest.values() {
            run.set(&mut part);
            codes.extend(run.errors.codes);
        }
        codes.set(&mut part, "run");
        part.shrink();
        part
    }
}

/// Reads pages that are there, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn read<'b>(pages: impl IntoIterator<Item = &'b [u8]>, most: usize) -> Result<Part, Failure> {
    let mut runs = Runs::default();
    for page in pages {
        if runs.read(&Body::plain(page.to_vec()), most)? != PAGE || runs.repeats() {
            break;
        }
    }
    let defect = runs.rows.judge("runs")?;
    let mut part = runs.into_part();
    part.defect = defect;
    Ok(part)
}
