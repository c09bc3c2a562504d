//! Parallels RAS REST API: the state of every agent of a farm, by `GET /api/Agent`.
//!
//! The API is served by the RAS Web Administration Service, `https://<host>:20443/api/...` unless changed, which may run
//! on another machine than the Connection Broker: that the API is down does not mean that the farm is.
//!
//! **Credentials**: a RAS administrator account. Its rights are those of the console; one that may only view is enough.
//! A custom administrator sees what he has rights on, and gets 401 for the rest.
//!
//! **Sends** `POST /api/Session/logon`, `POST /api/Session/logoff` and otherwise only `GET`: `PUT` and `DELETE` on the very
//! path that is polled change and remove agents. 50 requests in 10 s are served to everybody together.
//!
//! **Source**: the vendor's "Parallels REST API", API reference, Infrastructure, Agents; its samples for everything that page
//! leaves open.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod mapping;
mod names;
pub mod server_types;
mod session;
pub mod states;
#[cfg(test)]
pub(super) mod stub;
mod wire;

use std::sync::Arc;

use tokio::time::Instant;

use self::{mapping::MappingContext, names::NameCache, session::Session};
use super::{
    Api, BoxFuture, Context, Observation, Outcome, Same, Warnings,
    fingerprint::{self, ContentHash, PartFingerprint},
    logon::Logons,
};
use crate::{
    blocking::block_in_place_if,
    config::{Target, target},
    failure::Failure,
    http::Client,
};

/// Every row has at least so many series.
const SERIES_OF_ROW: usize = 3;

/// What is read beside the agents, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] =
    &[("names", "view permission for the servers themselves: brokers, gateways, hosts, providers, enrollment servers")];

/// The API of one target.
#[derive(Debug)]
pub struct ParallelsRas {
    target: Arc<Target>,
    settings: Arc<target::ParallelsRas>,
    session: Session,
    names: NameCache,
    reader: fingerprint::ReaderId,
}

impl ParallelsRas {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::ParallelsRas, http: Client, logons: Arc<Logons>) -> ParallelsRas {
        let session = Session::new(Arc::clone(&target), settings.auth.clone(), http, logons);
        let (settings, names, reader) = (Arc::new(settings), NameCache::default(), fingerprint::ReaderId::default());
        ParallelsRas { target, settings, session, names, reader }
    }

    async fn poll(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin(cx).await?;
        let mut answer = self.session.get(cx, "agents", &self.agents_path(), cx.deadline).await?;
        let body = answer.take_json()?;
        let hash = ContentHash::of(body.as_sent());
        let most = self.target.max_series / SERIES_OF_ROW;
        if let Some(known) = cx.known.get("").filter(|known| self.fingerprint(hash).as_ref() == Some(*known))
            && (!self.settings.resolve_names || self.names.rest(cx.now))
        {
            let mapping_context = self.mapping_context();
            let same = Same::new(known.clone(), move || {
                let warnings = Warnings::default();
                let (rows, _) = mapping::rows(body.reader(), &mapping_context.settings.site_ids, most, &warnings)?;
                Ok(mapping::part(&rows, &mapping_context, warnings))
            });
            let extras = self.names.outcome().into_iter().collect();
            return Ok(Observation { parts: vec![("".into(), Outcome::Same(same))], extras, ..Observation::default() });
        }
        let (warnings, is_large) = (Warnings::default(), body.is_large());
        let read = || mapping::rows(body.reader(), &self.settings.site_ids, most, &warnings);
        let rows = block_in_place_if(is_large, read);
        drop(body);
        let (rows, defect) = rows.map_err(|failure| {
            cx.warnings.merge(&warnings);
            failure.context(&answer.what)
        })?;
        let mut failure = None;
        if self.settings.resolve_names {
            // A list that hangs must not cost the agents that are here already: half of what is left is for the lists.
            let now = Instant::now();
            let deadline = now + cx.deadline.saturating_duration_since(now) / 2;
            let polls = session::WINDOW.div_duration_f64(self.target.interval).ceil() as usize;
            failure = self.names.refresh(&mut self.session, cx, &rows, polls, deadline).await.err();
        }
        let mut part = block_in_place_if(is_large, || mapping::part(&rows, &self.mapping_context(), warnings));
        // What could be read in part only is read again.
        part.fingerprint = self.fingerprint(hash).filter(|_| defect.is_none());
        part.defect = defect.map(|defect| defect.context(&answer.what));
        let extras = self.names.outcome().into_iter().collect();
        Ok(Observation { failure, extras, ..Observation::single(part) })
    }

    /// What a part comes from, besides the rows.
    fn mapping_context(&self) -> MappingContext {
        MappingContext {
            target: Arc::clone(&self.target),
            settings: Arc::clone(&self.settings),
            names: self.names.names(),
        }
    }

    /// What a part of these rows and the present names comes from.
    fn fingerprint(&self, rows: Option<ContentHash>) -> Option<PartFingerprint> {
        Some(PartFingerprint::from(vec![self.reader.hash_inputs(&self.names.version())?, rows?]))
    }

    /// The server filters by at most one site; several are requested at once and filtered here.
    fn agents_path(&self) -> String {
        match *self.settings.site_ids {
            [site] => format!("/api/Agent?siteId={site}"),
            _ => "/api/Agent".to_owned(),
        }
    }
}

impl Api for ParallelsRas {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.poll(cx))
    }

    fn close<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, ()> {
        Box::pin(self.session.log_off(cx.deadline))
    }
}

#[cfg(test)]
pub(super) mod tests;
