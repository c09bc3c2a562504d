//! The machines, page after page. Pages that are as they were at the last poll are put aside, and read only when one comes that
//! is not.
//!
//! What users do is none of our business: no field that names one is asked for ([`FIELDS`]), and where a site sends them all the
//! same nothing here has a place for them.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    io::Read,
    sync::Arc,
};

use super::{
    super::{
        Context, Id, Outcome, Part, Same, Warning, Warnings,
        fingerprint::{ContentHash, PartFingerprint},
        lenient::{self, Envelope, Field, RowCount},
    },
    machine::{Inputs, MachineItem},
    session::{Question, Session},
    states,
};
use crate::{
    blocking::{LARGE_BODY, block_in_place_if},
    catalogue::citrix_site as families,
    failure::{Failure, Reason},
    http::Body,
};

/// As many machines are asked for at a time; of more some sites are said to want to know nothing.
const LIMIT: &str = "1000";

/// A list of more pages has no end.
const MAX_PAGES: usize = 2_000;

/// The envelope of every list.
pub const ENVELOPE: Envelope = Envelope { items: "Items", total: "TotalItems", continuation: "ContinuationToken" };

/// What is asked for.
pub const FIELDS: &str = "Id,Name,DnsName,Sid,MachineCatalog,DeliveryGroup,Zone,PowerState,RegistrationState,FaultState,\
                          InMaintenanceMode,DrainingUntilShutdown,SessionCount,LoadIndex,SessionSupport,PowerActionPending,\
                          LastDeregistrationReason,FormattedLastDeregistrationTime,AgentVersion";

/// The pages that were read last, each with what it told of the whole.
#[derive(Debug, Clone, Default)]
pub struct PageNotes(Vec<(ContentHash, Page)>);

/// What a page tells of the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Page {
    /// Its rows, whatever they are.
    rows: usize,
    /// Machines that no page before it had.
    new: usize,
    /// Rows of all pages, as it says.
    total: Option<usize>,
    /// Leads to the next one.
    next: Option<Box<str>>,
}

/// The machines while their pages come.
pub struct MachinesReader<'a> {
    inputs: Arc<Inputs>,
    /// What the ledger holds comes from this.
    known: Option<&'a PartFingerprint>,
    /// What this part comes from; `None` where it cannot be told.
    hashes: Option<Vec<ContentHash>>,
    notes: &'a PageNotes,
    read_notes: Option<PageNotes>,
    /// Pages that are as they were, as long as all of them are.
    waiting: Option<Vec<Body>>,
    machines: Machines,
    rows: usize,
    new: usize,
    /// Something about the pages was odd.
    odd: Option<String>,
}

/// The machines of the pages that were read.
struct Machines {
    part: Part,
    /// The page on which each id came first.
    pages: HashMap<u64, usize>,
    hasher: RandomState,
    page: usize,
    rows: RowCount,
}

impl<'a> MachinesReader<'a> {
    /// No page has come yet. `hash` stands for what the reading depends on, `known` for what the last good one came from.
    pub fn new(
        inputs: Arc<Inputs>,
        hash: Option<ContentHash>,
        known: Option<&'a PartFingerprint>,
        notes: &'a PageNotes,
    ) -> MachinesReader<'a> {
        let hashes = hash.map(|hash| vec![hash]);
        let known = known.filter(|known| hashes.as_ref().is_some_and(|hashes| known.starts_with(hashes)));
        MachinesReader {
            machines: Machines::new(),
            inputs,
            waiting: known.map(|_| Vec::new()),
            known,
            hashes,
            notes,
            read_notes: Some(PageNotes::default()),
            rows: 0,
            new: 0,
            odd: None,
        }
    }

    /// Asks for pages until none follows.
    pub async fn fetch(mut self, session: &Session, cx: &Context<'_>) -> Result<MachinesReader<'a>, Failure> {
        let deadline = cx.part_deadline();
        let mut next: Option<Box<str>> = None;
        let mut seen: HashSet<Box<str>> = HashSet::new();
        for _ in 0..MAX_PAGES {
            let query =
                [("limit", LIMIT), ("fields", FIELDS), ("continuationToken", next.as_deref().unwrap_or_default())];
            let query = if next.is_some() { &query[..] } else { &query[..2] };
            let question = Question { operation: "machines", path: "Machines", query, deadline };
            let page = match session.get(cx, question).await.and_then(|body| self.page(body)) {
                Ok(page) => page,
                Err(failure) => {
                    cx.warnings.merge(&self.machines.part.warnings);
                    return Err(failure);
                }
            };
            let leads_back = page.next.clone().is_some_and(|token| !seen.insert(token));
            match self.ends(&page, leads_back) {
                Ok(true) => return Ok(self),
                Ok(false) => next = page.next,
                Err(failure) => {
                    cx.warnings.merge(&self.machines.part.warnings);
                    return Err(failure);
                }
            }
        }
        Err(Failure::new(Reason::TooLarge, format!("GET /cvad/manage/Machines: more than {MAX_PAGES} pages")))
    }

    /// Whether the page is the last one. One that leads on and brings nothing new is, where all machines have come that were
    /// announced; else nobody knows what is missing.
    fn ends(&mut self, page: &Page, leads_back: bool) -> Result<bool, Failure> {
        self.rows += page.rows;
        self.new += page.new;
        if page.next.is_none() {
            let (told, came) = (page.total.unwrap_or(self.rows), self.rows);
            if told.abs_diff(came) > came / 50 + 10 {
                self.odd = Some(format!("{told} machines are announced, and {came} came"));
            }
            return Ok(true);
        }
        if page.new > 0 && !leads_back {
            return Ok(false);
        }
        let all = page.total.map_or(page.rows == 0, |total| self.new >= total);
        if all {
            self.odd = Some("a page of machines brings nothing new and leads on; no more are asked for".to_owned());
            return Ok(true);
        }
        let of = page.total.map_or(String::new(), |total| format!(" of {total}"));
        let message = format!("GET /cvad/manage/Machines: the pages turn in circles; {}{of} machines came", self.new);
        Err(Failure::new(Reason::Decode, message))
    }

    /// Takes the next page.
    fn page(&mut self, body: Body) -> Result<Page, Failure> {
        let hash = ContentHash::of(body.as_sent());
        self.hashes = self.hashes.take().zip(hash).map(|(mut hashes, hash)| {
            hashes.push(hash);
            hashes
        });
        let index = self.hashes.as_ref().map_or(0, |hashes| hashes.len() - 2);
        let noted = self.notes.0.get(index).filter(|(noted, _)| Some(*noted) == hash).map(|(_, page)| page);
        let as_before = match (self.known, &self.hashes) {
            (Some(known), Some(hashes)) => known.starts_with(hashes),
            _ => false,
        };
        let page = match (&mut self.waiting, noted) {
            (Some(waiting), Some(page)) if as_before => {
                waiting.push(body);
                page.clone()
            }
            _ => block_in_place_if(body.is_large(), || {
                self.read_waiting()?;
                self.machines.read(&self.inputs, body.reader()).map_err(in_list)
            })?,
        };
        self.read_notes = self.read_notes.take().zip(hash).map(|(mut notes, hash)| {
            notes.0.push((hash, page.clone()));
            notes
        });
        Ok(page)
    }

    fn read_waiting(&mut self) -> Result<(), Failure> {
        let mut bodies = self.waiting.take().into_iter().flatten();
        bodies.try_for_each(|body| self.machines.read(&self.inputs, body.reader()).map(|_| ())).map_err(in_list)
    }

    /// There are no more pages. `warnings` counts the decode warnings where it fails. The notes are there where something was
    /// read.
    pub fn finish(mut self, warnings: &Warnings) -> Result<(Outcome, Option<PageNotes>), Failure> {
        let fingerprint = self.hashes.take().map(PartFingerprint::from);
        if let Some(waiting) = self.waiting.take_if(|_| fingerprint.as_ref() == self.known)
            && let Some(fingerprint) = fingerprint
        {
            let inputs = self.inputs;
            let again = move || {
                let mut machines = Machines::new();
                waiting.iter().try_for_each(|body| machines.read(&inputs, body.reader()).map(|_| ()))?;
                Ok(machines.finish(&inputs))
            };
            return Ok((Outcome::Same(Same::new(fingerprint, again)), None));
        }
        let weight: usize = self.waiting.iter().flatten().map(Body::weight).sum();
        let read = block_in_place_if(weight >= LARGE_BODY, || self.read_waiting());
        if let Some(odd) = self.odd.take() {
            self.machines.part.warnings.add(Warning::BadItem, || odd);
        }
        let defect = read.and_then(|()| self.machines.rows.judge("machines").map_err(in_list));
        let defect = defect.inspect_err(|_| warnings.merge(&self.machines.part.warnings))?;
        let mut part = self.machines.finish(&self.inputs);
        // What could be read in part only is read again.
        part.fingerprint = fingerprint.filter(|_| defect.is_none());
        part.defect = defect;
        Ok((Outcome::Fresh(part), Some(self.read_notes.unwrap_or_default())))
    }
}

fn in_list(failure: Failure) -> Failure {
    failure.context("GET /cvad/manage/Machines")
}

impl Machines {
    fn new() -> Machines {
        let mut part = Part::new(families::FAMILIES);
        part.declare_states(&families::MACHINE_POWER_STATE, &states::POWER_NAMES);
        part.declare_states(&families::MACHINE_REGISTRATION_STATE, &states::REGISTRATION_NAMES);
        part.declare_states(&families::MACHINE_FAULT_STATE, &states::FAULT_NAMES);
        Machines { part, pages: HashMap::new(), hasher: RandomState::new(), page: 0, rows: RowCount::default() }
    }

    /// Reads a page. Fails with `too_large` where there are more machines than may be by now.
    fn read(&mut self, inputs: &Inputs, body: impl Read) -> Result<Page, Failure> {
        self.page += 1;
        let most = inputs.target.max_agents;
        let mut new = 0;
        let Machines { part, pages, hasher, page, rows } = self;
        let (list, next) = lenient::page::<MachineItem<'_>>(body, ENVELOPE, |item: Option<Box<MachineItem<'_>>>| {
            if pages.len() > most {
                return;
            }
            let machine = item.and_then(|wire| wire.id.clone().filled().ok().map(|id| (wire, Id::from(id.trim()))));
            rows.add(machine.is_some());
            let Some((wire, id)) = machine else {
                part.warnings.add(Warning::BadItem, || "machine without a readable Id".to_owned());
                return;
            };
            match pages.insert(hasher.hash_one(&id), *page) {
                None => {}
                // Machines that come or go meanwhile move the others to another page.
                Some(first) if first != *page => return,
                Some(_) => {
                    part.warnings.add(Warning::BadItem, || format!("machine {id} comes twice"));
                    return;
                }
            }
            new += 1;
            wire.set(part, id, inputs);
        })?;
        if !list.found {
            return Err(Failure::new(Reason::Decode, "no list of machines"));
        }
        if pages.len() > most {
            return Err(Failure::new(
                Reason::TooLarge,
                format!("more than {} (max_agents)", crate::printable::counted(most, "machine")),
            ));
        }
        if *page == 1 {
            rows.announce(list);
        }
        let total = list.count.and_then(|total| usize::try_from(total).ok());
        Ok(Page { rows: list.items, new, total, next: next.map(String::into_boxed_str) })
    }

    fn finish(mut self, inputs: &Inputs) -> Part {
        inputs.describe(&mut self.part);
        self.part.shrink();
        self.part
    }
}

/// Reads pages that are there, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn read<'b>(pages: impl IntoIterator<Item = &'b [u8]>, inputs: &Inputs) -> Result<Part, Failure> {
    let mut machines = Machines::new();
    for page in pages {
        if machines.read(inputs, page)?.next.is_none() {
            break;
        }
    }
    let defect = machines.rows.judge("machines")?;
    let mut part = machines.finish(inputs);
    part.defect = defect;
    Ok(part)
}

/// The text of a field, trimmed; empty where nothing is said.
pub fn text<'t>(field: &'t Field<std::borrow::Cow<'_, str>>) -> &'t str {
    if let Field::Value(text) = field { text.trim() } else { "" }
}
