//! What a demo writes: its own configuration, and those of a Prometheus and an Alertmanager that go with it, in a folder that goes
//! with the demo.
//!
//! Those two are the shipped ones, with the address of the demo, with times divided as its own are, and with the receiver that
//! prints what Alertmanager sends.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Url;

use super::{FARM, https::Https};
use crate::{
    duration,
    rules::{
        promql::{self, FilePart, Format, Options},
        rule,
    },
    scale,
};
use rollcall_sim::{Simulation, quick_defaults, quick_target};

/// The certificate of the farm, beside the configuration.
const CERTIFICATE: &str = "farm.pem";
/// The shipped configurations.
const PROMETHEUS: &str = include_str!("../../../deploy/prometheus/prometheus.yml");
const ALERTMANAGER: &str = include_str!("../../../deploy/alertmanager/alertmanager.yml");
const TEMPLATE: &str = include_str!("../../../deploy/alertmanager/rollcall.tmpl");
/// Times of these files; what is only a limit stays.
const TIMES: &[&str] =
    &["scrape_interval", "scrape_timeout", "evaluation_interval", "group_wait", "group_interval", "repeat_interval"];

/// A folder of its own that goes with the demo.
pub struct Folder(PathBuf);

/// How to start the two.
pub struct Commands {
    pub prometheus: String,
    pub alertmanager: String,
}

impl Folder {
    /// An empty one.
    pub fn new() -> Result<Folder, String> {
        let path = std::env::temp_dir().join(format!("rollcall-demo-{}", std::process::id()));
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Folder(path)),
            Err(error) => Err(format!("cannot write the demo's configuration: {error}")),
        }
    }

    /// Writes the configuration of the demo.
    pub fn write_own(&self, sim: &Simulation, farm: &Https, alertmanagers: &[Url]) -> Result<PathBuf, String> {
        self.write(CERTIFICATE, &farm.certificate)?;
        self.write("rollcall.yml", &configuration(sim, farm, alertmanagers))
    }

    /// Writes those of Prometheus, which scrapes `daemon`, and of Alertmanager, which posts to `receiver`; both are
    /// HOST:PORT. `alertmanager` is where Alertmanager is to listen.
    pub fn write_alerting(&self, daemon: &str, receiver: &str, alertmanager: &str) -> Result<Commands, String> {
        let rules = promql::render(&rule::resolve(&[]), FilePart::All, Format::Prometheus, &Options::default());
        self.write("rollcall.rules.yml", &rules)?;
        self.write("rollcall.tmpl", TEMPLATE)?;
        let prometheus = divided(PROMETHEUS)
            .replace("targets: [127.0.0.1:10077]", &format!("targets: [{daemon:?}]"))
            .replace("targets: [127.0.0.1:9093]", &format!("targets: [{alertmanager:?}]"));
        let prometheus = self.write("prometheus.yml", &prometheus)?;
        let receivers = divided(ALERTMANAGER)
            .replace("http://pager.example.com/alerts", &format!("http://{receiver}/pager"))
            .replace("http://tickets.example.com/alerts", &format!("http://{receiver}/tickets"))
            .replace("http://switch.example.com/rollcall", &format!("http://{receiver}/switch"));
        let receivers = self.write("alertmanager.yml", &receivers)?;
        let data = |name: &str| argument(&self.0.join(name));
        let seconds = |seconds: u64| go(scale::scaled(Duration::from_secs(seconds)));
        let mut flags = format!(
            "--rules.alert.for-grace-period={} --rules.alert.resend-delay={}",
            seconds(60),
            // Shipped are 170 s.
            seconds(170)
        );
        if scale::factor() > 1 {
            let _ = write!(flags, " --query.lookback-delta={}", seconds(300));
        }
        Ok(Commands {
            prometheus: format!(
                "prometheus --config.file={} --storage.tsdb.path={} {flags}",
                argument(&prometheus),
                data("prometheus")
            ),
            alertmanager: format!(
                "{} --config.file={} --storage.path={} --cluster.listen-address= --web.listen-address={alertmanager}",
                alertmanager_here(),
                argument(&receivers),
                data("alertmanager")
            ),
        })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let file = self.0.join(name);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The configuration of the simulation, with its farm behind TLS, with the Alertmanagers that are to be told, and with quicker polls
/// where everything is quicker.
fn configuration(sim: &Simulation, farm: &Https, alertmanagers: &[Url]) -> String {
    let plain = format!("    url: {}\n", sim.url(FARM));
    let behind = format!("    url: {}\n    http: {{ tls: {{ ca_file: {CERTIFICATE} }} }}\n", farm.url());
    let mut yaml = sim.config_yaml().replace(&plain, &behind);
    if scale::factor() == scale::FAST {
        let (_, targets) = yaml.split_once("targets:\n").expect("the simulation has targets");
        yaml = format!("{}targets:\n{}", quick_defaults(scale::FAST), quick_target(targets, scale::FAST));
    }
    if !alertmanagers.is_empty() {
        yaml += "alerting:\n  mode: direct\n  alertmanagers:\n";
    }
    for url in alertmanagers {
        // A JSON string is one of YAML too. Writing to a String cannot fail.
        let _ = writeln!(yaml, "    - url: {}", serde_json::Value::from(url.as_str()));
    }
    yaml
}

/// What Alertmanager is called on this machine: Debian's package has put its own name before it.
fn alertmanager_here() -> &'static str {
    const DEBIAN: &str = "prometheus-alertmanager";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if !is_here("alertmanager") && is_here(DEBIAN) { DEBIAN } else { "alertmanager" }
}

/// A path as a shell takes it.
fn argument(path: &Path) -> String {
    let path = path.display();
    if path.to_string().contains(' ') { format!("\"{path}\"") } else { path.to_string() }
}

/// A configuration whose times are divided by the scale.
fn divided(yaml: &str) -> String {
    let mut out = String::new();
    for line in yaml.lines() {
        let time = line.split_once(": ").and_then(|(name, value)| {
            let value = duration::parse(value).ok().filter(|_| TIMES.contains(&name.trim()))?;
            Some(format!("{name}: {}", go(scaled_time(name, value))))
        });
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", time.as_deref().unwrap_or(line));
    }
    out
}

/// A scrape takes as long as it takes: its limit is its interval.
fn scaled_time(name: &str, time: Duration) -> Duration {
    match (name.trim(), scale::factor()) {
        (_, 1) => time,
        ("scrape_timeout", _) => scale::scaled(Duration::from_secs(30)),
        _ => scale::scaled(time),
    }
}

/// A time as Prometheus and Alertmanager read it.
fn go(time: Duration) -> String {
    let millis = time.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}
