//! The daemon as a process: the real binary, its log, its signals, its answers.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use reqwest::{Method, StatusCode, header::HeaderMap};

use super::{Exposition, PATIENCE, runtime, wait_until};

/// A running daemon; killed when it is dropped.
pub struct Daemon {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    http: reqwest::Client,
}

/// What the daemon answered.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.envs(variables.iter().copied());
        command.arg("serve").arg("--config.file").arg(config).args(["--log.level", "trace"]).args(flags);
        Daemon::run(command)
    }

    /// `rollcall demo` on a free port: the daemon over a simulated fleet in one process.
    #[track_caller]
    pub fn demo(flags: &[&str]) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        // At 8 o'clock of a day, so that a test sees the same at every hour.
        command.args(["demo", "--clock", "1768464000"]).args(flags);
        Daemon::run(command)
    }

    #[track_caller]
    fn run(mut command: Command) -> Daemon {
        command
            .args(["--web.listen-address", "127.0.0.1:0"])
            // What the machine that runs the tests is told must not reach the daemon.
            .env_remove("STATE_DIRECTORY")
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary was built with this test");
        let stderr = child.stderr.take().expect("it was asked for");
        let log = Arc::new(Mutex::new(String::new()));
        let reader = std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        });
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let http = runtime().block_on(async { http.build() }).expect("a client without options that can be wrong");
        let mut daemon = Daemon { child, url: String::new(), log, reader: Some(reader), http };
        let address = wait_until("the daemon listens", PATIENCE, || {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                std::thread::sleep(Duration::from_millis(100));
                panic!("the daemon ended with {status}:\n{}", daemon.log());
            }
            let log = daemon.log();
            // `Listening. address=127.0.0.1:40123`
            let line = log.lines().find(|line| line.contains("Listening."));
            line.and_then(|line| line.split_once("address=")).map(|(_, rest)| rest.trim().to_owned()).ok_or(log)
        });
        daemon.url = format!("http://{address}");
        daemon
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a request with these headers.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        runtime().block_on(async {
            let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}\n{}", self.log()));
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.expect("a whole body").to_vec();
            Reply { status, headers, body }
        })
    }

    /// A `GET` without headers.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[])
    }

    /// `/metrics`, read.
    #[track_caller]
    pub fn scrape(&self) -> Exposition {
        let reply = self.get("/metrics");
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        Exposition::parse(reply.text())
    }

    /// Scrapes until the condition holds, and returns that scrape. Panics with the last one and the end of the log.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Exposition) -> bool) -> Exposition {
        self.wait_for_within(what, PATIENCE, |exposition| holds(exposition).then_some(()).ok_or_else(String::new))
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
        self.wait_for_within("every target is up", PATIENCE, |exposition| {
            let down = targets.iter().find(|target| exposition.of(target, "rollcall_target_up") != Some(1.0));
            down.map_or(Ok(()), |target| Err(format!("{target}:\n{}", exposition.about(target))))
        })
    }

    /// Waits until a line of the log contains all of these.
    #[track_caller]
    pub fn wait_for_log(&self, parts: &[&str]) -> String {
        wait_until(&format!("a line with {parts:?}"), PATIENCE, || {
            let log = self.log();
            let line = log.lines().find(|line| parts.iter().all(|part| line.contains(part)));
            line.map(str::to_owned).ok_or_else(|| log.clone())
        })
    }

    /// Sends a signal: `HUP`, `TERM`, `INT`, `KILL`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.expect("kill is everywhere").success());
    }

    /// Waits until the process has ended. Returns how, and the whole log.
    #[track_caller]
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_until("the daemon ends", PATIENCE, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}\n{}", self.log())),
        });
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of the log does not panic");
        }
        (status, self.log())
    }

    /// Reloads by SIGHUP and waits until that is done.
    #[track_caller]
    pub fn reload(&self) {
        let done =
            |log: &str| log.matches("Configuration loaded.").count() + log.matches("Configuration refused").count();
        let before = done(&self.log());
        self.signal("HUP");
        wait_until("the reload is done", PATIENCE, || {
            let log = self.log();
            if done(&log) > before { Ok(()) } else { Err(log) }
        });
    }

    /// SIGTERM, and waits for the end. Panics where it is not clean.
    #[track_caller]
    pub fn terminate(self) -> String {
        self.signal("TERM");
        let (status, log) = self.wait();
        assert!(status.success(), "{status}\n{log}");
        log
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(self) -> String {
        self.signal("KILL");
        self.wait().1
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
