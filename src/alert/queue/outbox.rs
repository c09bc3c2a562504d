//! All peers, and the alerts that each of them has to know.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Change, Fingerprint, Labels, MOST_ENDED, Notification, RETENTION, SWEEP_INTERVAL, Timing,
    peer::{DRAIN, Peer},
};
use crate::{
    alert::alertmanager::{self, AlertmanagerClient, Deliver},
    alert::event,
    clock::{Clock, UnixTime},
    config::{Alerting, AlertingMode, Alertmanager},
    failure::Failure,
    scale::scaled,
};

/// The time a task has to end, beyond its drain.
const SLACK: Duration = Duration::from_secs(1);

/// Between the engine and the Alertmanagers.
///
/// The engine calls [`Outbox::update`] after each evaluation, with what is new or with everything: what is known
/// already costs a look-up. After a start it first tells what fires according to the state file, and resolves only what it has
/// seen since.
#[derive(Debug)]
pub struct Outbox {
    clock: Clock,
    state: Mutex<OutboxState>,
}

#[derive(Debug)]
struct OutboxState {
    /// The newest state of each alert, for peers that come later.
    alerts: HashMap<Fingerprint, Arc<Notification>>,
    /// Those that ended, by when they did.
    ended: BTreeSet<(UnixTime, Fingerprint)>,
    swept: UnixTime,
    peers: Vec<RunningPeer>,
}

/// A peer and its task.
#[derive(Debug)]
struct RunningPeer {
    peer: Arc<Peer>,
    settings: PeerSettings,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a peer's task was started with; where it changes, another one is started.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PeerSettings {
    pub label: String,
    pub alertmanager: Alertmanager,
    pub timing: Timing,
    pub external: Labels,
}

impl Outbox {
    /// An outbox without peers.
    pub fn new(clock: Clock) -> Outbox {
        let state =
            OutboxState { alerts: HashMap::new(), ended: BTreeSet::new(), swept: clock.now(), peers: Vec::new() };
        Outbox { clock, state: Mutex::new(state) }
    }

    /// Applies the Alertmanagers of a configuration; outside of direct mode there are none. Those whose settings are
    /// the same go on undisturbed; new and changed ones are told everything that is known; removed ones hear no more,
    /// and what fires there lapses. Changed external labels make other alerts: the former ones lapse as well.
    ///
    /// Fails with the URL and the reason where a certificate or key file cannot be used; nothing has changed then.
    pub async fn apply(&self, alerting: &Alerting) -> Result<(), (String, Failure)> {
        let wanted = match alerting.mode {
            AlertingMode::Direct => settings(alerting),
            AlertingMode::Off => Vec::new(),
        };
        let mut links = Vec::new();
        for settings in &wanted {
            let link = AlertmanagerClient::new(&settings.alertmanager, settings.external.clone());
            links.push((settings.clone(), link.map_err(|failure| (settings.label.clone(), failure))?));
        }
        self.exchange(links).await;
        Ok(())
    }

    /// Queues what the engine found out.
    pub fn update(&self, now: UnixTime, changes: impl IntoIterator<Item = Change>) {
        let mut state = self.state();
        let mut news = Vec::new();
        for change in changes {
            match change {
                Change::Notify(alert) => {
                    let fingerprint = alert.fingerprint();
                    let known = state.alerts.get(&fingerprint);
                    if known.is_some_and(|known| **known == alert) {
                        continue;
                    }
                    if let Some(transition) = transition(known.map(Arc::as_ref), &alert, now) {
                        event::AlertTransition { alert: &alert, transition }.emit();
                    }
                    let alert = Arc::new(alert);
                    state.note(fingerprint, &alert);
                    news.push((fingerprint, Some(alert)));
                }
                Change::Withdrawn(fingerprint) => {
                    if let Some(alert) = state.forget(fingerprint).filter(|alert| alert.ends_at.is_none()) {
                        event::AlertTransition { alert: &alert, transition: event::Transition::Withdrawn }.emit();
                    }
                    news.push((fingerprint, None));
                }
            }
        }
        state.publish(now, &news);
    }

    /// Sends no more of those that fire and are meant; they lapse, and are never told to have ended.
    pub fn withdraw(&self, now: UnixTime, is_meant: impl Fn(&Notification) -> bool) {
        let gone: Vec<Change> = {
            let state = self.state();
            let firing = state.alerts.iter().filter(|(_, alert)| alert.ends_at.is_none() && is_meant(alert));
            firing.map(|(at, _)| Change::Withdrawn(*at)).collect()
        };
        self.update(now, gone);
    }

    /// The peers, and how many alerts each is still to be told.
    pub fn waiting(&self) -> Vec<(String, usize)> {
        self.state().peers.iter().map(|running| (running.peer.label.clone(), running.peer.waiting())).collect()
    }

    /// The newest state of every alert that is not forgotten.
    pub fn known(&self) -> Vec<Arc<Notification>> {
        self.state().alerts.values().cloned().collect()
    }

    /// Sends what is still unsent, for 5 s at most, and ends. Nothing is resolved: what fires lapses, unless the
    /// daemon is back before.
    pub async fn stop(&self) {
        let peers = std::mem::take(&mut self.state().peers);
        peers.iter().for_each(|running| running.stop.cancel());
        let tasks = peers.into_iter().map(|running| async move {
            let mut task = running.task;
            if timeout(DRAIN + SLACK, &mut task).await.is_err() {
                task.abort();
            }
        });
        futures_util::future::join_all(tasks).await;
    }

    /// Ends the peers that are not among these, and starts those that are new.
    pub(super) async fn exchange(&self, links: Vec<(PeerSettings, impl Deliver)>) {
        let gone = {
            let mut state = self.state();
            let keep = |running: &RunningPeer| links.iter().any(|(settings, _)| *settings == running.settings);
            let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut state.peers).into_iter().partition(keep);
            state.peers = kept;
            gone
        };
        let mut labels = Vec::new();
        for running in gone {
            running.task.abort();
            // From here on nothing moves its counters any more.
            let _ = running.task.await;
            labels.push(running.settings.label);
        }
        labels.retain(|label| links.iter().all(|(settings, _)| settings.label != *label));
        labels.iter().for_each(|label| event::PeerRemoved { alertmanager: label }.emit());
        let mut state = self.state();
        for (settings, link) in links {
            if state.peers.iter().all(|running| running.settings != settings) {
                let running = state.start(self.clock, settings, link);
                state.peers.push(running);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, OutboxState> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl OutboxState {
    fn publish(&mut self, now: UnixTime, news: &[(Fingerprint, Option<Arc<Notification>>)]) {
        if !news.is_empty() {
            for running in &self.peers {
                running.peer.put(now, news.iter().map(|(fingerprint, alert)| (*fingerprint, alert.as_ref())));
            }
        }
        self.swept = self.swept.min(now);
        if now >= self.swept.plus(scaled(SWEEP_INTERVAL)) {
            self.swept = now;
            while let Some((ended, fingerprint)) = self.ended.first().copied()
                && now > ended.plus(scaled(RETENTION))
            {
                self.forget(fingerprint);
            }
        }
    }

    /// Keeps the newest state of an alert. Of those that ended as many as a queue does: a peer that comes later learns the newest.
    fn note(&mut self, fingerprint: Fingerprint, alert: &Arc<Notification>) {
        self.forget(fingerprint);
        self.alerts.insert(fingerprint, Arc::clone(alert));
        if let Some(ended) = alert.ends_at {
            self.ended.insert((ended, fingerprint));
        }
        if self.ended.len() > MOST_ENDED
            && let Some((_, oldest)) = self.ended.first().copied()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, fingerprint: Fingerprint) -> Option<Arc<Notification>> {
        let alert = self.alerts.remove(&fingerprint)?;
        if let Some(ended) = alert.ends_at {
            self.ended.remove(&(ended, fingerprint));
        }
        Some(alert)
    }

    fn start(&self, clock: Clock, settings: PeerSettings, link: impl Deliver) -> RunningPeer {
        let peer = Arc::new(Peer::new(settings.label.clone(), settings.timing, clock));
        peer.put(clock.now(), self.alerts.iter().map(|(fingerprint, alert)| (*fingerprint, Some(alert))));
        let stop = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&peer).run(link, stop.clone()));
        RunningPeer { peer, settings, stop, task }
    }
}

/// Without an outbox nobody stops the tasks.
impl Drop for Outbox {
    fn drop(&mut self) {
        self.state().peers.iter().for_each(|running| running.task.abort());
    }
}

/// What is worth a line of an alert that was `known` so far: not a new text, and not what is told again.
fn transition(known: Option<&Notification>, alert: &Notification, now: UnixTime) -> Option<event::Transition> {
    match known {
        Some(known) if known.same_state(alert) => None,
        _ if alert.ends_at.is_some() => Some(event::Transition::Resolved),
        // After a restart, or the clock was set back.
        None if alert.starts_at < now => Some(event::Transition::StillFiring),
        Some(known) if known.ends_at.is_none() => Some(event::Transition::StillFiring),
        _ => Some(event::Transition::Firing),
    }
}

/// The settings of each peer. The label of one that has the URL of another gets `#2`, and so on.
fn settings(alerting: &Alerting) -> Vec<PeerSettings> {
    let external: Labels = alerting.external_labels.iter().cloned().collect();
    let mut all: Vec<PeerSettings> = Vec::new();
    for settings in &alerting.alertmanagers {
        let url = alertmanager::label(settings);
        let same = all.iter().filter(|other| alertmanager::label(&other.alertmanager) == url).count();
        let label = if same == 0 { url } else { format!("{url}#{}", same + 1) };
        let (alertmanager, timing, external) = (settings.clone(), Timing::of(alerting), external.clone());
        all.push(PeerSettings { label, alertmanager, timing, external });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::event::Transition;

    #[test]
    fn each_turn_of_an_alert_is_told_once() {
        let (start, later) = (UnixTime::from_secs(1000), UnixTime::from_secs(2000));
        let alert = |starts_at, ends_at| Notification {
            labels: Labels::new(),
            annotations: Labels::new(),
            starts_at,
            ends_at,
            generator_url: String::new(),
        };
        let (fires, ended) = (alert(start, None), alert(start, Some(later)));
        assert_eq!(transition(None, &fires, start), Some(Transition::Firing));
        let worded = Notification { generator_url: "http://r".to_owned(), ..fires.clone() };
        assert_eq!(transition(Some(&fires), &worded, later), None, "another text");
        assert_eq!(transition(Some(&fires), &ended, later), Some(Transition::Resolved));
        assert_eq!(transition(Some(&ended), &ended, later), None);
        assert_eq!(transition(Some(&ended), &alert(later, None), later), Some(Transition::Firing), "a second time");
        assert_eq!(transition(None, &fires, later), Some(Transition::StillFiring), "after a restart");
        assert_eq!(
            transition(Some(&alert(later, None)), &fires, start),
            Some(Transition::StillFiring),
            "the clock was set back"
        );
    }
}
