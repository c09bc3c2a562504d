//! The decoders alone, for [`fuzzing`](crate::fuzzing): any bytes in, a part or a failure out.

use std::sync::Arc;

use super::{
    lists::{self, LISTS, Licenses},
    logon,
    machine::Inputs,
    machines, session,
};
use crate::{
    api::{Context, Part},
    config::{Target, VendorSettings},
    failure::Failure,
    http::Answer,
};

/// Pages of machines, with zero bytes between them.
pub fn machines(body: &[u8], _: &Context<'_>, target: &Arc<Target>) -> Result<Part, Failure> {
    let VendorSettings::CitrixSite(settings) = &target.settings else { panic!("a target of a site") };
    let inputs = Inputs { target: Arc::clone(target), settings: Arc::new(settings.clone()) };
    machines::read(body.split(|byte| *byte == 0), &inputs)
}

/// The delivery groups.
pub fn delivery_groups(body: &[u8], _: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    lists::read(LISTS[0], body)
}

/// The hypervisors.
pub fn hypervisors(body: &[u8], _: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    lists::read(LISTS[1], body)
}

/// The zones.
pub fn zones(body: &[u8], _: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    lists::read(LISTS[2], body)
}

/// The licenses.
pub fn licenses(body: &[u8], cx: &Context<'_>, _: &Arc<Target>) -> Result<Part, Failure> {
    Licenses::read(body, cx).map(Licenses::part)
}

/// The answers of both log-ons, and of the call for the site.
pub fn access(answer: &Answer, cx: &Context<'_>) -> Result<(), Failure> {
    let of = |read: logon::Read| read.map(|_| ()).map_err(|(failure, _)| failure);
    let results = [
        of(logon::on_premises(answer, cx.now)),
        of(logon::cloud(answer, cx.now)),
        session::read_sites(answer, "CitrixOnPremises").map(|_| ()),
    ];
    results.into_iter().collect()
}
