//! One run of a job, over all agents.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    super::{
        Part, Subject, Warning, Warnings,
        lenient::{self, Field, Shape},
        table::{self, OTHER},
    },
    errors::Errors,
    states,
};
use crate::catalogue::{Family, resilio_console as families};

/// Of a text so many bytes are kept; fewer are shown.
const LONGEST: usize = 512;

/// A run on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RunItem<'a> {
    id: Field<i64>,
    job_id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    status: Field<Cow<'a, str>>,
    active: Field<bool>,
    agents_total: Field<f64>,
    size_total: Field<f64>,
    size_completed: Field<f64>,
    files_total: Field<f64>,
    down_speed: Field<f64>,
    errors: Errors,
}

impl Shape for RunItem<'_> {
    type Of<'a> = RunItem<'a>;
}

/// The families of [`Run::numbers`].
static NUMBERS: [&Family; 5] = [
    &families::RUN_AGENTS,
    &families::RUN_SIZE,
    &families::RUN_COMPLETED,
    &families::RUN_FILES,
    &families::RUN_RECEIVE_RATE,
];

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: i64,
    /// That of its job.
    pub job_id: i64,
    /// What it is called, which is its job's name.
    pub name: Box<str>,
    /// As it came where no table has it; `None`: nothing was said.
    status: Option<Result<&'static str, Box<str>>>,
    active: Option<bool>,
    numbers: [Option<f64>; NUMBERS.len()],
    /// Its errors.
    pub errors: Errors,
}

impl Run {
    /// `None` where it has no id, or no job.
    pub fn new(wire: RunItem<'_>, warnings: &Warnings) -> Option<Run> {
        let (id, job_id) = (wire.id.ok()?, wire.job_id.ok()?);
        let amount = |field: Field<f64>, what: &str| match field {
            Field::Value(number) if number < 0.0 => Field::Bad.get(warnings, what),
            field => field.get(warnings, what),
        };
        let status = wire.status.filled().get(warnings, "run status").map(|status| {
            let known = table::find(&states::RUN, &status).map(|(name, _)| name);
            known.ok_or_else(|| lenient::cut(&status, 64).into())
        });
        let name = wire.name.filled().get(warnings, "run name").unwrap_or_else(|| job_id.to_string().into());
        Some(Run {
            id,
            job_id,
            name: lenient::cut(name.trim(), LONGEST).into(),
            status,
            active: wire.active.get(warnings, "run active"),
            numbers: [
                amount(wire.agents_total, "agents_total"),
                amount(wire.size_total, "size_total"),
                amount(wire.size_completed, "size_completed"),
                amount(wire.files_total, "files_total"),
                amount(wire.down_speed, "down_speed"),
            ],
            errors: wire.errors,
        })
    }

    /// Whether its agents are at work; where nothing is said of that, by its status.
    pub fn is_active(&self) -> bool {
        self.active.unwrap_or(self.status == Some(Ok("working")))
    }

    /// How many agents it has.
    pub fn agents(&self) -> f64 {
        self.numbers[0].unwrap_or_default()
    }

    /// Sets its samples. An unknown status is counted.
    pub fn set(&self, part: &mut Part) {
        if let Some(Err(status)) = &self.status {
            part.warnings.add(Warning::UnknownState, || format!("run status {status:?}"));
        }
        let id = self.job_id.to_string();
        let job = [&*id, &*self.name];
        if let Some(status) = &self.status {
            let status = status.as_ref().map_or(OTHER, |status| *status);
            part.set(&families::RUN_STATUS, Subject::Target, &[job[0], job[1], status], 1.0);
        }
        let active = self.active.map(|active| f64::from(u8::from(active)));
        part.set_some(&families::RUN_ACTIVE, Subject::Target, &job, active);
        for (family, number) in NUMBERS.iter().zip(self.numbers) {
            part.set_some(family, Subject::Target, &job, number);
        }
        part.set_some(&families::RUN_ERRORS, Subject::Target, &job, self.errors.count.map(|count| count as f64));
    }
}
