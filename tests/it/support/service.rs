//! A Prometheus or an Alertmanager as a process: it takes a free port, and keeps its address and its data over restarts.

use std::{
    ffi::OsString,
    process::{Child, Command, Stdio},
};

use super::{Answer, ClosedPort, Folder, Version, WAIT_TIMEOUT, ask, listening_port, wait_until};

/// A service; killed when it is dropped.
pub struct Service {
    name: &'static str,
    version: Version,
    args: Vec<OsString>,
    child: Option<Child>,
    port: Option<u16>,
    // Holds the port while the process is away.
    closed: Option<ClosedPort>,
    // Its configuration and data; goes after the process.
    folder: Folder,
}

impl Service {
    /// Starts this program with these arguments, and waits until it is ready.
    #[track_caller]
    pub fn start(name: &'static str, version: Version, folder: Folder, args: Vec<OsString>) -> Service {
        let mut service = Service { name, version, args, child: None, port: None, closed: None, folder };
        service.restart();
        service
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.expect("it was started"))
    }

    /// Its log.
    pub fn log(&self) -> String {
        self.folder.read("log")
    }

    /// Asks it.
    pub fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        ask("GET", &format!("{}{path}", self.url()), &[])
    }

    /// Kills it: what it has not written is lost. Nobody else gets its port.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            self.closed = self.port.map(ClosedPort::at);
        }
    }

    /// Sends a signal: `STOP`, `CONT`, `TERM`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it runs");
        let told = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
        assert!(told.expect("kill is everywhere").success());
    }

    /// Ends it in order: it writes what it knows. Nobody else gets its port.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal("TERM");
        let status = self.child.as_mut().expect("it runs").wait().expect("it is ours");
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
        wait_until(&format!("{} is ready", self.name), WAIT_TIMEOUT, || {
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
        Command::new(self.version.program(self.name))
            .args(&self.args)
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port.unwrap_or(0)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a folder of ours"))
            .spawn()
            .unwrap_or_else(|error| panic!("{} {:?}: {error}; ./tests/run installs it", self.name, self.version))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
