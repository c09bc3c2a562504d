//! Hostile and broken servers: each way to answer ends in bounded time and memory, with a reason that says what it was.

mod again;

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use rollcall_test_server::{Request, Response, Server, until_closed};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};

use super::*;
use crate::{
    api::lenient,
    config::{Pin, Tls},
    failure::{Failure, Reason},
};

/// The longest answer.
const CAP: u64 = 1 << 20;

/// Where the server alone would never end it.
const SHORT: Duration = Duration::from_millis(400);

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

async fn get(url: &str, deadline: Duration) -> Result<Answer, Failure> {
    let url: Url = url.parse().expect("a URL");
    let client = Client::with(&Http::default(), &url, CAP, None).expect("no file is needed");
    client.get("agents", url).send_packed(Instant::now() + deadline).await
}

/// What a vendor would make of it: a list of JSON, as long as it is.
async fn list(url: &str, deadline: Duration) -> Result<usize, Failure> {
    let mut answer = get(url, deadline).await?.success()?;
    let mut items = 0;
    lenient::items::<serde::de::IgnoredAny>(answer.take_json()?.reader(), "value", |_| items += 1)?;
    Ok(items)
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A head with these lines, and a body.
fn answer(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}");
    let length = if lines.contains("ength") || lines.contains("hunked") {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    [head.as_bytes(), length.as_bytes(), b"\r\n", body].concat()
}

/// What a server does, and what is promised then.
type Row = (&'static str, Vec<u8>, Result<usize, (Reason, &'static str)>);

fn rows() -> Vec<Row> {
    let bomb = packed(&vec![b' '; 64 << 20]);
    let twice = packed(&packed(b"[1,2]"));
    let chunked = |body: &str| answer("transfer-encoding: chunked\r\n", body.as_bytes());
    let wide: Vec<u8> = "[1]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let many: String = (0..1000).map(|index| format!("set-cookie: c{index}=x\r\n")).collect();
    let (too_large, decode, connect) = (Reason::TooLarge, Reason::Decode, Reason::Connect);
    vec![
        ("a good list", answer("", b"[1,2]"), Ok(2)),
        ("a packed list", answer("content-encoding: gzip\r\n", &packed(b"[1,2]")), Ok(2)),
        ("a bomb", answer("content-encoding: gzip\r\n", &bomb), Err((too_large, "max_response_size"))),
        ("nested encodings", answer("content-encoding: gzip, gzip\r\n", &twice), Err((decode, "JSON"))),
        (
            "encodings twice",
            answer("content-encoding: gzip\r\ncontent-encoding: gzip\r\n", &twice),
            Err((decode, "JSON")),
        ),
        ("deflate", answer("content-encoding: deflate\r\n", b"\x78\x9c\x8b\x36\xd4"), Err((decode, "JSON"))),
        ("br", answer("content-encoding: br\r\n", b"\x0b\x02\x80[1,2]\x03"), Err((decode, "JSON"))),
        ("packed and cut", answer("content-encoding: gzip\r\n", &packed(b"[1,2]")[..12]), Err((decode, "gzip"))),
        ("announced too large", answer("content-length: 2000000\r\n", b"["), Err((too_large, "max_response_size"))),
        ("announced beyond all", answer("content-length: 18446744073709551615\r\n", b"["), Err((too_large, ""))),
        ("ends before its length", answer("content-length: 500\r\n", b"[1"), Err((decode, ""))),
        ("goes on behind its length", answer("content-length: 3\r\n", b"[1]HTTP/1.1 200 OK\r\n\r\n[7]"), Ok(1)),
        ("two lengths", answer("content-length: 3\r\ncontent-length: 5\r\n", b"[1]"), Err((decode, "content-length"))),
        ("a negative length", answer("content-length: -3\r\n", b"[1]"), Err((decode, "content-length"))),
        (
            "a length and chunks",
            answer("content-length: 90\r\ntransfer-encoding: chunked\r\n", b"3\r\n[1]\r\n0\r\n\r\n"),
            Ok(1),
        ),
        ("a chunk size that overflows", chunked("fffffffffffffffff\r\n[1]"), Err((decode, ""))),
        ("a chunk size that is none", chunked("soon\r\n[1]"), Err((decode, ""))),
        ("chunks without an end", chunked("3\r\n[1]\r\n"), Err((decode, ""))),
        ("UTF-16", answer("", &wide), Err((decode, "JSON"))),
        ("bytes that are no text", answer("", b"[\"\xff\xfe\",1]"), Ok(2)),
        ("NUL", answer("", b"[1]\0"), Err((decode, "JSON"))),
        ("nothing", answer("", b""), Err((decode, "JSON"))),
        ("a long line in the head", answer(&format!("x: {}\r\n", "x".repeat(1 << 20)), b"[1]"), Err((too_large, ""))),
        ("a thousand cookies", answer(&many, b"[1]"), Err((too_large, ""))),
        ("a head that is cut", b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec(), Err((connect, ""))),
        ("a status that is none", b"HTTP/1.1 99999 OK\r\n\r\n".to_vec(), Err((decode, ""))),
        ("a header that is none", b"HTTP/1.1 200 OK\r\n\x01\x02: x\r\n\r\n[1]".to_vec(), Err((decode, ""))),
        ("another protocol", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), Err((connect, "https"))),
        ("no answer", Vec::new(), Err((connect, ""))),
        ("204 with a body", b"HTTP/1.1 204 No Content\r\n\r\n[1]".to_vec(), Err((decode, "JSON"))),
        ("304 with a body", b"HTTP/1.1 304 Not Modified\r\n\r\n[1]".to_vec(), Err((Reason::HttpStatus, "304"))),
        ("101", b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(), Err((Reason::HttpStatus, "101"))),
        (
            "early hints first",
            [&b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"[..], &answer("", b"[1]")].concat(),
            Ok(1),
        ),
    ]
}

#[tokio::test]
async fn every_way_to_answer_ends_with_its_reason() {
    let mut wrong = Vec::new();
    for (name, bytes, promised) in rows() {
        let server = Server::http(move |_| Response::raw(bytes.clone()));
        let (got, started) = (list(server.url(), LONG).await, Instant::now());
        let is_as_promised = match (&got, promised) {
            (Ok(items), Ok(expected)) => *items == expected,
            (Err(failure), Err((reason, part))) => failure.reason == reason && failure.message.contains(part),
            _ => false,
        };
        if !is_as_promised || started.elapsed() > LONG / 2 {
            wrong.push(format!("{name}: {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A server that sends this head, and then these bytes again and again until nobody reads any more. Counts what it could send.
fn endless(head: &'static [u8], again: Vec<u8>, pause: Duration) -> (Server, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (count, again) = (Arc::clone(&sent), Arc::new(again));
    let server = Server::hijack(move |_, mut stream| {
        let (count, again) = (Arc::clone(&count), Arc::clone(&again));
        async move {
            stream.write_all(head).await?;
            loop {
                stream.write_all(&again).await?;
                count.fetch_add(again.len(), Ordering::Relaxed);
                sleep(pause).await;
            }
        }
    });
    (server, sent)
}

/// What fits into the buffers of two sockets, on a machine that is generous.
const BUFFERS: usize = 32 << 20;

#[tokio::test]
async fn interim_answers_without_end_are_given_up_at_once() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(1000);
    let (server, sent) = endless(b"", interim, Duration::ZERO);
    let started = Instant::now();
    let failure = get(server.url(), LONG).await.expect_err("no real answer comes");
    assert_eq!(failure.reason, Reason::Decode);
    assert!(failure.message.contains("answers of 1xx without end"), "{failure}");
    assert!(started.elapsed() < LONG / 2, "it was not waited for the deadline");
    // The connection is closed: the server cannot go on.
    let before = settled(&sent).await;
    assert!(before < BUFFERS, "{before} bytes were taken");
}

/// What was sent when no more is.
async fn settled(sent: &AtomicUsize) -> usize {
    loop {
        let before = sent.load(Ordering::Relaxed);
        sleep(SHORT).await;
        if sent.load(Ordering::Relaxed) == before {
            return before;
        }
    }
}

#[tokio::test]
async fn what_has_no_end_is_given_up_when_it_is_too_much() {
    let chunk = b"100\r\n".iter().chain(&[b' '; 256]).chain(b"\r\n").copied().collect::<Vec<u8>>().repeat(64);
    let json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let chunks = [&json[..], b"transfer-encoding: chunked\r\n\r\n"].concat();
    let until_closed = [&json[..], b"connection: close\r\n\r\n["].concat();
    for (name, head, again) in [
        ("chunks", chunks, chunk),
        ("a body until the connection ends", until_closed, vec![b' '; 1 << 16]),
        ("a head", b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-header: value\r\n".repeat(100)),
        ("a line of a head", b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 1 << 16]),
    ] {
        let (server, sent) = endless(head.leak(), again, Duration::ZERO);
        let failure = get(server.url(), LONG).await.expect_err(name);
        assert_eq!(failure.reason, Reason::TooLarge, "{name}: {failure}");
        assert!(settled(&sent).await < BUFFERS, "{name}");
    }
}

#[tokio::test]
async fn what_comes_too_slowly_ends_at_the_deadline() {
    let json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n[";
    let slow = Duration::from_millis(50);
    let servers = [
        ("a body, byte by byte", endless(json, vec![b' '], slow).0),
        ("a head, byte by byte", endless(b"HTTP/1.1 200 OK\r\nx: ", vec![b'x'], slow).0),
        ("silence", Server::http(|_| Response::silence())),
        ("half of a body", Server::http(|_| Response::raw(json.to_vec()).hang())),
        ("interim answers, one by one", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), LONG).0),
    ];
    for (name, server) in servers {
        let failure = get(server.url(), SHORT).await.expect_err(name);
        assert_eq!(failure.reason, Reason::Timeout, "{name}: {failure}");
    }
    // TLS that never begins.
    let server = Server::tcp(|mut stream: TcpStream| async move { until_closed(&mut stream).await });
    let url = server.url().replace("http:", "https:");
    assert_eq!(get(&url, SHORT).await.expect_err("no handshake").reason, Reason::Timeout);
}

#[tokio::test]
async fn a_connection_that_is_reset_has_the_reason_of_where_it_was() {
    for (name, begun, reason) in [
        ("before the answer", &b""[..], Reason::Connect),
        ("in the head", b"HTTP/1.1 200 OK\r\nconte", Reason::Connect),
        (
            "in the body",
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n[1",
            Reason::Decode,
        ),
    ] {
        let server = Server::hijack(move |_, mut stream| async move {
            stream.write_all(begun).await?;
            // The client has it before the connection is reset.
            sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger()
        });
        let failure = get(server.url(), LONG).await.expect_err(name);
        assert_eq!(failure.reason, reason, "{name}: {failure}");
    }
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let other = Server::http(|_| Response::new(200, "application/json", "[1]"));
    for (status, scheme) in [(301, "http"), (302, "http"), (303, "https"), (307, "http"), (308, "http")] {
        let location = other.url().replace("http", scheme);
        let server = Server::http(move |_: &Request| Response::status(status).header("location", &location));
        let failure = list(server.url(), LONG).await.expect_err("a redirect is no list");
        assert_eq!(failure.reason, Reason::HttpStatus, "{failure}");
    }
    assert!(other.requests().is_empty(), "{:?}", other.requests());
}

#[tokio::test]
async fn large_answers_of_many_servers_fit_into_the_budget_together() {
    let json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8000000\r\n\r\n";
    let (server, _) = endless(json, vec![b' '; 1 << 16], Duration::ZERO);
    let room = Arc::new(Room::new(16 << 20));
    let url: Url = server.url().parse().expect("a URL");
    let client = Client::with_room(&url, 64 << 20, &room);
    let most = AtomicUsize::new(0);
    let watch = async {
        loop {
            most.fetch_max(room.used(), Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let all = (0..12).map(|_| {
        let call = client.get("agents", url.clone());
        async { call.send(Instant::now() + LONG).await.map(|answer| answer.body.len()) }
    });
    tokio::select! {
        () = watch => {}
        lengths = futures_util::future::join_all(all) => {
            for length in lengths {
                assert_eq!(length.expect("there is time for one after the other"), 8_000_000);
            }
        }
    }
    let most = most.into_inner();
    assert!(most > 8_000_000 && most <= 16 << 20, "{most}");
    assert_eq!(room.used(), 0, "everything is given back");
}

#[tokio::test]
async fn an_answer_that_finds_no_room_says_so() {
    let json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8000000\r\n\r\n";
    let (server, _) = endless(json, vec![b' '; 1 << 16], Duration::ZERO);
    let room = Arc::new(Room::new(16 << 20));
    let url: Url = server.url().parse().expect("a URL");
    let client = Client::with_room(&url, 64 << 20, &room);
    // Somebody has not read it yet.
    let held = client.get("agents", url.clone()).send(Instant::now() + LONG).await.expect("there is room");
    let call = client.get("agents", url.clone());
    let failure = call.send(Instant::now() + SHORT).await.expect_err("there is no room");
    assert_eq!(failure.reason, Reason::Timeout);
    assert!(failure.message.contains("http.max_buffered"), "{failure}");
    drop(held);
    client.get("agents", url.clone()).send(Instant::now() + LONG).await.expect("there is room again");
    assert_eq!(room.used(), 0);
}

fn through(server: &Server) -> Http {
    let proxy = server.url().replace("http://", "http://me:secret@");
    Http { proxy: Proxy::Url(proxy.parse().expect("a URL")), ..Http::default() }
}

#[tokio::test]
async fn credentials_for_loopback_leave_through_no_proxy() {
    let (target, proxy) =
        (Server::http(|_| Response::new(200, "application/json", "[]")), Server::http(|_| Response::status(502)));
    let url: Url = target.url().parse().expect("a URL");
    let client = Client::with(&through(&proxy), &url, CAP, None).expect("no file is needed");
    let call = client.get("agents", url).basic("monitor", &crate::config::secret::SecretText::new("password"));
    call.send(Instant::now() + LONG).await.expect("the target answers");
    assert_eq!(target.requests()[0].header("authorization"), "Basic bW9uaXRvcjpwYXNzd29yZA==");
    assert!(proxy.requests().is_empty(), "{:?}", proxy.requests());
}

#[tokio::test]
async fn everything_else_goes_through_the_proxy_with_its_credentials() {
    let proxy = Server::http(|_| Response::new(200, "application/json", "[]"));
    let url: Url = "http://filer.example.com/api?a=b".parse().expect("a URL");
    let client = Client::with(&through(&proxy), &url, CAP, None).expect("no file is needed");
    client.get("agents", url).send(Instant::now() + LONG).await.expect("the proxy answers");
    let request = &proxy.requests()[0];
    assert_eq!(request.line, "GET http://filer.example.com/api?a=b");
    assert_eq!((request.header("host"), request.header("accept")), ("filer.example.com", "*/*"));
    assert_eq!(request.header("proxy-authorization"), "Basic bWU6c2VjcmV0");
    let refusing = Server::http(|_| Response::status(407));
    let url: Url = "https://filer.example.com/api".parse().expect("a URL");
    let client = Client::with(&through(&refusing), &url, CAP, None).expect("no file is needed");
    let failure = client.get("agents", url).send(Instant::now() + LONG).await.expect_err("it lets nobody through");
    assert_eq!(failure.reason, Reason::Connect);
    assert!(failure.message.contains("proxy authorization required"), "{failure}");
    assert_eq!(refusing.requests()[0].line, "CONNECT filer.example.com:443");
    assert_eq!(refusing.requests()[0].header("proxy-authorization"), "Basic bWU6c2VjcmV0");
}

#[tokio::test]
async fn tls_is_as_the_settings_say() {
    install_crypto();
    let made = rcgen::generate_simple_self_signed(vec!["storefront.example.com".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a certificate and its key");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::tcp(move |stream| {
        let accepted = acceptor.accept(stream);
        async {
            let mut stream = accepted.await?;
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await?;
            stream.write_all(&answer("connection: close\r\n", b"[1]")).await?;
            stream.shutdown().await
        }
    });
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, made.cert.pem()).expect("a file can be written");
    let url: Url = server.url().replace("http:", "https:").parse().expect("a URL");
    let (ca_file, name) = (Some(path), Some("storefront.example.com".to_owned()));
    let of_key = Pin::of(&rcgen::PublicKeyData::subject_public_key_info(&made.signing_key));
    for (tls, expected) in [
        (Tls { insecure_skip_verify: true, ..Tls::default() }, Ok(())),
        // Whoever has signed it, and whatever its name is.
        (Tls { pin_sha256: Some(Pin::of(made.cert.der())), ..Tls::default() }, Ok(())),
        (Tls { pin_sha256: Some(of_key), ..Tls::default() }, Ok(())),
        (Tls { pin_sha256: Some(Pin::of(b"another")), ..Tls::default() }, Err("pin_sha256")),
        (Tls { ca_file: ca_file.clone(), server_name: name.clone(), ..Tls::default() }, Ok(())),
        (Tls { ca_file, ..Tls::default() }, Err("http.tls.server_name")),
        (Tls { server_name: name, ..Tls::default() }, Err("http.tls.ca_file")),
    ] {
        let settings = Http { tls, ..Http::default() };
        let client = Client::with(&settings, &url, CAP, None).expect("the file is there");
        let got = client.get("agents", url.clone()).send(Instant::now() + LONG).await;
        match (got, expected) {
            (Ok(_), Ok(())) => {
                let counts = client.stats().counts();
                assert_eq!(counts.certificates[0].0, "127.0.0.1");
            }
            (Err(failure), Err(hint)) => {
                assert_eq!(failure.reason, Reason::Tls);
                assert!(failure.message.contains(hint), "{failure}");
            }
            (other, _) => panic!("{settings:?}: {other:?}"),
        }
    }
}
