//! A real Alertmanager with the shipped configuration, in which every time is shorter and a [`Receiver`] is at the end of
//! every route. Routes, groups and inhibition are those that are shipped.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rollcall::duration;
use serde_json::{Value, json};

use super::{Answer, ClosedPort, Folder, Receiver, WAIT_TIMEOUT, ask, listening_port, wait_until};

/// A running Alertmanager; killed when it is dropped.
pub struct Alertmanager {
    child: Option<Child>,
    // It takes any port, and keeps it.
    port: Option<u16>,
    // Holds the port while the process is away.
    closed: Option<ClosedPort>,
    // Its configuration and data; goes after the process.
    folder: Folder,
}

impl Alertmanager {
    /// With the shipped configuration, so many times faster.
    #[track_caller]
    pub fn start(receiver: &Receiver, factor: u32) -> Alertmanager {
        Alertmanager::with(&shipped(receiver, factor).to_string())
    }

    /// With this configuration.
    #[track_caller]
    pub fn with(config: &str) -> Alertmanager {
        let folder = Folder::new();
        folder.write("alertmanager.yml", config);
        let mut alertmanager = Alertmanager { child: None, port: None, closed: None, folder };
        alertmanager.restart();
        alertmanager
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.expect("it was started"))
    }

    /// Kills it.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it in order: it remembers whom it has told of what. Nobody else gets its port.
    #[track_caller]
    pub fn stop(&mut self) {
        let child = self.child.as_mut().expect("it runs");
        let told = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        assert!(told.expect("kill is everywhere").success());
        let status = child.wait().expect("it is ours");
        assert!(status.success(), "{status}\n{}", self.log());
        self.child = None;
        self.closed = self.port.map(ClosedPort::at);
    }

    /// Starts it again at the same address with the same data.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        self.closed = None;
        self.child = Some(self.spawn());
        wait_until("Alertmanager is ready", WAIT_TIMEOUT, || {
            // For a moment nobody held the port.
            let ended = self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some()));
            if ended && self.log().contains("address already in use") {
                self.child = Some(self.spawn());
            }
            if self.port.is_none() {
                self.port = Some(listening_port(&self.log()).ok_or_else(|| self.log())?);
            }
            match self.get("/-/ready") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}\n{}", self.log())),
            }
        });
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.file("log"));
        Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", self.folder.file("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", self.folder.file("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port.unwrap_or(0)))
            .args(["--cluster.listen-address=", "--log.level=debug"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a folder of ours"))
            .spawn()
            .expect("prometheus-alertmanager is installed: ./tests/run installs it")
    }

    /// Its log.
    pub fn log(&self) -> String {
        self.folder.read("log")
    }

    /// What it holds at the moment; those that are inhibited have somebody in `status.inhibitedBy`.
    #[track_caller]
    pub fn alerts(&self) -> Vec<Value> {
        let answer = self.get("/api/v2/alerts").expect("it runs");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_str(answer.text()).expect("a list of alerts")
    }

    fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        ask("GET", &format!("{}{path}", self.url()), &[])
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The shipped configuration for a test, so many times faster. JSON is YAML.
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
