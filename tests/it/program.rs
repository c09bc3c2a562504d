//! The binary as a program: a command that runs to its end, and the commands that run until they are stopped.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use crate::support::{Exposition, PATIENCE, runtime, wait_until};

/// `rollcall`, and nothing of what the machine that runs the tests is told by its environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROLLCALL_") {
            command.env_remove(name);
        }
    }
    command.env_remove("STATE_DIRECTORY").env("NO_PROXY", "*").stdin(Stdio::null());
    command
}

/// Runs `rollcall` with these arguments to its end.
pub fn rollcall(args: &[&str]) -> Ended {
    Ended::of(command().args(args).output().expect("the binary was built with this test"))
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Takes what a process left.
    pub fn of(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("programs say UTF-8");
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Panics unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// Feeds a program and waits for its end: `promtool`, `gzip`, Python.
#[track_caller]
pub fn filter(program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}; ./tests/run installs it"));
    let mut stdin = child.stdin.take().expect("it was asked for");
    std::thread::scope(|scope| {
        // A program that ends early breaks the pipe; what it said tells more.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().expect("the output of a child of ours")
    })
}

/// A command that runs until it is stopped; killed when it is dropped.
pub struct Running {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; ./tests/run installs it"));
        let out = collect(child.stdout.take().expect("it was asked for"));
        let err = collect(child.stderr.take().expect("it was asked for"));
        Running { child, out, err }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// Waits until the standard output contains this, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) -> String {
        wait_until(part, PATIENCE, || {
            let out = self.out();
            match (out.contains(part), self.child.try_wait()) {
                (true, _) => Ok(out),
                (false, Ok(Some(status))) => panic!("it ended with {status}:\n{out}\n{}", self.err()),
                _ => Err(format!("{out}\n{}", self.err())),
            }
        })
    }

    /// A field of `/proc/<pid>/status` in KiB, e.g. `VmHWM`.
    #[track_caller]
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("Linux, and it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{field} in\n{status}"))
    }

    /// SIGTERM, then its exit code and how it ended.
    #[track_caller]
    pub fn terminate(mut self) -> Ended {
        let kill = Command::new("kill").arg(self.pid().to_string()).status().expect("kill is everywhere");
        assert!(kill.success());
        let status = wait_until("it ends", PATIENCE, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        Ended { code: status.code().unwrap_or(-1), out: self.out(), err: self.err() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&text);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let mut all = all.lock().unwrap();
            all.push_str(&String::from_utf8_lossy(&line));
            all.push('\n');
        }
    });
    text
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came: nothing unpacks it.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// One request with these headers. Nothing is followed, unpacked or sent through a proxy.
#[track_caller]
pub fn http(method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    runtime().block_on(async {
        let client = client.timeout(PATIENCE).build().expect("a client without options that can be wrong");
        let request = headers.iter().fold(client.request(method, url), |request, (n, v)| request.header(*n, *v));
        let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap_or_else(|error| panic!("{url}: {error:?}")).to_vec();
        Answer { status, headers, body }
    })
}

/// `rollcall demo` on a free port.
pub struct Demo {
    /// The process.
    pub process: Running,
    /// `http://127.0.0.1:40123`
    pub url: String,
    /// Where it keeps its files: who is killed does not tidy up.
    _folder: tempfile::TempDir,
}

impl Demo {
    /// Starts it with more flags.
    #[track_caller]
    pub fn start(flags: &[&str]) -> Demo {
        let mut command = command();
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        command.args(["demo", "--web.listen-address", "127.0.0.1:0"]).args(flags).env("TMPDIR", folder.path());
        let mut process = Running::start(&mut command);
        let said = process.wait_for("/metrics  metrics");
        let line = said.lines().find_map(|line| line.trim().strip_suffix("/metrics  metrics"));
        let url = line.unwrap_or_else(|| panic!("no address of /metrics in\n{said}")).to_owned();
        Demo { process, url, _folder: folder }
    }

    /// A `GET` without headers.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        http("GET", &format!("{}{path}", self.url), &[])
    }

    /// `/metrics`, read.
    #[track_caller]
    pub fn scrape(&self) -> Exposition {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Exposition::parse(answer.text())
    }

    /// Waits until every target was polled with success.
    #[track_caller]
    pub fn wait_until_up(&self) -> Exposition {
        wait_until("every target is up", 2 * PATIENCE, || {
            let exposition = self.scrape();
            let all = exposition.all("rollcall_target_info", &[]);
            let up = |target| exposition.of(target, "rollcall_target_up") == Some(1.0);
            let down: Vec<&str> =
                all.iter().map(|sample| sample.label("target")).filter(|target| !up(target)).collect();
            if !all.is_empty() && down.is_empty() {
                return Ok(exposition.clone());
            }
            Err(format!("down: {down:?}\n{}", self.process.err()))
        })
    }
}
