//! A Citrix site: every machine of it, whoever it is assigned to. Citrix Virtual Apps and Desktops on premises, Citrix DaaS in the
//! cloud; both have the same API.
//!
//! - API: `GET {url}/cvad/manage/Machines` in pages, `/DeliveryGroups`, `/hypervisors`, `/Zones`, `/Sites/{id}/License`, and `/me` for
//!   the id of the site. <https://developer-docs.citrix.com/en-us/citrix-virtual-apps-desktops/citrix-cvad-rest-apis/>
//! - Credentials: on premises an account of the directory (`POST /cvad/manage/Tokens`, HTTP Basic), in the cloud an API client
//!   (`POST /cctrustoauth2/{customer}/tokens/clients`); either with the role Read Only Administrator. A refused password can lock the
//!   account.
//! - Beside these two only `GET` is sent. Nothing about users is asked for or read.
//!
//! Parts: `machines`, without which a poll fails, and `delivery_groups`, `hypervisors` and `zones`, each of which may fail alone.
//! Licenses are an extra.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod lists;
mod logon;
mod machine;
mod machines;
mod session;
pub mod states;

use std::{sync::Arc, time::Duration};

use futures_util::future;

use self::{
    lists::{LISTS, Licenses},
    machine::Inputs,
    machines::{MachinesReader, PageNotes},
    session::{Question, Session},
};
use super::{Api, BoxFuture, Context, Observation, extra::Extra, fingerprint::ReaderId, logon::Logons};
use crate::{
    config::{Target, target},
    failure::{Failure, Reason},
    http::{self, Client},
};

/// What is read beside machines and short lists, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] = &[("licenses", "the right to read the licenses of the site")];

/// How often licenses are read.
const LICENSES: Duration = Duration::from_secs(15 * 60);

/// The API of one target.
#[derive(Debug)]
pub struct CitrixSite {
    inputs: Arc<Inputs>,
    session: Session,
    reader: ReaderId,
    page_notes: PageNotes,
    licenses: Extra<Licenses>,
}

impl CitrixSite {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::CitrixSite, http: Client, logons: Arc<Logons>) -> CitrixSite {
        let settings = Arc::new(settings);
        let session = Session::new(Arc::clone(&target), Arc::clone(&settings), http, logons);
        CitrixSite {
            inputs: Arc::new(Inputs { target, settings }),
            session,
            reader: ReaderId::default(),
            page_notes: PageNotes::default(),
            licenses: Extra::new("licenses", LICENSES),
        }
    }

    async fn observe(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        // Once, before anything else: whoever may not log on asks for nothing.
        let site = self.session.site(cx).await?;
        let hash = self.reader.hash_inputs(&"machines");
        let reader = MachinesReader::new(Arc::clone(&self.inputs), hash, cx.known.get("machines"), &self.page_notes);
        let session = &self.session;
        let wants_licenses = self.inputs.settings.licenses && self.licenses.is_due(cx.now);
        let others = async {
            let mut parts = Vec::new();
            for list in LISTS {
                parts.push((list.key, lists::fetch(list, session, cx).await));
            }
            let licenses = if wants_licenses { Some(read_licenses(session, cx, &site.id).await) } else { None };
            (parts, licenses)
        };
        let (machines, (parts, licenses)) = future::join(reader.fetch(session, cx), others).await;
        let (outcome, notes) = match machines.and_then(|machines| machines.finish(cx.warnings)) {
            Ok(machines) => machines,
            Err(failure) => return Err(session.explained(cx, failure).await),
        };
        self.page_notes = notes.unwrap_or_else(|| std::mem::take(&mut self.page_notes));
        if let Some(licenses) = licenses {
            // The machines were read with the same token, so it is not the token that is refused.
            let licenses = licenses.map_err(|failure| match failure.reason {
                Reason::Auth => Failure { reason: Reason::Forbidden, ..failure },
                _ => failure,
            });
            self.licenses.store(cx.now, licenses)?;
        }
        let mut observation = Observation::default();
        observation.parts.push(("machines".into(), outcome));
        for (key, part) in parts {
            match part {
                Ok(part) => observation.fresh(key, part),
                Err(failure) => observation.failed(key, failure),
            }
        }
        if let Some(licenses) = self.licenses.data(cx.now, self.inputs.target.stale_after) {
            observation.fresh("licenses", licenses.part());
        }
        observation.extras.extend(self.licenses.outcome());
        observation.notes.push(format!("site {site}"));
        observation.notes.extend(self.session.others().await);
        Ok(observation)
    }
}

/// The licenses of the site.
async fn read_licenses(session: &Session, cx: &Context<'_>, site: &str) -> Result<Licenses, Failure> {
    let path = format!("Sites/{site}/License");
    let question = Question { operation: "licenses", path: &path, query: &[], deadline: cx.part_deadline() };
    let body = session.get(cx, question).await?;
    let read = body.start(http::MAX_OBJECT).and_then(|body| Licenses::read(&body, cx));
    read.map_err(|failure| failure.context(&format!("GET /cvad/manage/{path}")))
}

impl Api for CitrixSite {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.observe(cx))
    }

    fn resume(&mut self) {
        self.session.resume();
        self.licenses.release();
    }
}

#[cfg(test)]
mod tests;
