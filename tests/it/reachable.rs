//! Whoever asks is answered, whatever others do at the door: heads without end, readers that do not read, many large answers, no
//! descriptors left; and a browser is answered nothing that it should not ask.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::support::{Daemon, WAIT_TIMEOUT, http, wait_until};

/// An answer so long that no socket's buffer holds it, in bytes.
const BIG: usize = 20_000_000;

/// A demo whose exposition is that long.
#[track_caller]
fn big() -> Daemon {
    let demo = Daemon::demo(&["--agents", "20000", "--frozen"]);
    wait_until("an answer that no socket buffer holds", 2 * WAIT_TIMEOUT, || match demo.get("/metrics").body.len() {
        BIG.. => Ok(()),
        size => Err(format!("{size} bytes")),
    });
    demo
}

fn address(daemon: &Daemon) -> &str {
    daemon.url().trim_start_matches("http://")
}

fn connect(daemon: &Daemon) -> TcpStream {
    let address: SocketAddr = address(daemon).parse().expect("an address");
    TcpStream::connect_timeout(&address, WAIT_TIMEOUT).expect("it listens")
}

/// How long the daemon takes to say that it is healthy, over a connection of its own; sorted.
fn healthy(daemon: &Daemon, times: usize) -> Vec<Duration> {
    let ask = |_| {
        let begun = Instant::now();
        assert_eq!(daemon.get("/-/healthy").status, 200);
        begun.elapsed()
    };
    let mut all: Vec<Duration> = (0..times).map(ask).collect();
    all.sort_unstable();
    all
}

#[test]
fn heads_without_end_cost_little_and_keep_nobody_out() {
    let demo = Daemon::demo(&["--agents", "20"]);
    demo.wait_until_all_up();
    let before = demo.process.memory_kib("VmHWM");
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: {}", address(&demo), "x".repeat(380_000));
    let mut unfinished: Vec<TcpStream> = (0..500).map(|_| connect(&demo)).collect();
    for stream in &mut unfinished {
        stream.set_write_timeout(Some(Duration::from_millis(200))).expect("not zero");
        // It need not take all of it.
        let _ = stream.write_all(head.as_bytes());
    }
    assert_eq!(demo.get("/-/healthy").status, 200);
    assert_eq!(demo.get("/metrics").status, 200);
    let grown = demo.process.memory_kib("VmHWM").saturating_sub(before);
    println!("memory under 500 unfinished heads: {grown} KiB more");
    assert!(grown < 40_000, "{grown} KiB more");
    let mut stream = connect(&demo);
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("not zero");
    stream.write_all(&head.as_bytes()[..70_000]).expect("it reads");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("it answers before the head ends");
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[test]
fn a_body_that_nobody_needs_is_refused() {
    let demo = Daemon::demo(&["--agents", "20"]);
    let mut stream = connect(&demo);
    write!(stream, "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n").expect("it reads");
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("not zero");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn scrapers_that_do_not_read_keep_no_scrape_out() {
    let demo = big();
    let silent: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = connect(&demo);
            write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", address(&demo)).expect("it reads");
            stream
        })
        .collect();
    let begun = Instant::now();
    wait_until("a whole scrape", WAIT_TIMEOUT, || {
        let answer = demo.get("/metrics");
        if answer.status == 200 && answer.body.len() >= BIG { Ok(()) } else { Err(answer.status.to_string()) }
    });
    println!("a scrape beside 60 that do not read: after {:.2?}", begun.elapsed());
    // Readers are given up after half a minute; these gave way before.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(demo.get("/api/v1/status").status, 200);
    drop(silent);
}

#[test]
fn large_answers_hold_up_nobody_who_asks_whether_the_daemon_is_healthy() {
    let demo = big();
    let (done, agents) = (AtomicBool::new(false), format!("{}/api/v1/agents?limit=10000", demo.url()));
    let metrics = format!("{}/metrics", demo.url());
    let quiet = healthy(&demo, 20);
    for (what, url) in [("JSON", &agents), ("plain scrapes", &metrics)] {
        done.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        // The last ones of so many may be told that it is busy.
                        let status = http("GET", url, &[]).status.as_u16();
                        assert!(matches!(status, 200 | 503), "{status}");
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(500));
            let loaded = healthy(&demo, 20);
            done.store(true, Ordering::Relaxed);
            let at = |all: &[Duration], index: usize| all[index].as_secs_f64() * 1000.0;
            println!(
                "healthy under 32 clients of {what}: median {:.1} ms, worst {:.1} ms; quiet {:.1} ms",
                at(&loaded, 10),
                at(&loaded, 19),
                at(&quiet, 10)
            );
            // 50 ms where nothing else runs, and a debug build is tested beside others.
            assert!(loaded[10] < Duration::from_millis(750), "{loaded:?}");
        });
    }
}

#[test]
fn a_browser_changes_nothing_for_another_site_and_sees_nothing_under_a_foreign_name() {
    let flags = [
        "--web.enable-lifecycle",
        "--web.external-url",
        "https://rollcall.example.com/ops",
        "--web.route-prefix",
        "/",
        "--web.allowed-host",
        "alias.example.com",
    ];
    let demo = Daemon::demo(&[&["--agents", "20"], &flags[..]].concat());
    let status =
        |method: &str, path: &str, headers: &[(&str, &str)]| demo.request(method, path, headers).status.as_u16();
    let evil = [("host", "rebound.evil.example:10077"), ("accept-language", "en")];
    for path in ["/", "/metrics", "/config", "/api/v1/targets", "/api/v1/agents", "/api/v1/alerts", "/api/v1/status"] {
        assert_eq!(status("GET", path, &evil), 403, "{path}");
        assert_eq!(status("GET", path, &evil[..1]), 200, "{path}: a program");
        for host in ["rollcall.example.com", "alias.example.com:10077", "localhost", "192.0.2.1:10077"] {
            assert_eq!(status("GET", path, &[("host", host), evil[1]]), 200, "{path} {host}");
        }
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert_ne!(status("GET", path, &evil), 403, "{path}");
    }
    for path in ["/-/reload", "/-/release?target=filer-01"] {
        let refused: [&[(&str, &str)]; 5] = [
            &evil,
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
            &[("referer", "http://evil.example/page")],
            &[("sec-fetch-site", "cross-site")],
        ];
        for headers in refused {
            assert_eq!(status("POST", path, headers), 403, "{path} {headers:?}");
        }
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            assert_eq!(status(method, path, &[]), 405, "{method} {path}");
        }
    }
    assert_eq!(status("POST", "/-/reload", &[]), 200, "curl");
    assert_eq!(status("POST", "/-/reload", &evil[..1]), 200, "curl, by any name");
    let ours = [
        ("host", "rollcall.example.com"),
        ("origin", "https://rollcall.example.com"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(status("POST", "/-/reload", &ours), 200, "a page of ours");
}
