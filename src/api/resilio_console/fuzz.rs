//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::sync::Arc;

use super::{
    agents::{AgentsInputs, AgentsReader},
    details::{self, ActiveRun, Details},
    groups::Groups,
    jobs,
    pending::Pending,
    runs,
};
use crate::{
    api::{Context, Part},
    config::{Target, VendorSettings},
    failure::Failure,
    http::Body,
};

/// The lists of agents, of those that wait and of those that were declined, with zero bytes between them.
pub fn agents(body: &[u8], _: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let mut lists = body.split(|byte| *byte == 0);
    let mut next = || lists.next().unwrap_or_default().to_vec();
    let agents = next();
    let lists = [next(), next()].map(|list| Body::plain(if list.is_empty() { b"[]".to_vec() } else { list }));
    let pending = Pending::read(&lists)?;
    let groups = Groups::read(&Body::plain(&br#"[{"id":1,"name":"zrh"}]"#[..]), None, &Default::default())?;
    read(&agents, target, groups, pending, Arc::default())
}

/// The groups.
pub fn groups(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let groups = Groups::read(&Body::plain(body.to_vec()), None, cx.warnings)?;
    read(AGENTS, target, groups, Arc::default(), Arc::default())
}

/// The jobs.
pub fn jobs(body: &[u8], _: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    let (part, read) = jobs::read(&Body::plain(body.to_vec()), 1000);
    read.map(|()| part)
}

/// Pages of runs, with zero bytes between them.
pub fn runs(body: &[u8], _: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    runs::read(body.split(|byte| *byte == 0), 1000)
}

/// A run on its agents.
pub fn run_agents(body: &[u8], cx: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let run = ActiveRun { id: 7, job_id: 8, name: "job".into() };
    let details = details::read(run, body, 1000, cx)?;
    read(AGENTS, target, Arc::default(), Arc::default(), Arc::new(details))
}

const AGENTS: &[u8] = br#"[{"id":1,"name":"a","online":true,"groups":[{"id":1}]},{"id":2,"name":"a","online":false}]"#;

fn read(
    agents: &[u8],
    target: &Arc<Target>,
    groups: Arc<Groups>,
    pending: Arc<Pending>,
    details: Arc<Details>,
) -> Result<Part, Failure> {
    let VendorSettings::ResilioConsole(settings) = &target.settings else { panic!("a target of the console") };
    let settings = Arc::new(settings.clone());
    let inputs = AgentsInputs { target: Arc::clone(target), settings, groups, pending, details };
    let (part, read) = AgentsReader::new(&inputs).read(&Body::plain(agents.to_vec()));
    read.map(|()| part)
}
