//! The daemon as a process: the real binary, its log, its signals, its answers.

use std::{path::Path, process::Command, time::Duration};

use super::{Answer, Exposition, WAIT_TIMEOUT, ask, wait_until};
use crate::program::{Ended, Running, command};

/// A running daemon; killed when it is dropped.
pub struct Daemon {
    /// Its process.
    pub process: Running,
    url: String,
    // What it was started with.
    command: Box<dyn Fn() -> Command + Send>,
    // Where a demo keeps its files: who is killed does not tidy up. Goes after the process.
    _folder: Option<tempfile::TempDir>,
}

impl Daemon {
    /// `rollcall serve` with this configuration on a free port, logging everything.
    #[track_caller]
    pub fn start(config: &Path) -> Daemon {
        Daemon::with_flags(config, &[])
    }

    /// The same with more flags.
    #[track_caller]
    pub fn with_flags(config: &Path, flags: &[&str]) -> Daemon {
        Daemon::with_environment(config, flags, &[])
    }

    /// The same with these variables.
    #[track_caller]
    pub fn with_environment(config: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
        let (config, flags) = (config.to_owned(), owned(flags));
        let variables: Vec<(String, String)> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let serve = move || {
            let mut command = command();
            command.envs(variables.iter().cloned());
            command.arg("serve").arg("--config.file").arg(&config).args(["--log.level", "trace"]).args(&flags);
            command
        };
        Daemon::run(serve, None)
    }

    /// The same for a long run: it logs what people read only.
    #[track_caller]
    pub fn logging_little(config: &Path, flags: &[&str]) -> Daemon {
        let config = config.to_owned();
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let serve = move || {
            let mut command = command();
            command.arg("serve").arg("--config.file").arg(&config).args(&flags);
            command
        };
        Daemon::run(serve, None)
    }

    /// The same, started by a shell that has run this before: `ulimit -n 64`.
    #[track_caller]
    pub fn after(script: &str, config: &Path, flags: &[&str]) -> Daemon {
        let script = format!("{script}; exec \"$0\" \"$@\"");
        let (config, flags) = (config.to_owned(), flags.iter().map(|&flag| flag.to_owned()).collect::<Vec<String>>());
        let serve = move || {
            let rollcall = command();
            let mut shell = Command::new("sh");
            for (name, value) in rollcall.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            shell.stdin(std::process::Stdio::null()).arg("-c").arg(&script).arg(rollcall.get_program());
            shell.arg("serve").arg("--config.file").arg(&config).args(&flags);
            shell
        };
        Daemon::run(serve, None)
    }

    /// `rollcall demo` on a free port: the daemon over a simulated fleet in one process.
    #[track_caller]
    pub fn demo(flags: &[&str]) -> Daemon {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let temporary = folder.path().to_owned();
        let demo = move || {
            let mut command = command();
            command.arg("demo").args(&flags).env("TMPDIR", &temporary);
            command
        };
        Daemon::run(demo, Some(folder))
    }

    #[track_caller]
    fn run(command: impl Fn() -> Command + Send + 'static, folder: Option<tempfile::TempDir>) -> Daemon {
        let (process, url) = listen(command(), "127.0.0.1:0");
        Daemon { process, url, command: Box::new(command), _folder: folder }
    }

    /// SIGKILL, and starts it again with what it was started with, at its address. What it logged before is gone.
    #[track_caller]
    pub fn kill_and_restart(&mut self) {
        self.signal("KILL");
        self.process.wait_for_end();
        // For a moment nobody holds the port; that somebody takes just this one is not provided for.
        (self.process, self.url) = listen((self.command)(), self.url.trim_start_matches("http://"));
    }

    /// SIGKILL; starts it and kills it again after this time, wherever it is then; and starts it once more.
    #[track_caller]
    pub fn kill_twice_and_restart(&mut self, after: Duration) {
        self.signal("KILL");
        self.process.wait_for_end();
        let address = self.url.trim_start_matches("http://").to_owned();
        let brief = Running::start((self.command)().args(["--web.listen-address", &address]));
        std::thread::sleep(after);
        drop(brief);
        (self.process, self.url) = listen((self.command)(), &address);
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        self.process.err()
    }

    /// Sends a request with these headers.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(method, &format!("{}{path}", self.url), headers)
            .unwrap_or_else(|error| panic!("{path}: {error:?}\n{}", self.log()))
    }

    /// A `GET` without headers.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    /// `/metrics`, read.
    #[track_caller]
    pub fn scrape(&self) -> Exposition {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Exposition::parse(answer.text())
    }

    /// Scrapes until the condition holds, and returns that scrape. Panics with the last one and the end of the log.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Exposition) -> bool) -> Exposition {
        self.wait_for_within(what, WAIT_TIMEOUT, |exposition| holds(exposition).then_some(()).ok_or_else(String::new))
    }

    /// The same with a time of its own, and with words for what is still missing.
    #[track_caller]
    pub fn wait_for_within(
        &self,
        what: &str,
        timeout: Duration,
        mut holds: impl FnMut(&Exposition) -> Result<(), String>,
    ) -> Exposition {
        wait_until(what, timeout, || {
            let exposition = self.scrape();
            match holds(&exposition) {
                Ok(()) => Ok(exposition),
                Err(missing) => {
                    let log = self.log();
                    let shown = log.lines().rev().filter(|line| !line.contains("Request answered.")).take(60);
                    let log: Vec<&str> = shown.collect::<Vec<_>>().into_iter().rev().collect();
                    // Where it is said what is missing, that is shorter than everything.
                    let all = if missing.is_empty() { exposition.text } else { String::new() };
                    Err(format!("{all}\n{}\n{missing}", log.join("\n")))
                }
            }
        })
    }

    /// Waits until every one of these targets was polled with success.
    #[track_caller]
    pub fn wait_until_up(&self, targets: &[&str]) -> Exposition {
        self.wait_for_within("every target is up", WAIT_TIMEOUT, |exposition| {
            let down = targets.iter().find(|target| exposition.of(target, "rollcall_target_up") != Some(1.0));
            down.map_or(Ok(()), |target| Err(format!("{target}:\n{}", exposition.about(target))))
        })
    }

    /// Waits until every target was polled with success, whatever their names are.
    #[track_caller]
    pub fn wait_until_all_up(&self) -> Exposition {
        self.wait_for_within("every target is up", 2 * WAIT_TIMEOUT, |exposition| {
            let targets = exposition.all("rollcall_target_info", &[]).into_iter().map(|sample| sample.label("target"));
            let up = exposition.all("rollcall_target_up", &[]).into_iter().filter(|sample| sample.value == 1.0);
            let up: Vec<&str> = up.map(|sample| sample.label("target")).collect();
            let down: Vec<&str> = targets.filter(|target| !up.contains(target)).collect();
            if !up.is_empty() && down.is_empty() { Ok(()) } else { Err(format!("down: {down:?}")) }
        })
    }

    /// Waits until a line of the log contains all of these.
    #[track_caller]
    pub fn wait_for_log(&self, parts: &[&str]) -> String {
        wait_until(&format!("a line with {parts:?}"), WAIT_TIMEOUT, || {
            let log = self.log();
            let line = log.lines().find(|line| parts.iter().all(|part| line.contains(part)));
            line.map(str::to_owned).ok_or_else(|| log.clone())
        })
    }

    /// Sends a signal: `HUP`, `TERM`, `INT`, `KILL`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.process.wait()
    }

    /// Reloads by SIGHUP and waits until that is done.
    #[track_caller]
    pub fn reload(&self) {
        let done =
            |log: &str| log.matches("Configuration loaded.").count() + log.matches("Configuration refused").count();
        let before = done(&self.log());
        self.signal("HUP");
        wait_until("the reload is done", WAIT_TIMEOUT, || {
            let log = self.log();
            if done(&log) > before { Ok(()) } else { Err(log) }
        });
    }

    /// SIGTERM, and waits for the end. Panics where it is not clean. Returns the whole log.
    #[track_caller]
    pub fn terminate(self) -> String {
        self.process.terminate().expect(0).err
    }

    /// SIGKILL, and waits for the end. Returns the whole log.
    #[track_caller]
    pub fn kill(self) -> String {
        self.signal("KILL");
        self.wait().err
    }
}

/// Starts the command with this address, and waits until it listens: the process and its URL.
#[track_caller]
fn listen(mut command: Command, address: &str) -> (Running, String) {
    let mut process = Running::start(command.args(["--web.listen-address", address]));
    let address = process.wait_until("the daemon listens", |process| {
        // `Listening. address=127.0.0.1:40123`
        let log = process.err();
        let line = log.lines().find(|line| line.contains("Listening."))?;
        Some(line.split_once("address=")?.1.trim().to_owned())
    });
    (process, format!("http://{address}"))
}
