//! Nobody is held up by somebody else: many scrapes, readers that do not read, targets that do not answer.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rollcall_test_server::{Server, until_closed};
use tokio::io::AsyncWriteExt;

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target, WAIT_TIMEOUT, http, on_runtime, wait_until};

/// A target that is polled every second.
fn lively(sim: &Sim) -> Target {
    Target::of("resilio", "lively", sim).set("interval", "1s")
}

/// An answer so long that no socket's buffer holds it, in bytes. The lengths of two differ: times and durations have more
/// digits or fewer.
const BIG: usize = 20_000_000;

#[track_caller]
fn wait_until_big(demo: &Daemon) {
    wait_until("an answer that no socket buffer holds", 2 * WAIT_TIMEOUT, || match demo.get("/metrics").body.len() {
        BIG.. => Ok(()),
        size => Err(format!("{size} bytes")),
    });
}

/// Waits until the lively target was polled three times more.
#[track_caller]
fn polls_go_on(daemon: &Daemon) -> Exposition {
    let polls = |exposition: &Exposition| exposition.of("lively", "rollcall_polls_total").unwrap_or(0.0);
    let before = polls(&daemon.scrape());
    daemon.wait_for("three polls more", |exposition| polls(exposition) >= before + 3.0)
}

/// A vendor that answers each request with this text, and then with a blank every 50 ms.
struct Vendor {
    server: Server,
}

impl Vendor {
    fn of(head: &'static str) -> Vendor {
        let server = on_runtime(|| {
            Server::hijack(move |_, mut stream| async move {
                if head.is_empty() {
                    return until_closed(&mut stream).await;
                }
                stream.write_all(head.as_bytes()).await?;
                loop {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    stream.write_all(b" ").await?;
                }
            })
        });
        Vendor { server }
    }

    /// It takes every request and never answers.
    fn silent() -> Vendor {
        Vendor::of("")
    }

    /// It promises 8 MB, and drips.
    fn dripping() -> Vendor {
        Vendor::of("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n{")
    }

    /// Targets at it with this timeout: `ill-0`, `ill-1`, …
    fn targets(&self, sim: &Sim, count: usize, timeout: &str) -> Vec<Target> {
        let target = |n| Target::of("resilio", &format!("ill-{n}"), sim).set("url", self.server.url());
        (0..count).map(|n| target(n).set("timeout", timeout).set("stale_after", "5m")).collect()
    }

    #[track_caller]
    fn wait_until_all_ask(&self, count: usize) {
        wait_until("all ask", WAIT_TIMEOUT, || match self.server.requests().len() {
            asked if asked >= count => Ok(()),
            asked => Err(format!("{asked} requests")),
        });
    }
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
    let demo = Daemon::demo(&["--agents", "20000", "--frozen"]);
    wait_until_big(&demo);
    let address = demo.url().trim_start_matches("http://");
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
    wait_until("a poll more, told by whole scrapes", WAIT_TIMEOUT, || {
        let answer = demo.get("/metrics");
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() >= BIG);
        let now = polls(&Exposition::parse(answer.text()));
        if now > begun { Ok(()) } else { Err(format!("{now} polls")) }
    });
    // Thirty answers of 20 MB wait; what they wait with is what is served anyway.
    let grown = demo.process.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 200_000, "{grown} KiB more");
    drop(slow);
}

#[test]
fn a_reader_of_a_byte_a_second_holds_nobody_up_and_gets_its_answer_to_the_end() {
    let demo = Daemon::demo(&["--agents", "20000", "--frozen"]);
    wait_until_big(&demo);
    let address = demo.url().trim_start_matches("http://");
    let mut slow: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
            stream
        })
        .collect();
    let mut taken = vec![Vec::new(); slow.len()];
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        for (stream, taken) in slow.iter_mut().zip(&mut taken) {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it is being answered");
            taken.extend(byte);
        }
        // Others are answered whole in between.
        assert!(demo.get("/metrics").body.len() >= BIG);
        std::thread::sleep(Duration::from_secs(1));
    }
    // All are read before one is looked at: whoever takes nothing for half a minute is given up.
    std::thread::scope(|scope| {
        for (stream, taken) in slow.iter_mut().zip(&mut taken) {
            scope.spawn(|| stream.read_to_end(taken).expect("it was not cut"));
        }
    });
    for (index, taken) in taken.into_iter().enumerate() {
        let text = String::from_utf8(taken).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("it is known");
        assert_eq!(length, body.len().to_string());
        // Reading one sample by sample takes seconds; that the others are whole is told by their lengths and their ends.
        let read = if index == 0 { body } else { body.lines().next_back().expect("a last line") };
        assert!(body.ends_with('\n') && !Exposition::parse(read).samples.is_empty(), "{read}");
    }
}

#[test]
fn many_targets_that_never_answer_hold_no_other_poll_up() {
    const ILL: usize = 500;
    let (sim, folder, vendor) = (Sim::frozen(), Folder::new(), Vendor::silent());
    let config = Config::quick().target(lively(&sim)).targets(vendor.targets(&sim, ILL, "2m"));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&["lively"]);
    let before = daemon.process.memory_kib("VmHWM");
    vendor.wait_until_all_ask(ILL);
    // None of them was given up yet: the others are polled while all of these are under way.
    let exposition = polls_go_on(&daemon);
    assert!((0..ILL).all(|n| exposition.of(&format!("ill-{n}"), "rollcall_polls_total") == Some(0.0)));
    assert_eq!(exposition.failures("lively", "timeout"), 0.0);
    assert_eq!(exposition.of("lively", "rollcall_target_up"), Some(1.0));
    let grown = daemon.process.memory_kib("VmHWM").saturating_sub(before);
    assert!(grown < ILL as u64 * 256, "{grown} KiB more");
}

#[test]
fn targets_that_never_answer_are_given_up_in_time() {
    const ILL: usize = 100;
    let (sim, folder, vendor) = (Sim::frozen(), Folder::new(), Vendor::silent());
    let config = Config::quick().target(lively(&sim)).targets(vendor.targets(&sim, ILL, "2s"));
    let daemon = Daemon::start(&config.write(&folder));
    let failed = |exposition: &Exposition, n: usize| exposition.failures(&format!("ill-{n}"), "timeout");
    daemon.wait_for("every silent target was given up", |exposition| (0..ILL).all(|n| failed(exposition, n) > 0.0));
    assert_eq!(polls_go_on(&daemon).of("lively", "rollcall_target_up"), Some(1.0));
}

#[test]
fn a_vendor_that_drips_its_body_is_given_up_in_time_and_costs_neither_the_others_nor_memory() {
    const ILL: usize = 100;
    let (sim, folder, vendor) = (Sim::frozen(), Folder::new(), Vendor::dripping());
    let config = Config::quick().target(lively(&sim)).targets(vendor.targets(&sim, ILL, "4s"));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&["lively"]);
    let before = daemon.process.memory_kib("VmHWM");
    vendor.wait_until_all_ask(ILL);
    polls_go_on(&daemon);
    let failed = |exposition: &Exposition, n: usize| exposition.failures(&format!("ill-{n}"), "timeout");
    let exposition = daemon
        .wait_for("every dripping target was given up", |exposition| (0..ILL).all(|n| failed(exposition, n) > 0.0));
    assert!((0..ILL).all(|n| exposition.failure(&format!("ill-{n}")) == "timeout"));
    assert_eq!(exposition.failures("lively", "timeout"), 0.0);
    assert_eq!(exposition.of("lively", "rollcall_target_up"), Some(1.0));
    // Each promised 8 MB, which nobody must set aside before they come.
    let grown = daemon.process.memory_kib("VmHWM").saturating_sub(before);
    assert!(grown < ILL as u64 * 512, "{grown} KiB more");
}

#[test]
fn connections_held_open_for_nothing_make_room_for_scrapes() {
    let demo = Daemon::demo(&["--agents", "20", "--web.max-connections", "4"]);
    let address = demo.url().trim_start_matches("http://");
    let mut idle: Vec<TcpStream> = (0..12).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    assert_eq!(demo.get("/metrics").status, 200);
    // Those that came first had to leave.
    idle[0].set_read_timeout(Some(Duration::from_secs(20))).expect("not zero");
    assert_eq!(idle[0].read(&mut [0; 1]).expect("it ends before the time is over"), 0);
    for _ in 0..8 {
        assert_eq!(demo.get("/-/healthy").status, 200);
    }
}
