//! What systemd hears of the daemon.

use std::{os::unix::net::UnixDatagram, time::Duration};

use crate::support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT};

/// The manager's end: reads one message, of whatever kind.
fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let length = socket.recv(&mut buffer).expect("the daemon says something in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Reads until a message begins with this, and returns it.
fn next_of(socket: &UnixDatagram, beginning: &str) -> String {
    std::iter::repeat_with(|| next(socket)).take(1000).find(|message| message.starts_with(beginning)).expect(beginning)
}

#[test]
fn systemd_hears_when_the_daemon_is_ready_reloads_lives_and_stops() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let socket = UnixDatagram::bind(folder.file("notify")).expect("a folder of ours");
    socket.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time that is not zero");
    let config = Config::quick().target(Target::resilio("filer-01", &sim, 1)).write(&folder);
    let path = folder.file("notify");
    let variables = [("NOTIFY_SOCKET", path.to_str().expect("our own name")), ("WATCHDOG_USEC", "400000")];
    // Messages wait in the socket for a test that is late, so the time begins before any of them.
    let begun = std::time::Instant::now();
    let daemon = Daemon::with_environment(&config, &[], &variables);

    assert_eq!(next(&socket), "READY=1", "before anything else");
    for _ in 0..10 {
        let alive = next_of(&socket, "WATCHDOG=1");
        assert!(alive.contains("\nSTATUS=0 of 1 target down, "), "{alive}");
    }
    assert!(begun.elapsed() > Duration::from_millis(1700), "at half of the time, not all the time");
    daemon.wait_until_up(&["filer-01"]);

    // What systemd compares with: CLOCK_MONOTONIC when it sent the signal, here by the same file at the latest.
    let uptime = std::fs::read_to_string("/proc/uptime").expect("this system has it");
    let before: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("seconds");
    daemon.signal("HUP");
    let reloading = next_of(&socket, "RELOADING=1");
    let moment = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("with a moment");
    assert!(moment.parse::<f64>().expect("microseconds") > before * 1e6, "{reloading} after {before}");
    next_of(&socket, "READY=1");

    // A configuration that is refused ends the reload too: the one before runs on.
    folder.write("rollcall.yml", "targets: 1\n");
    daemon.signal("HUP");
    next_of(&socket, "RELOADING=1");
    next_of(&socket, "READY=1");

    daemon.terminate();
    assert_eq!(next_of(&socket, "STOPPING=1"), "STOPPING=1\nSTATUS=Stopping.");
}
