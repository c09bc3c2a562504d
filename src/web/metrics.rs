//! `GET /metrics`.

use std::collections::BTreeSet;

use hyper::StatusCode;

use super::reply::{Reply, Request};
use crate::{
    daemon::Daemon,
    event,
    exposition::{Encoding, Format},
    snapshot::scrape,
    snapshot::{List, Selection},
};

/// Everything, or the targets that `?target=` and `?vendor=` name; given both, those that either names. What another shard
/// polls may be named too, so that one job can scrape all shards alike.
pub fn answer(daemon: &Daemon, request: &Request) -> Reply {
    let store = daemon.fleet().store();
    let list = store.list();
    if let Err(message) = check(daemon, request, &list) {
        return Reply::text(StatusCode::BAD_REQUEST, message);
    }
    let of_parameter = |parameter: &str| request.query.iter().any(|(key, _)| key == parameter);
    let selection = match (of_parameter("target"), of_parameter("vendor")) {
        (false, false) => store.select(|_| true),
        // Nothing is looked at but these: a job for each of many targets is usual.
        (true, false) => {
            let names: BTreeSet<&str> = request.all("target").collect();
            let slots = names.into_iter().filter_map(|name| list.get(name));
            Selection { groups: Vec::new(), singles: slots.map(|slot| slot.load()).collect() }
        }
        (_, true) => store.select(|target| {
            request.all("vendor").any(|vendor| vendor == target.vendor())
                || request.all("target").any(|name| name == target.name)
        }),
    };
    let format = Format::negotiate(request.header("accept").as_deref());
    let encoding = Encoding::negotiate(request.header("accept-encoding").as_deref());
    let body = scrape(selection.blocks(), &event::gather(), format, encoding);
    let reply = Reply::new(StatusCode::OK, format.content_type(), body).with_header("vary", "accept, accept-encoding");
    match encoding {
        Encoding::Gzip => reply.with_header("content-encoding", "gzip"),
        Encoding::Identity => reply,
    }
}

/// Whether every target and vendor that is asked for is configured, here or for another shard; else the text of a 400.
pub fn check(daemon: &Daemon, request: &Request, list: &List) -> Result<(), String> {
    let elsewhere = daemon.elsewhere();
    let is_known = |name: &str| list.get(name).is_some() || elsewhere.iter().any(|target| target.name == name);
    if let Some(unknown) = request.all("target").find(|name| !is_known(name)) {
        let here = list.slots().iter().map(|slot| slot.target());
        let names: Vec<&str> = here.chain(elsewhere.iter()).map(|target| target.name.as_str()).collect();
        return Err(format!("no target is called {unknown:?}; there are: {}\n", names.join(", ")));
    }
    let is_known = |vendor: &str| list.vendors().contains(vendor) || elsewhere.iter().any(|t| t.vendor() == vendor);
    if let Some(unknown) = request.all("vendor").find(|vendor| !is_known(vendor)) {
        let vendors: BTreeSet<&str> =
            list.vendors().iter().copied().chain(elsewhere.iter().map(|target| target.vendor())).collect();
        let vendors: Vec<&str> = vendors.into_iter().collect();
        return Err(format!("no target is of the vendor {unknown:?}; there are: {}\n", vendors.join(", ")));
    }
    Ok(())
}
