//! The daemon: a configuration, the targets that it names, and the way from one configuration to the next.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    alert::engine::task::AlertEvaluator,
    api::logon::{Keeper, Logons},
    clock::{Clock, UnixTime},
    config::{Config, Target},
    descriptors,
    event::{Panicked, panic_text},
    file::private::FileLock,
    http, notify,
    poll::{Clients, Fleet, SavedFleet},
    shard::Shard,
    supervise::supervise,
};

mod error;
mod event;
mod joiner;
pub mod state;
mod state_writer;

pub use error::ConfigError;

use state::{State, StateError, StateFile};

/// A state file that somebody else has for longer is that of another daemon: `probe` writes it in a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A running daemon, without its listeners.
#[derive(Debug)]
pub struct Daemon {
    config_file: PathBuf,
    shard: Option<Shard>,
    config: ArcSwap<Config>,
    /// Targets of the configuration that other shards poll.
    elsewhere: ArcSwap<Vec<Arc<Target>>>,
    fleet: Arc<Fleet>,
    evaluator: Arc<AlertEvaluator>,
    /// Where people reach the daemon.
    external_url: String,
    /// Reloads follow each other.
    reloading: Mutex<()>,
    started: UnixTime,
    stop: CancellationToken,
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    /// The state file is ours while we live.
    _state_lock: Option<FileLock>,
}

impl Daemon {
    /// Starts the targets of the configuration in `config_file`, or this shard of them. `external_url` is where people reach
    /// the daemon, for the links in its alerts. `instance` tells this daemon from others.
    ///
    /// Fails with every error of the configuration, with the target whose certificates cannot be used, or where another
    /// daemon uses the state file.
    pub async fn start(
        config_file: PathBuf,
        shard: Option<Shard>,
        external_url: String,
        instance: String,
    ) -> Result<Arc<Daemon>, ConfigError> {
        let clock = Clock::system();
        let (config, elsewhere) = load(&config_file, shard)?;
        let state_file = config.state_file.clone().map(StateFile::new);
        let state_lock = lock(state_file.as_ref()).await?;
        let mut unreadable = None;
        let mut state = match state_file.as_ref().map(StateFile::load) {
            None => {
                tracing::info!(
                    "No state_file is set: a restart forgets which log-ons are held, and since when agents are as they are."
                );
                State::default()
            }
            Some(Ok(state)) => state,
            Some(Err(error)) => {
                // What could not be read may be readable at the next start: it is not written over.
                let kept = !matches!(error, StateError::Io { .. });
                tracing::error!(%error, kept, "Earlier state is lost.");
                unreadable = Some(error).filter(|_| !kept);
                State::default()
            }
        };
        state.limit(clock.now());
        let State { identities, targets, alerts, .. } = state;
        let keep = |path: &PathBuf| Logons::beside(path, Keeper::Daemon);
        let logons = config.state_file.as_ref().map(keep).unwrap_or_default();
        let fleet = Arc::new(Fleet::with_logons(clock, SavedFleet { identities, targets }, logons));
        let evaluator = Arc::new(AlertEvaluator::new(Arc::clone(&fleet), alerts, external_url.clone(), instance));
        warn(&config);
        expect_servers(&config);
        let clients = Clients::new(&config).map_err(ConfigError::target)?;
        // Before the targets: their first snapshots say already who pages.
        evaluator.apply(&config.alerting).await.map_err(ConfigError::alertmanager)?;
        http::set_max_buffered(config.shared_http.max_buffered);
        fleet.apply(&config, clients);
        event::LinksKnown(&config.alerting.links(&external_url)).emit();
        event::Reloaded { error: None, now: clock.now() }.emit();
        let stop = CancellationToken::new();
        let mut tasks = vec![
            tokio::spawn({
                let (evaluator, stop) = (Arc::clone(&evaluator), stop.clone());
                supervise("alerts", move || Arc::clone(&evaluator).run(stop.clone()))
            }),
            tokio::spawn({
                let (fleet, stop) = (Arc::clone(&fleet), stop.clone());
                supervise("join", move || joiner::run(Arc::clone(fleet.store()), stop.clone()))
            }),
        ];
        match (state_file, unreadable.map(Arc::new)) {
            (Some(_), Some(error)) => {
                let stop = stop.clone();
                tasks.push(tokio::spawn(supervise("state", move || {
                    state_writer::refuse(event::StateWrites::new(), Arc::clone(&error), stop.clone())
                })));
            }
            (Some(file), None) => {
                let (fleet, evaluator, stop) = (Arc::clone(&fleet), Arc::clone(&evaluator), stop.clone());
                tasks.push(tokio::spawn(supervise("state", move || {
                    let (fleet, evaluator) = (Arc::clone(&fleet), Arc::clone(&evaluator));
                    state_writer::run(fleet, evaluator, file.clone(), event::StateWrites::new(), stop.clone())
                })));
            }
            // The counter is there all the same.
            (None, _) => drop(event::StateWrites::new()),
        }
        Ok(Arc::new(Daemon {
            config_file,
            shard,
            config: ArcSwap::from_pointee(config),
            elsewhere: ArcSwap::from_pointee(elsewhere),
            fleet,
            evaluator,
            external_url,
            reloading: Mutex::default(),
            started: clock.now(),
            stop,
            tasks: Mutex::new(tasks),
            _state_lock: state_lock,
        }))
    }

    /// Reads the configuration again. Where it has errors the one before stays, and they are returned. What was begun is
    /// finished, also where nobody waits for it any more: a client may hang up.
    pub async fn reload(self: &Arc<Self>) -> Result<(), String> {
        let daemon = Arc::clone(self);
        let reload = tokio::spawn(async move {
            let _turn = daemon.reloading.lock().await;
            notify::reloading();
            let result = daemon.load_and_apply().await.map_err(|error| error.to_string());
            let now = daemon.fleet.clock().now();
            event::Reloaded { error: result.as_ref().err().map(String::as_str), now }.emit();
            notify::ready();
            result
        });
        match reload.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                let message = panic_text(&*error.into_panic());
                Panicked { task: "reload", subject: None, message }.emit();
                Err("the reload panicked; this is a bug of Rollcall, please report it".to_owned())
            }
            Err(_) => Err("the daemon ends".to_owned()),
        }
    }

    async fn load_and_apply(&self) -> Result<(), ConfigError> {
        let (config, elsewhere) = load(&self.config_file, self.shard)?;
        if config.state_file != self.config.load().state_file {
            tracing::warn!("A changed state_file takes effect at the next start.");
        }
        warn(&config);
        expect_servers(&config);
        // All that can fail comes before the first change.
        let clients = Clients::new(&config).map_err(ConfigError::target)?;
        self.evaluator.apply(&config.alerting).await.map_err(ConfigError::alertmanager)?;
        http::set_max_buffered(config.shared_http.max_buffered);
        self.fleet.apply(&config, clients);
        event::LinksKnown(&config.alerting.links(&self.external_url)).emit();
        self.config.store(Arc::new(config));
        self.elsewhere.store(Arc::new(elsewhere));
        Ok(())
    }

    /// Stops polling, logs sessions off, tells the Alertmanagers what they do not know yet and writes the state file; a few
    /// seconds at the most.
    pub async fn stop(&self) {
        tokio::join!(self.fleet.stop(), self.evaluator.stop());
        self.stop.cancel();
        let tasks = futures_util::future::join_all(self.tasks.lock().await.drain(..));
        let _ = tokio::time::timeout(Duration::from_secs(3), tasks).await;
    }

    /// The targets.
    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// The alerts.
    pub fn evaluator(&self) -> &AlertEvaluator {
        &self.evaluator
    }

    /// The configuration as it runs; of a shard, with its own targets.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// The file that it came from.
    pub fn config_file(&self) -> &PathBuf {
        &self.config_file
    }

    /// Which share of the targets this daemon polls, where it does not poll all.
    pub fn shard(&self) -> Option<Shard> {
        self.shard
    }

    /// Targets of the configuration that other shards poll.
    pub fn elsewhere(&self) -> Arc<Vec<Arc<Target>>> {
        self.elsewhere.load_full()
    }

    /// When the daemon started.
    pub fn started(&self) -> UnixTime {
        self.started
    }
}

/// The right to write the state file. Where the folder gives no such right, every try to write will say so.
async fn lock(file: Option<&StateFile>) -> Result<Option<FileLock>, ConfigError> {
    let Some(file) = file else { return Ok(None) };
    let limit = Instant::now() + BUSY_TIMEOUT;
    loop {
        match file.lock() {
            Ok(lock) => return Ok(Some(lock)),
            Err(StateError::InUse { .. }) if Instant::now() < limit => sleep(BUSY_TIMEOUT / 50).await,
            Err(error @ StateError::Io { .. }) => {
                tracing::warn!(%error, "Nothing keeps a second daemon from the state file.");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads the configuration, and takes out of it the targets that other shards poll.
fn load(file: &Path, shard: Option<Shard>) -> Result<(Config, Vec<Arc<Target>>), ConfigError> {
    let mut config = Config::load(file)?;
    let Some(shard) = shard else { return Ok((config, Vec::new())) };
    let (ours, others): (Vec<_>, Vec<_>) = config.targets.drain(..).partition(|target| shard.has(&target.name));
    tracing::info!(%shard, targets = ours.len(), of = ours.len() + others.len(), "Targets dealt out.");
    config.targets = ours;
    Ok((config, others))
}

fn expect_servers(config: &Config) {
    descriptors::expect_servers(config.targets.len() + config.alerting.alertmanagers.len());
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// The Alertmanagers of whom there are series.
    fn alertmanagers() -> Vec<String> {
        let families = crate::event::gather();
        let family = families.iter().find(|family| family.name() == "rollcall_notifications_queue_length");
        let metrics = family.into_iter().flat_map(|family| family.get_metric());
        metrics.flat_map(|metric| metric.get_label()).map(|label| label.value().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_reload_is_finished_although_whoever_asked_goes_away() {
        let _turn = crate::event::COUNTING_ALERTS.lock().await;
        crate::http::install_crypto();
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = folder.path().join("rollcall.yml");
        let write = |alertmanager: &str| {
            let alerting = format!("alerting: {{ mode: direct, alertmanagers: [{{ url: {alertmanager} }}] }}\n");
            let target = "targets: [{ name: t, vendor: resilio, url: 'http://127.0.0.1:1', interval: 1h }]\n";
            std::fs::write(&file, alerting + target).expect("it can be written");
        };
        let [before, after] = ["http://127.0.0.1:1/before", "http://127.0.0.1:1/after"];
        write(before);
        let daemon = Daemon::start(file.clone(), None, String::new(), String::new()).await.expect("it is valid");
        assert!(alertmanagers().contains(&before.to_owned()));
        write(after);
        assert_eq!(daemon.reload().now_or_never(), None, "it waits for the queue of the former one to end");
        let taken_up = async {
            while !alertmanagers().contains(&after.to_owned()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), taken_up).await.expect("somebody is paged");
        assert!(!alertmanagers().contains(&before.to_owned()));
        daemon.stop().await;
    }
}
