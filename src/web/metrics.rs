//! `GET /metrics`.

use std::{collections::BTreeSet, sync::Arc};

use hyper::StatusCode;

use super::reply::{Reply, Request};
use crate::{
    daemon::Daemon,
    event,
    exposition::{Encoding, Format, scrape},
    snapshot::Snapshot,
};

/// Everything, or the targets that `?target=` and `?vendor=` name; given both, those that either names. What another shard
/// polls may be named too, so that one job can scrape all shards alike.
pub fn answer(daemon: &Daemon, request: &Request) -> Reply {
    let store = daemon.fleet().store();
    let selection = if request.query.iter().any(|(key, _)| key == "target" || key == "vendor") {
        if let Err(message) = check(daemon, request, &store.load()) {
            return Reply::text(StatusCode::BAD_REQUEST, message);
        }
        store.select(|snapshot| {
            request.all("target").any(|name| name == snapshot.target.name)
                || request.all("vendor").any(|name| name == snapshot.target.vendor())
        })
    } else {
        store.select(|_| true)
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

fn check(daemon: &Daemon, request: &Request, targets: &[Arc<Snapshot>]) -> Result<(), String> {
    let elsewhere = daemon.elsewhere();
    let configured = || targets.iter().map(|snapshot| &snapshot.target).chain(elsewhere.iter());
    let names: Vec<&str> = configured().map(|target| target.name.as_str()).collect();
    if let Some(unknown) = request.all("target").find(|name| !names.contains(name)) {
        return Err(format!("no target is called {unknown:?}; there are: {}\n", names.join(", ")));
    }
    let vendors: BTreeSet<&str> = configured().map(|target| target.vendor()).collect();
    if let Some(unknown) = request.all("vendor").find(|name| !vendors.contains(name)) {
        let vendors: Vec<&str> = vendors.into_iter().collect();
        return Err(format!("no target is of the vendor {unknown:?}; there are: {}\n", vendors.join(", ")));
    }
    Ok(())
}
