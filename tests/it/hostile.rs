//! Vendors that attack: what they cost the daemon, and what the others notice of it. The single faults are in
//! `src/http/tests.rs` and beside the decoders.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use rollcall_test_server::{Request, Server, until_closed};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target, WAIT_TIMEOUT, on_runtime, wait_until};

fn packed(write: impl FnOnce(&mut GzEncoder<Vec<u8>>)) -> Arc<[u8]> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write(&mut encoder);
    encoder.finish().expect("memory takes everything").into()
}

/// An answer with this type and encoding.
fn answer(media_type: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\n{encoding}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn json(body: &str) -> Vec<u8> {
    answer("application/json", "", body.as_bytes())
}

/// Answers each request by itself, until the client has gone.
fn server<A: Future<Output = std::io::Result<()>> + Send + 'static>(
    answer: impl Fn(Request, TcpStream) -> A + Send + Sync + 'static,
) -> Server {
    on_runtime(|| Server::hijack(answer))
}

/// A farm that answers its agent list with 1xx, again and again.
fn farm_of_interim_answers() -> Server {
    server(|request, mut stream| async move {
        if request.line.contains("/Session/") {
            return stream.write_all(&json(r#"{"authToken":"token"}"#)).await;
        }
        let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(1000);
        loop {
            stream.write_all(&interim).await?;
        }
    })
}

/// A broker whose head has no end.
fn broker_of_headers() -> Server {
    server(|_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nset-cookie: a=").await?;
        loop {
            stream.write_all(&[b'x'; 4096]).await?;
        }
    })
}

/// An agent whose answer is small, and comes to more than a million series.
fn agent_of_a_million_series() -> Server {
    let runs = packed(|encoder| {
        for job in 0..40_000 {
            let comma = if job == 0 { "[" } else { "," };
            write!(encoder, r#"{comma}{{"run_id":{job},"id":{job},"type":"folder","name":"a","status":"syncing"}}"#)
                .expect("memory takes everything");
        }
        encoder.write_all(b"]").expect("memory takes everything");
    });
    server(move |request, mut stream| {
        let runs = Arc::clone(&runs);
        async move {
            let answer = match request.path() {
                "/api/v3/token" => json(r#"{"token":"t"}"#),
                "/api/v3/client" => {
                    json(r#"{"deviceid":"D","name":"FILER","paused":false,"server":{"state":"CONNECTED"}}"#)
                }
                "/api/v3/runs" => answer("application/json", "content-encoding: gzip\r\n", &runs),
                _ => json("[]"),
            };
            stream.write_all(&answer).await
        }
    })
}

/// A store whose answers unpack to a gigabyte.
fn store_of_bombs() -> Server {
    let bomb = packed(|encoder| {
        let blank = vec![b' '; 1 << 20];
        (0..1024).for_each(|_| encoder.write_all(&blank).expect("memory takes everything"));
    });
    server(move |_, mut stream| {
        let bomb = Arc::clone(&bomb);
        async move { stream.write_all(&answer("text/xml", "content-encoding: gzip\r\n", &bomb)).await }
    })
}

fn polls(exposition: &Exposition, target: &str) -> f64 {
    exposition.of(target, "rollcall_polls_total").unwrap_or(0.0)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

#[test]
fn four_hostile_vendors_cost_the_fifth_no_poll_and_the_scrapes_no_time() {
    let (sim, folder, quiet_folder) = (Sim::frozen(), Folder::new(), Folder::new());
    let hostile = [
        ("parallels_ras", farm_of_interim_answers(), "decode"),
        ("parallels_ras_session", broker_of_headers(), "too_large"),
        ("resilio", agent_of_a_million_series(), "too_large"),
        ("citrix_storefront", store_of_bombs(), "too_large"),
    ];
    let lively = || Target::azure("lively", &sim).set("interval", "1s");
    let targets = hostile.iter().map(|(vendor, server, _)| {
        let target = Target::of(vendor, vendor, &sim).set("interval", "1s").set("stale_after", "15s");
        target.set("url", server.url())
    });
    let config = || Config::with_defaults("{ interval: 1s, timeout: 5s, stale_after: 15s }");
    let quiet = Daemon::start(&config().target(lively()).write(&quiet_folder));
    let daemon = Daemon::start(&config().target(lively()).targets(targets).write(&folder));
    let both = [&quiet, &daemon];
    let begun = both.map(|daemon| polls(&daemon.wait_until_up(&["lively"]), "lively"));
    let mut times = [Vec::new(), Vec::new()];
    let last = wait_until("every hostile vendor was polled again and again", WAIT_TIMEOUT, || {
        let now = both.map(|daemon| daemon.scrape());
        for (times, daemon) in times.iter_mut().zip(both) {
            let asked = Instant::now();
            daemon.get("/metrics");
            times.push(asked.elapsed());
        }
        let few = hostile.iter().find(|(vendor, ..)| polls(&now[1], vendor) < 5.0);
        match few {
            Some((vendor, ..)) => Err(now[1].about(vendor)),
            None if times[0].len() < 50 => Err("too few scrapes to say how long they take".to_owned()),
            None => Ok(now),
        }
    });
    for (vendor, _, reason) in &hostile {
        assert_eq!(last[1].failure(vendor), *reason, "{}", last[1].about(vendor));
    }
    assert_eq!(last[1].failure("lively"), "");
    let [alone, among] = [0, 1].map(|index| polls(&last[index], "lively") - begun[index]);
    let [quiet_time, time] = times.map(median);
    let (memory, cpu) = (daemon.process.memory_kib("VmHWM") / 1024, daemon.process.cpu_time());
    eprintln!(
        "four hostile vendors: the fifth was polled {among} times ({alone} alone); /metrics took {time:?} at the median \
         ({quiet_time:?} alone); {memory} MiB at the peak, {cpu:?} of a processor"
    );
    assert!(among >= 0.7 * alone - 2.0, "polled {among} times, and {alone} times where nobody is hostile");
    assert!(memory < 200, "{memory} MiB");
    assert!(
        time < Duration::from_millis(50).max(4 * quiet_time),
        "{time:?}, and {quiet_time:?} where nobody is hostile"
    );
}

#[test]
fn twenty_vendors_that_stall_in_the_middle_of_a_large_answer_fit_into_half_a_gigabyte() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let stalled = server(|request, mut stream| async move {
        if request.path() == "/api/v3/token" {
            return stream.write_all(&json(r#"{"token":"t"}"#)).await;
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 67108864\r\n\r\n{")
            .await?;
        let blank = vec![b' '; 1 << 20];
        for _ in 0..60 {
            stream.write_all(&blank).await?;
        }
        until_closed(&mut stream).await
    });
    let names: Vec<String> = (0..20).map(|index| format!("stalls-{index}")).collect();
    let target = |name: &String| {
        let target = Target::of("resilio", name, &sim).set("url", stalled.url());
        target.set("interval", "2s").set("timeout", "12s").set("stale_after", "60s")
    };
    let lively = Target::of("resilio", "lively", &sim).set("interval", "1s");
    let config = Config::quick().target(lively).targets(names.iter().map(target));
    let daemon = Daemon::start(&config.write(&folder));
    let before = polls(&daemon.wait_until_up(&["lively"]), "lively");
    let now = daemon.wait_for_within("all have failed", 2 * WAIT_TIMEOUT, |now| {
        let waiting = names.iter().find(|name| now.failures(name, "timeout") < 1.0);
        waiting.map_or(Ok(()), |name| Err(now.about(name)))
    });
    assert_eq!(now.failure("lively"), "");
    assert!(polls(&now, "lively") > before + 2.0, "a small answer never waits");
    let memory = daemon.process.memory_kib("VmHWM") / 1024;
    eprintln!("twenty vendors that stall at 60 of 64 MiB: {memory} MiB at the peak");
    assert!(memory < 512, "{memory} MiB");
}
