//! Parallels RAS REST API: the state of every agent of a farm, by `GET /api/Agent`, and what it carries.
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
//! **Sites**: whether a list without `siteId` is of all sites or of one is not documented, so it is asked for without, and
//! then for each site that it did not hold. Each site is a part.
//!
//! **Source**: the vendor's "Parallels REST API", API reference, Infrastructure, Agents; its samples for everything that page
//! leaves open.

mod agents;
mod extras;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod host_pools;
mod license;
mod load;
mod mapping;
mod names;
mod scope;
pub mod server_types;
mod session;
pub mod states;
#[cfg(test)]
pub(super) mod stub;
pub mod vms;
mod wire;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::Instant;

use self::{
    agents::{AgentList, AgentLists},
    extras::{Allowance, Extras, Farm},
    mapping::MappingContext,
    names::{NameCache, Wanted},
    scope::Scope,
    session::Session,
};
use super::{
    Api, BoxFuture, Context, Observation, Outcome, Part, Same, Warnings,
    extra::Extra,
    fingerprint::{self, ContentHash, PartFingerprint},
    logon::Logons,
};
use crate::{
    blocking::block_in_place_if,
    catalogue::parallels_ras::FAMILIES,
    clock::UnixTime,
    config::{Target, target},
    failure::{Failure, Reason},
    http::Client,
    scale::scaled,
};

/// How often the list of sites is read.
const SITES_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Sites that are asked for one by one have this share of the time that is left.
const SHARE_OF_SITES: f64 = 0.8;

/// Places in the budget that extras leave, at the most, for the agent lists of the next polls and of other targets.
const MAX_RESERVED: usize = 5;
/// And at least this, for other targets.
const MIN_RESERVED: usize = 1;

/// Every row has at least so many series.
const SERIES_OF_ROW: usize = 3;

/// What is read beside the agents, and the right that it needs.
pub const EXTRAS: &[(&str, &str)] = &[
    ("names", "view permission for the servers themselves: brokers, gateways, hosts, providers, enrollment servers"),
    ("sites", "view permission for the sites"),
    ("vms", "view permission for the providers and their virtual machines"),
    ("load", "view permission for the servers themselves: brokers, gateways, hosts"),
    ("license", "view permission for the license"),
    ("host_pools", "view permission for the host pools of RD session hosts, VDI and Azure Virtual Desktop"),
];

/// The API of one target.
#[derive(Debug)]
pub struct ParallelsRas {
    target: Arc<Target>,
    settings: Arc<target::ParallelsRas>,
    session: Session,
    lists: AgentLists,
    sites: Extra<BTreeSet<i64>>,
    names: NameCache,
    extras: Extras,
    /// The site whose part tells of the license.
    license_site: Option<i64>,
    /// Polls so far.
    polls: usize,
    reader: fingerprint::ReaderId,
}

impl ParallelsRas {
    /// Nothing is sent before the first poll.
    pub fn new(target: Arc<Target>, settings: target::ParallelsRas, http: Client, logons: Arc<Logons>) -> ParallelsRas {
        let session = Session::new(Arc::clone(&target), settings.auth.clone(), http, logons);
        ParallelsRas {
            target,
            settings: Arc::new(settings),
            session,
            lists: AgentLists::default(),
            sites: Extra::new("sites", scaled(SITES_INTERVAL)),
            names: NameCache::default(),
            extras: Extras::default(),
            license_site: None,
            polls: 0,
            reader: fingerprint::ReaderId::default(),
        }
    }

    async fn poll(&mut self, cx: &Context<'_>) -> Result<Observation, Failure> {
        self.session.begin(cx).await?;
        self.polls = self.polls.saturating_add(1);
        let mut lists = self.read_agents(cx).await?;
        let failures = || lists.iter().filter_map(|list| list.failure.as_ref());
        if let Some(first) = failures().next().filter(|_| failures().count() == lists.len()) {
            // One of several says nothing of the session; all of them may, where the server answers.
            if lists.len() > 1 && failures().any(may_be_the_session) {
                self.session.note_read(false);
            }
            return Err(Failure { retry_after: Failure::max_retry_after(failures()), ..first.clone() });
        }
        let failure = self.read_extras(cx).await.err();
        let mut observation = Observation { failure, ..Observation::default() };
        self.observe(&mut lists, cx, &mut observation);
        // Without the list of sites nobody knows what there is besides; a server that has none is not asked again and again.
        let sites = self.sites.outcome();
        let is_none = sites.as_ref().is_some_and(|(_, outcome)| {
            outcome.as_ref().is_ok() || outcome.as_ref().is_err_and(|failure| failure.reason == Reason::NotFound)
        });
        observation.incomplete = self.settings.site_ids.is_empty() && !is_none && self.known_sites().is_empty();
        observation.extras.extend(sites);
        observation.extras.extend(self.names.outcome());
        observation.extras.extend(self.extras.outcomes());
        Ok(observation)
    }

    /// The agents of every site. With `site_ids` each is asked for; else what a list without a site does not hold is.
    async fn read_agents(&mut self, cx: &Context<'_>) -> Result<Vec<AgentList>, Failure> {
        let most = self.target.max_series / SERIES_OF_ROW;
        let mut scopes: Vec<Scope> = self.settings.site_ids.iter().map(|site| Scope::Site(*site)).collect();
        let mut lists = Vec::new();
        if scopes.is_empty() {
            let list = AgentList::read(&mut self.session, cx, Scope::Unnamed, true, cx.deadline).await?;
            let noted = self.lists.note(list, most, cx);
            self.session.note_read(noted.is_ok());
            let list = noted?;
            let held = self.lists.sites(Scope::Unnamed);
            lists.push(list);
            self.read_sites(cx).await?;
            scopes =
                self.known_sites().iter().filter(|site| !held.contains(site)).map(|site| Scope::Site(*site)).collect();
        }
        self.lists
            .retain(|scope| scopes.contains(&scope) || self.settings.site_ids.is_empty() && scope == Scope::Unnamed);
        // What was tried longest ago comes first, so that a site that hangs does not starve the others.
        scopes.sort_by_key(|scope| (self.lists.tried(*scope), *scope));
        let count = scopes.len();
        for (index, scope) in scopes.into_iter().enumerate() {
            // Each has its share of the time that is left, and extras have theirs.
            let now = Instant::now();
            let left = cx.part_deadline().saturating_duration_since(now).mul_f64(SHARE_OF_SITES);
            let alone = lists.is_empty() && count == 1;
            let deadline = if alone { cx.deadline } else { now + left.div_f64((count - index) as f64) };
            let list = AgentList::read(&mut self.session, cx, scope, alone, deadline).await;
            let noted = list.and_then(|list| {
                let noted = self.lists.note(list, most, cx);
                // One of several that cannot be read says nothing of the session; one that can says that it works.
                if alone || noted.is_ok() {
                    self.session.note_read(noted.is_ok());
                }
                noted
            });
            match noted {
                Ok(list) => lists.push(list),
                Err(failure) if matches!(failure.reason, Reason::Auth | Reason::Held) => return Err(failure),
                // There was no room for it: it is the first of the next poll.
                Err(failure) if failure.reason == Reason::RateLimited => {
                    lists.push(AgentList::failed(scope, failure));
                    continue;
                }
                Err(failure) => lists.push(AgentList::failed(scope, failure)),
            }
            self.lists.note_try(scope, cx.now);
        }
        Ok(lists)
    }

    /// The sites of the farm, however old the list is.
    fn known_sites(&self) -> BTreeSet<i64> {
        self.sites.data(UnixTime::default(), Duration::MAX).cloned().unwrap_or_default()
    }

    async fn read_sites(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        let allowance = self.allowance(cx);
        if !self.sites.is_due(cx.now) || !allowance.is_left(&self.session) {
            return Ok(());
        }
        let result = async {
            let mut answer = self.session.get(cx, "sites", scope::SITES, allowance.deadline).await?;
            let body = answer.take_json()?;
            scope::sites(body.reader(), cx.warnings).map_err(|failure| failure.context(&answer.what))
        };
        let result = result.await;
        if let Err(failure) = &result {
            tracing::debug!(target = %self.target.name, error = %failure, "The list of sites cannot be read.");
        }
        self.sites.store(cx.now, result)
    }

    /// What extras may use: a list that hangs must not cost the agents that are here already, so half of what is left of the
    /// time is theirs, and of the budget what polls do not need.
    fn allowance(&self, cx: &Context<'_>) -> Allowance {
        let now = Instant::now();
        let polls = session::WINDOW.div_duration_f64(self.target.interval).ceil() as usize;
        // A poll whose forerunner left the window takes its place: room is needed only until there were enough of them.
        let to_come = polls.saturating_sub(self.polls) * self.lists.len().max(1);
        Allowance {
            reserved: to_come.clamp(MIN_RESERVED, MAX_RESERVED),
            deadline: now + cx.deadline.saturating_duration_since(now) / 2,
        }
    }

    /// Names first, as everything goes by them.
    async fn read_extras(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        let allowance = self.allowance(cx);
        let (scopes, types, rows) = (self.lists.scopes(), self.lists.types(), self.lists.rows());
        let settings = Arc::clone(&self.settings);
        let wanted =
            Wanted { scopes: &scopes, types: &types, rows, names: settings.resolve_names, max_sessions: settings.load };
        self.names.refresh(&mut self.session, cx, &wanted, allowance).await?;
        let farm = Farm { target: &self.target, settings: &settings, scopes: &scopes, types: &types, rows };
        self.extras.refresh(&mut self.session, &mut self.names, cx, &farm, allowance).await
    }

    /// Makes the parts of all sites, in their order.
    fn observe(&mut self, lists: &mut [AgentList], cx: &Context<'_>, observation: &mut Observation) {
        let facts = self.extras.facts(cx.now, self.target.stale_after);
        let context = Arc::new(MappingContext {
            target: Arc::clone(&self.target),
            settings: Arc::clone(&self.settings),
            names: self.names.names(self.settings.resolve_names),
            facts,
        });
        let mut parts: Vec<(i64, Outcome, String)> = Vec::new();
        let listed = |site: i64| lists.iter().any(|list| self.lists.of(list).contains(&site));
        self.license_site = self
            .license_site
            .filter(|site| listed(*site))
            .or_else(|| lists.iter().filter(|list| list.failure.is_none()).flat_map(|list| self.lists.of(list)).min());
        for list in lists {
            let sites = self.lists.of(list);
            for (index, site) in sites.iter().enumerate() {
                let outcome = match &list.failure {
                    Some(failure) => Outcome::Failed(failure.clone()),
                    None => self.part(list, *site, index == 0, &context, cx),
                };
                parts.push((*site, outcome, list.scope.path(agents::PATH)));
            }
        }
        parts.sort_by_key(|(site, ..)| *site);
        for (site, outcome, path) in parts {
            observation.notes.push(match &outcome {
                Outcome::Failed(_) => format!("site {site} did not come, by GET {path}"),
                _ => format!("site {site} came by GET {path}"),
            });
            observation.parts.push((site.to_string().into(), outcome));
        }
        if observation.parts.is_empty() {
            observation.fresh("", Part::new(FAMILIES));
        }
    }

    /// The part of one site; that of the first site of a list has the oddities of the list.
    fn part(
        &self,
        list: &mut AgentList,
        site: i64,
        is_first: bool,
        context: &Arc<MappingContext>,
        cx: &Context<'_>,
    ) -> Outcome {
        let has_license = self.license_site == Some(site);
        let fingerprint = self.fingerprint(list.hash, site, has_license, context);
        let (scope, most) = (list.scope, self.target.max_series / SERIES_OF_ROW);
        if let Some(known) = cx.known.get(&*site.to_string()).filter(|known| fingerprint.as_ref() == Some(*known)) {
            let (body, context) = (Arc::clone(&list.body), Arc::clone(context));
            return Outcome::Same(Same::new(known.clone(), move || {
                let warnings = Warnings::default();
                let (rows, _) = mapping::rows(body.reader(), &scope.filter(), most, &warnings)?;
                let license = context.facts.license.as_deref().filter(|_| has_license);
                let warnings = if is_first { warnings } else { Warnings::default() };
                Ok(mapping::part(rows.iter().filter(|row| row.site == site), &context, license, warnings))
            }));
        }
        if let Err(failure) = list.decode(most) {
            return Outcome::Failed(failure);
        }
        let (rows, defect) = list.rows.as_ref().expect("it was decoded just now");
        // A site of which a list that can hardly be read has nothing is not gone.
        let is_lost = defect.is_some() && !rows.iter().any(|row| row.site == site);
        if let Some(defect) = defect.as_ref().filter(|_| is_lost) {
            return Outcome::Failed(defect.clone());
        }
        let license = context.facts.license.as_deref().filter(|_| has_license);
        let warnings = if is_first { std::mem::take(&mut list.warnings) } else { Warnings::default() };
        let rows = rows.iter().filter(|row| row.site == site);
        let mut part = block_in_place_if(list.body.is_large(), || mapping::part(rows, context, license, warnings));
        // What could be read in part only is read again.
        part.fingerprint = fingerprint.filter(|_| defect.is_none());
        part.defect.clone_from(defect);
        Outcome::Fresh(part)
    }

    /// What a part of this list, the present names and the present extras comes from.
    fn fingerprint(
        &self,
        list: Option<ContentHash>,
        site: i64,
        has_license: bool,
        context: &MappingContext,
    ) -> Option<PartFingerprint> {
        let extras = context.facts.inputs.as_ref()?;
        let inputs = (site, has_license, self.names.version(), extras);
        Some(PartFingerprint::from(vec![self.reader.hash_inputs(&inputs)?, list?]))
    }
}

/// Whether a list that failed so may have failed because the server does not know the session any more.
fn may_be_the_session(failure: &Failure) -> bool {
    use Reason::{ContentType, Decode, Forbidden, HttpStatus, NotFound};
    matches!(failure.reason, Forbidden | NotFound | HttpStatus | ContentType | Decode)
}

impl Api for ParallelsRas {
    fn poll<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(self.poll(cx))
    }

    fn resume(&mut self) {
        self.sites.release();
        self.names.release();
        self.extras.release();
    }

    fn close<'a>(&'a mut self, cx: &'a Context<'a>) -> BoxFuture<'a, ()> {
        Box::pin(self.session.log_off(cx.deadline))
    }
}

#[cfg(test)]
pub(super) mod tests;
