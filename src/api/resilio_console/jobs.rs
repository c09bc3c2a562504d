//! The list of jobs.

use std::{borrow::Cow, collections::HashSet};

use serde::Deserialize;

use super::{
    super::{
        Part, Subject, Warning,
        lenient::{self, Field, RowCount, Shape, Timestamp},
        table::{self, OTHER},
    },
    errors::{Codes, Errors},
    states,
};
use crate::{
    catalogue::resilio_console as families,
    failure::{Failure, Reason},
    http::Body,
};

/// A job on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobItem<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Field<Cow<'a, str>>,
    errors: Errors,
    last_start_time: Field<Timestamp>,
}

impl Shape for JobItem<'_> {
    type Of<'a> = JobItem<'a>;
}

/// Reads the list. Gives the part, and why it is not good: `too_large` where there are more jobs than `most`.
pub fn read(body: &Body, most: usize) -> (Part, Result<(), Failure>) {
    let mut part = Part::new(families::FAMILIES);
    let read = fill(body, most, &mut part);
    (part, read)
}

fn fill(body: &Body, most: usize, part: &mut Part) -> Result<(), Failure> {
    let (mut ids, mut count, mut codes) = (HashSet::new(), RowCount::default(), Codes::default());
    let mut counts = [0_u64; states::JOB_TYPES.len() + 1];
    let list = lenient::items::<JobItem<'_>>(body.reader(), "data", |item: Option<JobItem<'_>>| {
        if ids.len() > most {
            return;
        }
        let job = item.and_then(|wire| wire.id.ok().map(|id| (wire, id)));
        count.add(job.is_some());
        let Some((wire, id)) = job else {
            part.warnings.add(Warning::BadItem, || "job without a readable id".to_owned());
            return;
        };
        if !ids.insert(id) {
            part.warnings.add(Warning::BadItem, || format!("job {id} comes twice"));
            return;
        }
        let kind = wire.kind.filled().get(&part.warnings, "job type");
        let row = kind
            .as_deref()
            .and_then(|kind| states::JOB_TYPES.iter().position(|(name, ())| name.eq_ignore_ascii_case(kind.trim())));
        // One that says nothing of its type is one of the others, which is nothing new.
        if let Some(kind) = kind.filter(|_| row.is_none()) {
            part.warnings.add(Warning::UnknownState, || format!("job type {:?}", lenient::cut(&kind, 64)));
        }
        counts[row.unwrap_or(states::JOB_TYPES.len())] += 1;
        let name = wire.name.filled().get(&part.warnings, "job name").unwrap_or_else(|| id.to_string().into());
        let last_start = wire.last_start_time.get(&part.warnings, "job last_start_time").map(Timestamp::as_secs_f64);
        let id = id.to_string();
        let label = row.map_or(OTHER, |row| states::JOB_TYPES[row].0);
        part.set(&families::JOB_INFO, Subject::Target, &[&id, name.trim(), label], 1.0);
        let job = [&*id, name.trim()];
        part.set_some(&families::JOB_ERRORS, Subject::Target, &job, wire.errors.count.map(|count| count as f64));
        part.set_some(&families::JOB_LAST_START, Subject::Target, &job, last_start);
        codes.extend(wire.errors.codes);
    })?;
    if !list.found {
        return Err(Failure::new(Reason::Decode, "no list of jobs"));
    }
    if ids.len() > most {
        return Err(Failure::new(
            Reason::TooLarge,
            format!("more than {most} jobs, which have more series than max_series"),
        ));
    }
    part.defect = count.judge("jobs")?;
    let names = table::names(&states::JOB_TYPES);
    for (name, count) in names.into_iter().chain([OTHER]).zip(counts) {
        // Of the types that are known none is 0; of others there is mostly none.
        if name != OTHER || count > 0 {
            part.set(&families::JOBS, Subject::Target, &[name], count as f64);
        }
    }
    codes.set(part, "job");
    Ok(())
}
