//! A simulated organisation with a build pool that goes offline, and who is told of it.

use std::{
    fs,
    time::{Duration, Instant},
};

use rollcall_sim::{Fault, Incident};
use serde_json::{Value, json};

use crate::support::{
    Alertmanager, Config, Daemon, FaultProxy, Folder, Receiver, Sim, Target, WAIT_TIMEOUT, wait_until,
};

/// How many times faster everything is that alerting waits for.
pub const FACTOR: u32 = 60;

/// What fires when the build pool is offline, and who is told: one that wakes somebody and one that does not.
pub const BOTH: [(&str, &str); 2] = [("RollcallPoolDown", "pager"), ("RollcallPoolCapacityLow", "tickets")];

/// The pool that goes offline, and its id.
pub const POOL: &str = "linux-build";
const POOL_ID: u32 = 10;

/// `for`: a second. `keep_firing_for`: [`KEPT`].
const OVERRIDES: &str = "overrides: [{ alert: RollcallPoolDown, for: 1m, keep_firing_for: 10m }, \
                         { alert: RollcallPoolCapacityLow, for: 1m, keep_firing_for: 10m }]";

/// How long what ends goes on firing: longer than the few seconds that are missed of a daemon, on a busy machine too.
const KEPT: Duration = Duration::from_secs(600 / FACTOR as u64);

/// Whoever only keeps what fires for [`KEPT`] has let it go after this time.
pub const LET_GO: Duration = Duration::from_secs(KEPT.as_secs() + 3);

/// How often alerts are sent again, before it is divided by [`FACTOR`]. Alertmanager believes for four times as long that
/// an alert fires; a daemon that starts again on a busy machine is back well before.
pub const RESEND: Duration = Duration::from_secs(300);

/// After this time without a word of it Alertmanager takes an alert for ended, with some room.
pub const LAPSE: Duration = Duration::from_secs(4 * RESEND.as_secs() / FACTOR as u64 + 2);

/// The organisation, an Alertmanager and its receiver. Daemons come and go.
pub struct Site {
    pub sim: Sim,
    pub receiver: Receiver,
    pub alertmanager: Alertmanager,
    folder: Folder,
}

impl Site {
    /// All is well, and nobody watches.
    #[track_caller]
    pub fn new() -> Site {
        let receiver = Receiver::start();
        let alertmanager = Alertmanager::with(&routes(&receiver));
        Site { sim: Sim::frozen(), receiver, alertmanager, folder: Folder::new() }
    }

    /// A daemon in direct mode with a state file. `more` are lines of `alerting`, in YAML's flow style.
    #[track_caller]
    pub fn pages(&self, name: &str, more: &str) -> Daemon {
        let peers = format!("[{{ url: '{}' }}]", self.alertmanager.url());
        self.pages_to(name, &peers, RESEND, more)
    }

    /// The same with these Alertmanagers, and with this time from one resend to the next.
    #[track_caller]
    pub fn pages_to(&self, name: &str, peers: &str, resend: Duration, more: &str) -> Daemon {
        let resend = resend.as_secs();
        let alerting = format!(
            "alerting: {{ mode: direct, alertmanagers: {peers}, resend_delay: {resend}s, {more} {OVERRIDES} }}"
        );
        self.daemon(name, &alerting, [Target::azure("builds", &self.sim)])
    }

    /// A daemon that pages and has another target beside the organisation.
    #[track_caller]
    pub fn pages_beside(&self, name: &str, other: Target) -> Daemon {
        let peers = format!("[{{ url: '{}' }}]", self.alertmanager.url());
        let alerting = format!(
            "alerting: {{ mode: direct, alertmanagers: {peers}, resend_delay: {}s, {OVERRIDES} }}",
            RESEND.as_secs()
        );
        self.daemon(name, &alerting, [Target::azure("builds", &self.sim), other])
    }

    /// The state file of this daemon.
    pub fn state_file(&self, name: &str) -> std::path::PathBuf {
        self.folder.file(&format!("{name}/{name}.state"))
    }

    /// A daemon that leaves the paging to Prometheus, and the rules for that.
    #[track_caller]
    pub fn polls(&self, name: &str) -> (Daemon, String) {
        self.polls_at(name, Target::azure("builds", &self.sim))
    }

    /// The same behind a proxy.
    #[track_caller]
    pub fn polls_through(&self, name: &str, proxy: &FaultProxy) -> (Daemon, String) {
        let direct = self.sim.url("azure_devops");
        self.polls_at(name, Target::azure("builds", &self.sim).map("url", |url| url.replace(&direct, proxy.url())))
    }

    /// The same with these lines of `alerting`, in YAML's flow style, of which the rules know nothing.
    #[track_caller]
    pub fn polls_linked(&self, name: &str, more: &str) -> (Daemon, String) {
        let daemon = self.daemon(name, &format!("alerting: {{ {more} }}"), [Target::azure("builds", &self.sim)]);
        let plain = self.folder.write("plain.yml", &format!("targets: []\nalerting: {{ {OVERRIDES} }}\n"));
        let factor = FACTOR.to_string();
        let args = ["rules", "--config.file", plain.to_str().expect("a plain name"), "--time-scale", &factor];
        (daemon, crate::program::rollcall(&args).expect(0).out)
    }

    #[track_caller]
    fn polls_at(&self, name: &str, target: Target) -> (Daemon, String) {
        let daemon = self.daemon(name, &format!("alerting: {{ {OVERRIDES} }}"), [target]);
        let file = self.folder.file(&format!("{name}/rollcall.yml"));
        let factor = FACTOR.to_string();
        let args = ["rules", "--config.file", file.to_str().expect("a plain name"), "--time-scale", &factor];
        (daemon, crate::program::rollcall(&args).expect(0).out)
    }

    #[track_caller]
    fn daemon(&self, name: &str, alerting: &str, targets: impl IntoIterator<Item = Target>) -> Daemon {
        let config = Config::with_defaults("{ interval: 1s, timeout: 5s, stale_after: 7s }")
            .head(&format!("state_file: {name}.state"))
            .head(alerting)
            .targets(targets)
            .yaml();
        let config = self.folder.write(&format!("{name}/rollcall.yml"), &config);
        let factor = FACTOR.to_string();
        Daemon::with_flags(&config, &["--time-scale", &factor])
    }

    /// Every agent of the pool goes offline.
    pub fn begin(&self) {
        self.sim.world().begin(Incident::BuildPoolOffline);
    }

    /// They are back.
    pub fn end(&self) {
        self.sim.world().end(Incident::BuildPoolOffline);
    }

    /// Nothing of the organisation can be read any more.
    pub fn blind(&self) {
        self.sim.fail("azure_devops", "/_apis/", Fault::Status(503, "", "text/plain"));
    }

    /// The agents of the pool must not be read any more.
    pub fn forbid(&self) {
        self.sim.fail("azure_devops", &format!("/pools/{POOL_ID}/agents"), Fault::Status(403, "", "text/plain"));
    }

    /// Everything can be read again.
    pub fn heal(&self) {
        self.sim.heal("azure_devops");
    }

    /// Waits until the state file of this daemon says that both alerts fire: what a kill leaves.
    #[track_caller]
    pub fn wait_until_saved(&self, name: &str) {
        wait_until("both are saved", WAIT_TIMEOUT, || {
            let text = fs::read_to_string(self.state_file(name)).unwrap_or_default();
            let state: Value = serde_json::from_str(&text).unwrap_or_default();
            let alerts = state["alerts"]["targets"]["builds"]["alerts"].as_array().into_iter().flatten();
            let firing: Vec<&str> =
                alerts.filter(|alert| !alert["fired"].is_null()).filter_map(|alert| alert["alert"].as_str()).collect();
            if BOTH.iter().all(|(alert, _)| firing.contains(alert)) { Ok(()) } else { Err(text) }
        });
    }

    /// What the receiver was told of an alert, in order: whether it fires.
    pub fn story(&self, alert: &str, receiver: &str) -> Vec<bool> {
        let notes = self.receiver.of(receiver);
        let told = notes.iter().flat_map(|note| &note.alerts).filter(|told| told.label("alertname") == alert);
        told.map(|told| told.firing).collect()
    }

    /// Waits until both alerts have this story.
    #[track_caller]
    pub fn wait_for(&self, what: &str, story: &[bool]) {
        wait_until(what, WAIT_TIMEOUT, || match self.differs(story) {
            None => Ok(()),
            Some(said) => Err(said),
        });
    }

    /// Both alerts have this story now, and go on having it for this time.
    #[track_caller]
    pub fn stays(&self, time: Duration, story: &[bool]) {
        let begun = Instant::now();
        loop {
            if let Some(said) = self.differs(story) {
                panic!("after {:?}: {said}", begun.elapsed());
            }
            if begun.elapsed() > time {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn differs(&self, story: &[bool]) -> Option<String> {
        let other = BOTH.iter().find(|(alert, receiver)| self.story(alert, receiver) != story)?;
        Some(format!("{other:?} should have the story {story:?}\n{}", self.receiver.protocol()))
    }
}

/// Everything at once, nothing twice: each notification is the beginning or the end of an alert. JSON is YAML.
pub fn routes(receiver: &Receiver) -> String {
    let routes = BOTH.map(|(alert, name)| json!({ "matchers": [format!("alertname={alert:?}")], "receiver": name }));
    let receivers = BOTH.map(|(_, name)| json!({ "name": name, "webhook_configs": [{ "url": receiver.url(name) }] }));
    let mut receivers = receivers.to_vec();
    receivers.push(json!({ "name": "nobody" }));
    let config = json!({
        "route": {
            "receiver": "nobody",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "200ms",
            "repeat_interval": "24h",
            "routes": routes,
        },
        "receivers": receivers,
    });
    config.to_string()
}
