//! A real Alertmanager with the shipped configuration, in which every time is shorter and a [`Receiver`] is at the end of
//! every route. Routes, groups and inhibition are those that are shipped.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    time::Duration,
};

use rollcall::duration;
use serde_json::{Value, json};

use super::{Folder, Receiver, Service, Version};

/// A running Alertmanager; killed when it is dropped.
pub struct Alertmanager(Service);

impl Alertmanager {
    /// With the shipped configuration, this many times faster, and these flags.
    #[track_caller]
    pub fn start(version: Version, receiver: &Receiver, factor: u32, flags: &[String]) -> Alertmanager {
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--cluster.listen-address="]).collect();
        Alertmanager::with_flags(version, &shipped(receiver, factor).to_string(), &flags)
    }

    /// The installed one with this configuration.
    #[track_caller]
    pub fn with(config: &str) -> Alertmanager {
        Alertmanager::with_flags(Version::Stable, config, &["--cluster.listen-address="])
    }

    /// With this configuration and these flags.
    #[track_caller]
    pub fn with_flags(version: Version, config: &str, flags: &[&str]) -> Alertmanager {
        let folder = Folder::new();
        let config = folder.write("alertmanager.yml", config);
        let mut args = vec![
            format!("--config.file={}", config.display()).into(),
            format!("--storage.path={}", folder.file("data").display()).into(),
            "--log.level=debug".into(),
        ];
        args.extend(flags.iter().map(Into::into));
        Alertmanager(Service::start("prometheus-alertmanager", version, folder, args))
    }

    /// What it holds at the moment; those that are inhibited have somebody in `status.inhibitedBy`.
    #[track_caller]
    pub fn alerts(&self) -> Vec<Value> {
        let answer = self.get("/api/v2/alerts").expect("it runs");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_str(answer.text()).expect("a list of alerts")
    }
}

impl Deref for Alertmanager {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.0
    }
}

impl DerefMut for Alertmanager {
    fn deref_mut(&mut self) -> &mut Service {
        &mut self.0
    }
}

/// The shipped configuration for a test, this many times faster. JSON is YAML.
pub fn shipped(receiver: &Receiver, factor: u32) -> Value {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/alertmanager/alertmanager.yml");
    let text = std::fs::read_to_string(&shipped).expect("it is committed");
    let mut config: Value = serde_saphyr::from_str(&text).expect("it is YAML");
    quicken(&mut config["route"], factor);
    quicken(&mut config["global"], factor);
    config["templates"] = json!([shipped.with_file_name("rollcall.tmpl")]);
    for shipped in config["receivers"].as_array_mut().into_iter().flatten() {
        let name = shipped["name"].as_str().expect("receivers have names").to_owned();
        let webhook = shipped["webhook_configs"].as_array_mut().into_iter().flatten();
        webhook.for_each(|webhook| webhook["url"] = receiver.url(&name).into());
    }
    config
}

/// All times of a route and of those below it, or those of the global section.
fn quicken(section: &mut Value, factor: u32) {
    for name in ["group_wait", "group_interval", "repeat_interval", "resolve_timeout"] {
        if let Some(time) = section.get(name).and_then(Value::as_str) {
            let time = duration::parse(time).expect("a duration");
            section[name] = go(time / factor).into();
        }
    }
    if let Some(routes) = section.get_mut("routes").and_then(Value::as_array_mut) {
        routes.iter_mut().for_each(|route| quicken(route, factor));
    }
}

fn go(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}
