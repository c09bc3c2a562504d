//! All peers, and the book of what each of them has to know.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Change, Fingerprint, Labels, Notification, RETENTION, SWEEP, Timing,
    peer::{DRAIN, Peer},
};
use crate::{
    alert::alertmanager::{self, Client, Deliver},
    alert::event,
    clock::{Clock, UnixTime},
    config::{Alerting, AlertingMode, Alertmanager},
    failure::Failure,
    scale::scaled,
};

/// Beyond its drain a task has so long to end.
const SLACK: Duration = Duration::from_secs(1);

/// Between the engine and the Alertmanagers.
///
/// The engine calls [`Outbox::update`] after each evaluation, with what is new or with everything: what is known
/// already costs a look-up. After a start it first tells what fires according to the state file, and resolves only what it has
/// seen since.
#[derive(Debug)]
pub struct Outbox {
    clock: Clock,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    /// The newest state of each alert, for peers that come later.
    book: HashMap<Fingerprint, Arc<Notification>>,
    swept: UnixTime,
    peers: Vec<Running>,
}

/// A peer and its task.
#[derive(Debug)]
struct Running {
    peer: Arc<Peer>,
    settings: Settings,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a peer's task was started with; where it changes, another one is started.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub label: String,
    pub alertmanager: Alertmanager,
    pub timing: Timing,
    pub external: Labels,
}

impl Outbox {
    /// An outbox without peers.
    pub fn new(clock: Clock) -> Outbox {
        let desk = Desk { book: HashMap::new(), swept: clock.now(), peers: Vec::new() };
        Outbox { clock, desk: Mutex::new(desk) }
    }

    /// Takes up the Alertmanagers of a configuration; outside of direct mode there are none. Those whose settings are
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
            let link = Client::new(&settings.alertmanager, settings.external.clone());
            links.push((settings.clone(), link.map_err(|failure| (settings.label.clone(), failure))?));
        }
        self.exchange(links).await;
        Ok(())
    }

    /// Takes up what the engine found out.
    pub fn update(&self, now: UnixTime, changes: impl IntoIterator<Item = Change>) {
        let mut desk = self.desk();
        let mut news = Vec::new();
        for change in changes {
            match change {
                Change::Told(alert) => {
                    let fingerprint = alert.fingerprint();
                    let known = desk.book.get(&fingerprint);
                    if known.is_some_and(|known| **known == alert) {
                        continue;
                    }
                    if let Some(turn) = turn(known.map(Arc::as_ref), &alert, now) {
                        event::AlertTurned { alert: &alert, turn }.emit();
                    }
                    let alert = Arc::new(alert);
                    desk.book.insert(fingerprint, Arc::clone(&alert));
                    news.push((fingerprint, Some(alert)));
                }
                Change::Withdrawn(fingerprint) => {
                    if let Some(alert) = desk.book.remove(&fingerprint).filter(|alert| alert.ends_at.is_none()) {
                        event::AlertTurned { alert: &alert, turn: event::Turn::Withdrawn }.emit();
                    }
                    news.push((fingerprint, None));
                }
            }
        }
        desk.publish(now, &news);
    }

    /// Sends no more of those that fire and are meant; they lapse, and are never told to have ended.
    pub fn withdraw(&self, now: UnixTime, is_meant: impl Fn(&Notification) -> bool) {
        let gone: Vec<Change> = {
            let desk = self.desk();
            let firing = desk.book.iter().filter(|(_, alert)| alert.ends_at.is_none() && is_meant(alert));
            firing.map(|(at, _)| Change::Withdrawn(*at)).collect()
        };
        self.update(now, gone);
    }

    /// The peers, and how many alerts each is still to be told.
    pub fn waiting(&self) -> Vec<(String, usize)> {
        self.desk().peers.iter().map(|running| (running.peer.label.clone(), running.peer.waiting())).collect()
    }

    /// The newest state of every alert that is not forgotten.
    pub fn known(&self) -> Vec<Arc<Notification>> {
        self.desk().book.values().cloned().collect()
    }

    /// Sends what is not told yet, for 5 s at the most, and ends. Nothing is resolved: what fires lapses, unless the
    /// daemon is back before.
    pub async fn stop(&self) {
        let peers = std::mem::take(&mut self.desk().peers);
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
    pub(super) async fn exchange(&self, links: Vec<(Settings, impl Deliver)>) {
        let gone = {
            let mut desk = self.desk();
            let keep = |running: &Running| links.iter().any(|(settings, _)| *settings == running.settings);
            let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut desk.peers).into_iter().partition(keep);
            desk.peers = kept;
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
        let mut desk = self.desk();
        for (settings, link) in links {
            if desk.peers.iter().all(|running| running.settings != settings) {
                let running = desk.start(self.clock, settings, link);
                desk.peers.push(running);
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Desk {
    fn publish(&mut self, now: UnixTime, news: &[(Fingerprint, Option<Arc<Notification>>)]) {
        if !news.is_empty() {
            for running in &self.peers {
                running.peer.put(now, news.iter().map(|(fingerprint, alert)| (*fingerprint, alert.as_ref())));
            }
        }
        self.swept = self.swept.min(now);
        if now >= self.swept.plus(scaled(SWEEP)) {
            self.swept = now;
            self.book.retain(|_, alert| alert.ends_at.is_none_or(|ended| now <= ended.plus(scaled(RETENTION))));
        }
    }

    fn start(&self, clock: Clock, settings: Settings, link: impl Deliver) -> Running {
        let peer = Arc::new(Peer::new(settings.label.clone(), settings.timing, clock));
        peer.put(clock.now(), self.book.iter().map(|(fingerprint, alert)| (*fingerprint, Some(alert))));
        let stop = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&peer).run(link, stop.clone()));
        Running { peer, settings, stop, task }
    }
}

/// Without an outbox nobody stops the tasks.
impl Drop for Outbox {
    fn drop(&mut self) {
        self.desk().peers.iter().for_each(|running| running.task.abort());
    }
}

/// What is worth a line of an alert that was `known` so far: not a new text, and not what is told again.
fn turn(known: Option<&Notification>, alert: &Notification, now: UnixTime) -> Option<event::Turn> {
    match known {
        Some(known) if known.same_state(alert) => None,
        _ if alert.ends_at.is_some() => Some(event::Turn::Ended),
        // After a restart, or the clock was set back.
        None if alert.starts_at < now => Some(event::Turn::FiresStill),
        Some(known) if known.ends_at.is_none() => Some(event::Turn::FiresStill),
        _ => Some(event::Turn::Fires),
    }
}

/// The settings of each peer. The label of one that has the URL of another gets `#2`, and so on.
fn settings(alerting: &Alerting) -> Vec<Settings> {
    let external: Labels = alerting.external_labels.iter().cloned().collect();
    let mut all: Vec<Settings> = Vec::new();
    for settings in &alerting.alertmanagers {
        let url = alertmanager::label(settings);
        let same = all.iter().filter(|other| alertmanager::label(&other.alertmanager) == url).count();
        let label = if same == 0 { url } else { format!("{url}#{}", same + 1) };
        let (alertmanager, timing, external) = (settings.clone(), Timing::of(alerting), external.clone());
        all.push(Settings { label, alertmanager, timing, external });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::event::Turn;

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
        assert_eq!(turn(None, &fires, start), Some(Turn::Fires));
        let worded = Notification { generator_url: "http://r".to_owned(), ..fires.clone() };
        assert_eq!(turn(Some(&fires), &worded, later), None, "another text");
        assert_eq!(turn(Some(&fires), &ended, later), Some(Turn::Ended));
        assert_eq!(turn(Some(&ended), &ended, later), None);
        assert_eq!(turn(Some(&ended), &alert(later, None), later), Some(Turn::Fires), "a second time");
        assert_eq!(turn(None, &fires, later), Some(Turn::FiresStill), "after a restart");
        assert_eq!(turn(Some(&alert(later, None)), &fires, start), Some(Turn::FiresStill), "the clock was set back");
    }
}
