//! Nobody is held up by somebody else: many scrapes, readers that do not read, targets that do not answer.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use crate::{
    program::{Demo, http},
    support::{Config, Daemon, Exposition, Folder, PATIENCE, Sim, Target, wait_until},
};

/// A target that is polled every second.
fn lively(sim: &Sim) -> Target {
    Target::of("resilio", "lively", sim).set("interval", "1s")
}

/// Waits until the lively target was polled three times more.
#[track_caller]
fn polls_go_on(daemon: &Daemon) -> Exposition {
    let polls = |exposition: &Exposition| exposition.of("lively", "rollcall_polls_total").unwrap_or(0.0);
    let before = polls(&daemon.scrape());
    daemon.wait_for("three polls more", |exposition| polls(exposition) >= before + 3.0)
}

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux, and it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("every process has it");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn sixty_four_scrapes_at_once_are_all_whole() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let daemon =
        Daemon::with_flags(&Config::quick().target(lively(&sim)).write(&folder), &["--web.max-requests", "64"]);
    daemon.wait_until_up(&["lively"]);
    let url = format!("{}/metrics", daemon.url());
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let answer =
                    http("GET", &url, &[("accept", "application/openmetrics-text"), ("accept-encoding", "gzip")]);
                assert_eq!(answer.status, 200);
                let mut text = String::new();
                flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("a whole member");
                assert!(text.ends_with("# EOF\n") && text.contains("resilio_job_status"), "{text}");
            });
        }
    });
    polls_go_on(&daemon);
}

#[test]
fn readers_that_do_not_read_hold_no_scrape_and_no_poll_up_and_cost_no_copies() {
    let demo = Demo::start(&["--agents", "20000", "--frozen"]);
    let big = wait_until("an answer that no socket buffer holds", 2 * PATIENCE, || {
        let size = demo.get("/metrics").body.len();
        if size > 20_000_000 { Ok(size) } else { Err(format!("{size} bytes")) }
    });
    let address = demo.url.trim_start_matches("http://");
    let before = demo.process.memory_kib("VmRSS");
    let slow: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it reads");
            stream.read_exact(&mut [0; 100]).expect("it answers");
            stream
        })
        .collect();
    let polls = |exposition: &Exposition| exposition.of("filer-01", "rollcall_polls_total").expect("it was polled");
    let begun = polls(&demo.scrape());
    wait_until("a poll more, told by whole scrapes", PATIENCE, || {
        let answer = demo.get("/metrics");
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() >= big);
        let now = polls(&Exposition::parse(answer.text()));
        if now > begun { Ok(()) } else { Err(format!("{now} polls")) }
    });
    // Thirty answers of 20 MB wait; what they wait with is what is served anyway.
    let grown = demo.process.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 200_000, "{grown} KiB more");
    drop(slow);
}

#[test]
fn targets_that_never_answer_hold_no_other_poll_up() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    // Connections wait in its queue for ever.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("it listens"));
    let mut config = Config::quick().target(lively(&sim));
    const SILENT: usize = 100;
    for n in 0..SILENT {
        config =
            config.target(Target::of("resilio", &format!("silent-{n}"), &sim).set("url", &url).set("timeout", "2s"));
    }
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&["lively"]);
    let before = peak_kib(daemon.pid());
    let failed = |exposition: &Exposition, n: usize| exposition.failures(&format!("silent-{n}"), "timeout");
    daemon.wait_for("every silent target was given up", |exposition| (0..SILENT).all(|n| failed(exposition, n) > 0.0));
    let exposition = polls_go_on(&daemon);
    assert_eq!(exposition.failures("lively", "timeout"), 0.0);
    assert_eq!(exposition.of("lively", "rollcall_target_up"), Some(1.0));
    let grown = peak_kib(daemon.pid()).saturating_sub(before);
    assert!(grown < SILENT as u64 * 512, "{grown} KiB more");
}

#[test]
fn connections_held_open_for_nothing_make_room_for_scrapes() {
    let demo = Demo::start(&["--agents", "20", "--web.max-connections", "4"]);
    let address = demo.url.trim_start_matches("http://");
    let mut idle: Vec<TcpStream> = (0..12).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    assert_eq!(demo.get("/metrics").status, 200);
    // Those that came first had to leave.
    idle[0].set_read_timeout(Some(Duration::from_secs(20))).expect("not zero");
    assert_eq!(idle[0].read(&mut [0; 1]).expect("it ends before the time is over"), 0);
    for _ in 0..8 {
        assert_eq!(demo.get("/-/healthy").status, 200);
    }
}
