//! The binary as a program: a command that runs to its end, and the commands that run until they are stopped.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use crate::support::{WAIT_TIMEOUT, wait_until};

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
    out: Pipe,
    err: Pipe,
}

impl Running {
    /// Starts a command.
    #[track_caller]
    pub fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; ./tests/run installs it"));
        let out = Pipe::of(child.stdout.take().expect("it was asked for"));
        let err = Pipe::of(child.stderr.take().expect("it was asked for"));
        Running { child, out, err }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        self.err.text()
    }

    /// Waits until the standard output contains this, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) -> String {
        self.wait_until(part, |running| Some(running.out()).filter(|out| out.contains(part)))
    }

    /// Waits until this finds something in what was said so far. Panics where the command ends without it.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, find: impl Fn(&Running) -> Option<T>) -> T {
        wait_until(what, WAIT_TIMEOUT, || {
            let ended = self.ended();
            find(self).ok_or_else(|| {
                let said = format!("{}\n{}", self.out(), self.err());
                assert!(ended.is_none(), "it ended with {ended:?}:\n{said}");
                said
            })
        })
    }

    /// How it ended, if it has; then all that it said is there.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("a child of ours")?;
        [&mut self.out, &mut self.err].into_iter().for_each(Pipe::end);
        Some(status)
    }

    /// A field of `/proc/<pid>/status` in KiB, e.g. `VmHWM`.
    #[track_caller]
    pub fn memory_kib(&self, field: &str) -> u64 {
        self.field(field)
    }

    /// The number of a field of `/proc/<pid>/status`, e.g. `Threads`.
    #[track_caller]
    pub fn field(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("Linux, and it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{field} in\n{status}"))
    }

    /// The time on a processor that it has taken so far.
    #[track_caller]
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("Linux, and it runs");
        // Behind the name, which may hold anything: state, …, utime and stime in hundredths of a second (proc(5)).
        let fields = stat.rsplit_once(')').expect("the name stands in parentheses").1.split_whitespace();
        let ticks = fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum::<u64>();
        Duration::from_millis(10 * ticks)
    }

    /// Sends a signal: `HUP`, `TERM`, `INT`, `KILL`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(status.expect("kill is everywhere").success());
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait_until("it ends", WAIT_TIMEOUT, || self.ended().ok_or_else(|| self.err()))
    }

    /// Waits until it has ended, and takes what it said.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let status = self.wait_for_end();
        Ended { code: status.code().unwrap_or(-1), out: self.out(), err: self.err() }
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub fn terminate(self) -> Ended {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command says, collected while it runs.
struct Pipe {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Pipe {
    fn of(stream: impl Read + Send + 'static) -> Pipe {
        let text = Arc::<Mutex<String>>::default();
        let all = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut all = all.lock().expect("no test panics with it");
                all.push_str(&String::from_utf8_lossy(&line));
                all.push('\n');
            }
        });
        Pipe { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().expect("no test panics with it").clone()
    }

    /// Waits for the rest of what a command said that has ended.
    fn end(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a reader does not panic");
        }
    }
}
