//! A real Prometheus that scrapes the daemon every second.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::{Folder, Service, Version, wait_until};

/// A running Prometheus; killed when it is dropped.
pub struct Prometheus(Service);

/// A series of an answer with its newest value.
#[derive(Debug, Clone)]
pub struct Series {
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Value.
    pub value: f64,
}

impl Prometheus {
    /// Scrapes the daemon at this address, `http://127.0.0.1:40123`, and evaluates these rules.
    #[track_caller]
    pub fn start(daemon: &str, rules: &str) -> Prometheus {
        Prometheus::run(Version::Stable, &[daemon], rules, "1s", "", &[])
    }

    /// Scrapes these daemons and evaluates these rules, both every minute, and tells this Alertmanager, every `resend` once
    /// more; all this many times faster. The installed one.
    #[track_caller]
    pub fn alerting(daemons: &[&str], rules: &str, alertmanager: &str, factor: u32, resend: Duration) -> Prometheus {
        Prometheus::alerting_all(Version::Stable, daemons, rules, &[alertmanager], factor, resend)
    }

    /// The same of this version, with these Alertmanagers.
    #[track_caller]
    pub fn alerting_all(
        version: Version,
        daemons: &[&str],
        rules: &str,
        alertmanagers: &[&str],
        factor: u32,
        resend: Duration,
    ) -> Prometheus {
        let time = |seconds: u32| format!("{}ms", seconds * 1000 / factor);
        let resend = format!("{}ms", (resend / factor).as_millis());
        let addresses: Vec<&str> = alertmanagers.iter().map(|url| url.trim_start_matches("http://")).collect();
        let alerting = format!(
            "alerting:\n  alertmanagers:\n    - api_version: v2\n      static_configs: [{{ targets: {addresses:?} }}]\n"
        );
        // But for the resends, and for the grace period that is shipped, its own defaults.
        let flags = [
            format!("--query.lookback-delta={}", time(300)),
            format!("--rules.alert.resend-delay={resend}"),
            format!("--rules.alert.for-grace-period={}", time(60)),
            format!("--rules.alert.for-outage-tolerance={}", time(3600)),
        ];
        Prometheus::run(version, daemons, rules, &time(60), &alerting, &flags)
    }

    #[track_caller]
    fn run(
        version: Version,
        daemons: &[&str],
        rules: &str,
        every: &str,
        alerting: &str,
        flags: &[String],
    ) -> Prometheus {
        let folder = Folder::new();
        let addresses: Vec<&str> = daemons.iter().map(|daemon| daemon.trim_start_matches("http://")).collect();
        let rules = folder.write("rules.yml", rules);
        let config = folder.write(
            "prometheus.yml",
            &format!(
                "global: {{ scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: {every} }}\n\
                 rule_files: [{:?}]\n{alerting}\
                 scrape_configs:\n  - job_name: rollcall\n    static_configs: [{{ targets: {addresses:?} }}]\n",
                rules.display().to_string(),
            ),
        );
        let mut args = vec![
            format!("--config.file={}", config.display()).into(),
            format!("--storage.tsdb.path={}", folder.file("data").display()).into(),
        ];
        args.extend(flags.iter().map(Into::into));
        Prometheus(Service::start("prometheus", version, folder, args))
    }

    /// What the expression gives now. An error is Prometheus' own word.
    pub fn now(&self, expr: &str) -> Result<Vec<Series>, String> {
        self.ask(&format!("/api/v1/query?query={}", encoded(expr)), "value")
    }

    /// What the expression gives over the last two minutes; the value is the newest.
    pub fn lately(&self, expr: &str) -> Result<Vec<Series>, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let path = format!("/api/v1/query_range?query={}&start={}&end={now}&step=5", encoded(expr), now - 120);
        self.ask(&path, "values")
    }

    /// How many evaluations of rules it has left out since it started, as the one before took too long: alerts that were not
    /// sent again in time have ended then.
    pub fn missed_evaluations(&self) -> f64 {
        let answer = self.get("/metrics").expect("it runs");
        let missed =
            answer.text().lines().filter(|line| line.starts_with("prometheus_rule_group_iterations_missed_total"));
        missed.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a sample")).sum()
    }

    fn ask(&self, path: &str, field: &str) -> Result<Vec<Series>, String> {
        let reply = self.get(path).map_err(|error| error.to_string())?;
        let text = reply.text();
        let answer: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
        if reply.status != 200 {
            return Err(answer["error"].as_str().unwrap_or(text).to_owned());
        }
        let none = Vec::new();
        let list = answer["data"]["result"].as_array().unwrap_or(&none);
        let series = list.iter().map(|series| {
            let labels = series["metric"].as_object().into_iter().flatten();
            let point = if field == "value" { &series["value"] } else { &series["values"][last(&series["values"])] };
            Series {
                labels: labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or("").to_owned())).collect(),
                value: point[1].as_str().and_then(|value| value.parse().ok()).unwrap_or(f64::NAN),
            }
        });
        Ok(series.collect())
    }
}

fn last(values: &Value) -> usize {
    values.as_array().map_or(0, |values| values.len().saturating_sub(1))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl Prometheus {
    /// Waits until the condition holds.
    #[track_caller]
    pub fn wait_for(&self, what: &str, within: Duration, mut holds: impl FnMut(&Prometheus) -> Result<(), String>) {
        wait_until(what, within, || holds(self));
    }
}

impl Deref for Prometheus {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.0
    }
}

impl DerefMut for Prometheus {
    fn deref_mut(&mut self) -> &mut Service {
        &mut self.0
    }
}
