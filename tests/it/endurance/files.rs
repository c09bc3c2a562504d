//! Files that are none: a pipe that nobody writes into, a device, a link. Nothing waits for them, and SIGTERM ends the daemon.

use std::{path::PathBuf, process::Command};

use crate::{
    program::rollcall,
    support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT, wait_until},
};

const STATE_FAILURES: &str = "rollcall_state_write_failures_total";

/// A named pipe in the folder.
fn pipe(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.file(name);
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo is everywhere").success());
    path
}

#[test]
fn a_configuration_that_is_a_pipe_is_refused_at_once() {
    let folder = Folder::new();
    for file in [pipe(&folder, "rollcall.yml"), "/dev/zero".into()] {
        let file = file.to_str().expect("a plain name");
        let what = if file.starts_with("/dev") { "a device" } else { "a named pipe" };
        let expected = format!("{file}:1:1: cannot be read: it is {what}, not a regular file");
        for args in [
            ["serve", "--config.file", file, "--web.listen-address", "127.0.0.1:0"].as_slice(),
            &["check", file],
            &["probe", "x", "--config.file", file],
        ] {
            let ended = rollcall(args).expect(1);
            assert!(ended.err.contains(&expected), "{args:?}: {}", ended.err);
        }
    }
    folder.write("targets.yml", "target_files: [pipe.yml]\ntargets: []\n");
    pipe(&folder, "pipe.yml");
    let file = folder.file("targets.yml");
    let ended = rollcall(&["check", file.to_str().expect("a plain name")]).expect(1);
    assert!(ended.err.contains("pipe.yml: it is a named pipe, not a regular file"), "{}", ended.err);
}

#[test]
fn pipes_and_links_as_secret_state_and_lock_delay_neither_polls_nor_the_end() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    pipe(&folder, "secret");
    pipe(&folder, "rollcall.state.lock");
    let precious = folder.write("precious", "precious");
    std::os::unix::fs::symlink(&precious, folder.file("rollcall.state")).expect("Unix has links");
    let config = Config::quick()
        .head("state_file: rollcall.state")
        .target(Target::resilio("filer", &sim, 1))
        .target(Target::ras("farm", &sim).auth_file("svc-rollcall", "secret"))
        .write(&folder);
    let daemon = Daemon::with_flags(&config, &["--time-scale", "60"]);
    daemon.wait_until_up(&["filer"]);
    daemon.wait_for("the secret cannot be read", |now| now.failure("farm") == "auth");
    daemon.wait_for("the state cannot be kept", |now| now.get(STATE_FAILURES, &[]) >= Some(2.0));
    daemon.wait_for_log(&["secret: it is a named pipe, not a regular file"]);
    daemon.wait_for_log(&["WARN", "rollcall.state: it is a named pipe", "a second daemon"]);
    daemon.wait_for_log(&["ERROR", "rollcall.state: it is a symbolic link", "Earlier state is lost."]);
    daemon.terminate();
    assert_eq!(folder.read("precious"), "precious");
}

/// Root looks at a target, as the page on systemd says, and the daemon's user has planted links in its folder to have files
/// of others written and handed over. Where the tests are not root, there is nobody to hand anything over to.
#[test]
fn a_look_follows_no_link_that_was_planted_in_the_state_folder() {
    use std::os::unix::fs::{MetadataExt, chown, symlink};
    const DAEMON: u32 = 4711;
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: kept/rollcall.state");
    let config = config.target(Target::ras("farm", &sim).auth_password("svc-rollcall", "wrong")).write(&folder);
    let (kept, precious, new) = (folder.file("kept"), folder.write("shadow", "precious"), folder.file("new"));
    std::fs::create_dir(&kept).expect("a folder of ours");
    let is_root = chown(&kept, Some(DAEMON), Some(DAEMON)).is_ok();
    symlink(&precious, kept.join("rollcall.state.logons.tmp")).expect("Unix has links");
    symlink(&new, kept.join("rollcall.state.logons.lock")).expect("Unix has links");
    let before = std::fs::metadata(&precious).expect("it is there");
    let probe = || rollcall(&["probe", "farm", "--config.file", config.to_str().expect("a plain name")]).expect(1);
    let ended = probe();
    // What cannot be written down is not sent.
    assert!(ended.err.contains("it is a symbolic link, not a regular file"), "{}", ended.err);
    assert!(sim.journal().is_empty(), "{}", ended.err);
    let after = std::fs::metadata(&precious).expect("it is there");
    assert_eq!((after.uid(), after.mode(), after.mtime_nsec()), (before.uid(), before.mode(), before.mtime_nsec()));
    assert!(folder.read("shadow") == "precious" && !new.exists());

    // Without the link for its lock it is kept, and the daemon can read it. The other name is not used.
    std::fs::remove_file(kept.join("rollcall.state.logons.lock")).expect("a folder of ours");
    probe();
    let ended = probe();
    assert!(ended.err.contains("held: log-ons are held since"), "{}", ended.err);
    for name in ["rollcall.state.logons", "rollcall.state.logons.lock"] {
        let meta = std::fs::symlink_metadata(kept.join(name)).expect("it was written");
        assert!(meta.is_file() && meta.mode() & 0o7777 == 0o600, "{name}: {:o}", meta.mode());
        assert!(!is_root || meta.uid() == DAEMON, "{name}: {}", meta.uid());
    }
    assert_eq!(folder.read("shadow"), "precious");
}

/// Whatever hangs while the daemon starts, SIGTERM ends it: here it waits for the lock of another one.
#[test]
fn a_daemon_that_is_starting_ends_when_it_is_told_to() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let config = Config::quick().head("state_file: rollcall.state").target(Target::resilio("filer", &sim, 1));
    let config = config.write(&folder);
    let lock = std::fs::File::create(folder.file("rollcall.state.lock")).expect("a folder of ours");
    lock.lock().expect("nobody has it");
    let mut command = crate::program::command();
    let file = config.to_str().expect("a plain name");
    command.args(["serve", "--config.file", file, "--web.listen-address", "127.0.0.1:0"]);
    let starting = crate::program::Running::start(&mut command);
    let status = format!("/proc/{}/status", starting.pid());
    wait_until("it hears SIGTERM", WAIT_TIMEOUT, || {
        let status = std::fs::read_to_string(&status).map_err(|error| error.to_string())?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
        let caught = u64::from_str_radix(caught.trim(), 16).map_err(|error| error.to_string())?;
        if caught & (1 << 14) != 0 { Ok(()) } else { Err(status) }
    });
    // Where this machine is slow it has given the lock up by now.
    let ended = starting.terminate();
    let stopped = ended.code == 0 && ended.err.contains("Stopping.");
    assert!(stopped || ended.err.contains("is in use by another rollcall"), "{}: {}", ended.code, ended.err);
}
