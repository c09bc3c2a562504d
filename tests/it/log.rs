//! Whatever becomes of the log and of what is printed: nothing fails of it, and nothing waits for it.
//!
//! stderr and stdout are a pipe whose reader is gone, a pipe that is full and that nobody reads, and a disk that is full.

use std::{
    fs::{self, File},
    io::{PipeReader, Read, Write, pipe},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rollcall_sim::Fault;

use crate::{
    program::{command, rollcall},
    support::{ClosedPort, Config, Exposition, Folder, Sim, Target, WAIT_TIMEOUT, ask, wait_until},
};

/// What a stream can come to.
#[derive(Debug, Clone, Copy)]
enum Broken {
    /// The reader is gone: `| head`, `| logger` that has died.
    Closed,
    /// The reader has stopped, and the pipe is full.
    Unread,
    /// The disk is full.
    Full,
}

const BROKEN: [Broken; 3] = [Broken::Closed, Broken::Unread, Broken::Full];

impl Broken {
    /// Such a stream; the reader of the one that nobody reads has to live.
    fn stream(self) -> (Stdio, Option<PipeReader>) {
        let (reader, mut writer) = pipe().expect("there are pipes");
        match self {
            Broken::Closed => (writer.into(), None),
            Broken::Full => (File::options().write(true).open("/dev/full").expect("Linux").into(), None),
            Broken::Unread => {
                // What fits into a pipe of Linux, unless somebody has made it larger.
                writer.write_all(&[b'x'; 64 * 1024]).expect("there is room");
                (writer.into(), Some(reader))
            }
        }
    }
}

/// A process that nobody listens to; killed when it is dropped.
struct Unheard {
    child: Child,
    _readers: [Option<PipeReader>; 2],
}

impl Unheard {
    #[track_caller]
    fn start(command: &mut Command, broken: Broken) -> Unheard {
        let ((out, one), (err, other)) = (broken.stream(), broken.stream());
        let child = command.stdout(out).stderr(err).spawn().expect("the binary was built with this test");
        Unheard { child, _readers: [one, other] }
    }

    #[track_caller]
    fn ended(&mut self, what: &str) -> ExitStatus {
        wait_until(what, WAIT_TIMEOUT, || {
            self.child.try_wait().expect("a child of ours").ok_or_else(|| "it runs".to_owned())
        })
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill is everywhere").success());
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon that says nothing, found by the port that was free a moment ago.
struct UnheardDaemon {
    process: Unheard,
    url: String,
}

impl UnheardDaemon {
    #[track_caller]
    fn start(broken: Broken, args: &[&str], what: &str) -> UnheardDaemon {
        let url = ClosedPort::any().url().to_owned();
        let address = url.trim_start_matches("http://");
        let process = Unheard::start(command().args(args).args(["--web.listen-address", address]), broken);
        let mut daemon = UnheardDaemon { process, url };
        wait_until(&format!("{what} answers"), WAIT_TIMEOUT, || {
            let ended = daemon.process.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{what} ended with {ended:?}");
            ask("GET", &format!("{}/-/healthy", daemon.url), &[]).map_err(|error| format!("{error:?}"))
        });
        daemon
    }

    #[track_caller]
    fn wait_for(&self, what: &str, holds: impl Fn(&Exposition) -> bool) -> Exposition {
        wait_until(what, WAIT_TIMEOUT, || {
            let answer = ask("GET", &format!("{}/metrics", self.url), &[]).map_err(|error| format!("{error:?}"))?;
            let exposition = Exposition::parse(answer.text());
            if holds(&exposition) { Ok(exposition) } else { Err(exposition.text) }
        })
    }

    #[track_caller]
    fn terminate(mut self, what: &str) {
        self.process.signal("TERM");
        let status = self.process.ended(what);
        assert!(status.success(), "{what}: {status:?}");
    }
}

fn polls_of(exposition: &Exposition, target: &str) -> f64 {
    exposition.of(target, "rollcall_polls_total").unwrap_or_default()
}

/// Two targets, with all that is said of them at the level `trace`.
fn targets(sim: &Sim, folder: &Folder) -> PathBuf {
    let targets = [Target::resilio("filer", sim, 1), Target::ras("farm", sim)];
    Config::with_defaults("{ interval: 1s, timeout: 10s }").targets(targets).write(folder)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

#[test]
fn a_daemon_whose_log_cannot_be_written_starts_polls_reloads_and_stops() {
    for broken in BROKEN {
        let (sim, folder) = (Sim::frozen(), Folder::new());
        let file = targets(&sim, &folder);
        let args = ["serve", "--log.level", "trace", "--config.file", path(&file)];
        let daemon = UnheardDaemon::start(broken, &args, &format!("{broken:?}"));
        let up =
            |now: &Exposition| ["filer", "farm"].iter().all(|target| now.of(target, "rollcall_target_up") == Some(1.0));
        daemon.wait_for(&format!("{broken:?}: both are up"), up);
        // Within a poll: the first failure and the recovery are lines of the log.
        sim.fail("resilio", "/api", Fault::Status(500, "text/plain", "out of order"));
        daemon.wait_for(&format!("{broken:?}: a failure is told"), |now| {
            now.of("filer", "rollcall_target_up") == Some(0.0)
        });
        sim.heal("resilio");
        let before = daemon.wait_for(&format!("{broken:?}: both are up again"), up);
        // At a reload, one that is refused and one that is not.
        let text = fs::read_to_string(&file).expect("a file of ours");
        fs::write(&file, "targets: 7").expect("a file of ours");
        daemon.process.signal("HUP");
        let reloaded =
            |value: f64| move |now: &Exposition| now.get("rollcall_config_last_reload_successful", &[]) == Some(value);
        daemon.wait_for(&format!("{broken:?}: the refusal"), reloaded(0.0));
        fs::write(&file, text).expect("a file of ours");
        daemon.process.signal("HUP");
        daemon.wait_for(&format!("{broken:?}: the reload"), reloaded(1.0));
        let after = daemon.wait_for(&format!("{broken:?}: polls go on"), |now| {
            ["filer", "farm"].iter().all(|target| polls_of(now, target) > polls_of(&before, target) + 2.0)
        });
        assert_eq!(after.get("rollcall_panics_total", &[]), Some(0.0), "{broken:?}");
        if !matches!(broken, Broken::Unread) {
            // What waits for a reader may still be read.
            assert!(after.get("rollcall_log_lines_dropped_total", &[]) > Some(10.0), "{broken:?}");
        }
        daemon.terminate(&format!("{broken:?}"));
    }
}

#[test]
fn a_log_that_is_read_again_goes_on_and_says_what_it_has_lost() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let file = targets(&sim, &folder);
    // A folder that is full takes lines again when there is room; here a reader comes late.
    let args = ["serve", "--log.level", "trace", "--config.file", path(&file)];
    let mut daemon = UnheardDaemon::start(Broken::Unread, &args, "the daemon");
    daemon.wait_for("both are polled", |now| ["filer", "farm"].iter().all(|target| polls_of(now, target) > 3.0));
    let mut reader = daemon.process._readers[1].take().expect("it was made");
    let mut text = Vec::new();
    let mut block = [0; 64 * 1024];
    while !String::from_utf8_lossy(&text).contains("Target answers again.")
        && !String::from_utf8_lossy(&text).contains("Polled.")
    {
        let n = reader.read(&mut block).expect("a pipe of ours");
        assert!(n > 0, "it was closed");
        text.extend_from_slice(&block[..n]);
    }
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("Configuration loaded."), "nothing is lost that fits: {text}");
    daemon.process._readers[1] = Some(reader);
    drop(daemon);
}

#[test]
fn a_demo_that_nobody_listens_to_runs() {
    for broken in BROKEN {
        let folder = Folder::new();
        let args = ["demo", "--agents", "50"];
        // Its folder goes with the test.
        let url = ClosedPort::any().url().to_owned();
        let mut command = command();
        command
            .args(args)
            .env("TMPDIR", folder.file(""))
            .args(["--web.listen-address", url.trim_start_matches("http://")]);
        let daemon = UnheardDaemon { process: Unheard::start(&mut command, broken), url };
        daemon.wait_for(&format!("{broken:?}: a target of the demo is up"), |now| {
            now.all("rollcall_target_up", &[]).iter().any(|sample| sample.value == 1.0)
        });
        daemon.terminate(&format!("{broken:?}"));
    }
}

#[test]
fn what_is_looked_at_once_is_looked_at_whether_anybody_listens_or_not() {
    let sim = Sim::frozen();
    for broken in BROKEN {
        let folder = Folder::new();
        let file = targets(&sim, &folder);
        // What is said beside the result does not matter, what was asked for does.
        for args in [
            ["probe", "farm", "--config.file", path(&file)].as_slice(),
            &["check", "--connect", path(&file)],
            &["check", path(&file)],
        ] {
            let (err, reader) = broken.stream();
            let output = command().args(args).stdout(Stdio::piped()).stderr(err).output().expect("it is there");
            assert_eq!(output.status.code(), Some(0), "{broken:?}: {args:?}");
            assert!(!output.stdout.is_empty(), "{broken:?}: {args:?}");
            drop(reader);
        }
        if matches!(broken, Broken::Unread) {
            continue;
        }
        let before = sim.asked("parallels_ras", "/api/Session/logoff");
        for (args, code) in [
            (["probe", "farm", "--config.file", path(&file)].as_slice(), matches!(broken, Broken::Full)),
            (&["check", "--connect", path(&file)], matches!(broken, Broken::Full)),
        ] {
            let (out, _) = broken.stream();
            let output = command().args(args).stdout(out).stderr(Stdio::piped()).output().expect("it is there");
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(i32::from(code)), "{broken:?}: {args:?}\n{err}");
            assert!(!err.contains("panicked"), "{broken:?}: {args:?}\n{err}");
            assert_eq!(err.contains("cannot write to stdout: "), code, "{broken:?}: {args:?}\n{err}");
        }
        // Everything was polled, and its sessions were ended.
        assert_eq!(sim.asked("parallels_ras", "/api/Session/logoff"), before + 2, "{broken:?}");
    }
}

#[test]
fn what_was_asked_for_and_not_written_does_not_look_like_success() {
    let commands: [&[&str]; 7] = [
        &["rules"],
        &["dashboards"],
        &["metrics"],
        &["default-config"],
        &["--help"],
        &["serve", "--help"],
        &["--version"],
    ];
    for args in commands {
        for (broken, code) in [(Broken::Closed, 0), (Broken::Full, 1)] {
            let (out, _) = broken.stream();
            let output = command().args(args).stdout(out).stderr(Stdio::piped()).output().expect("it is there");
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{broken:?}: {args:?}\n{err}");
            let message =
                if code == 0 { "" } else { "cannot write to stdout: No space left on device (os error 28)\n" };
            assert_eq!(err, message, "{broken:?}: {args:?}");
        }
    }
}

#[test]
fn a_reader_that_comes_late_gets_everything() {
    // More than a pipe takes.
    let whole = rollcall(&["dashboards"]).expect(0).out;
    assert!(whole.len() > 256 * 1024);
    let mut child = command().arg("dashboards").stdout(Stdio::piped()).spawn().expect("it is there");
    let mut out = child.stdout.take().expect("it was asked for");
    let mut first = [0; 1];
    out.read_exact(&mut first).expect("it writes");
    // Longer than it is patient with what nobody need read.
    std::thread::sleep(Duration::from_secs(4));
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("it writes");
    assert!(child.wait().expect("a child of ours").success());
    assert_eq!(whole.len(), 1 + rest.len());
}

#[test]
fn errors_that_nobody_hears_have_their_code() {
    for broken in BROKEN {
        for (args, code) in [(["check", "/nowhere"], 1), (["rules", "--nonsense"], 2), (["probe", "x"], 1)] {
            let (err, reader) = broken.stream();
            let mut child = command().args(args).stdout(Stdio::null()).stderr(err).spawn().expect("it is there");
            let status = wait_until(&format!("{broken:?}: {args:?} ends"), WAIT_TIMEOUT, || {
                child.try_wait().expect("a child of ours").ok_or_else(|| "it runs".to_owned())
            });
            assert_eq!(status.code(), Some(code), "{broken:?}: {args:?}");
            drop(reader);
        }
    }
}
