//! Plain HTTP or TLS, versions, ciphers, curves and HTTP/2.

use std::time::Duration;

use hyper::StatusCode;
use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};

use super::{client::tls11_alert, *};

#[tokio::test]
async fn plain_and_tls_are_told_apart() {
    // Neither a file, nor TLS: a client that begins TLS is answered by HTTP.
    let plain = Running::with(Pki::new(), Door::open(None).expect("nothing can be wrong")).await;
    assert!(http_get(&plain.address, "/-/healthy", &[]).await.starts_with("HTTP/1.1 200"));
    alert(plain.client().get("/-/healthy").await, "InvalidContentType");
    assert_eq!(plain.door.scheme(), "http");
    let tls = Running::start(Pki::new(), GOOD).await;
    passed(tls.client().get("/-/healthy").await);
    let told = http_get(&tls.address, "/-/healthy", &[]).await;
    assert!(told.starts_with("HTTP/1.0 400") && told.contains("HTTPS server"), "{told}");
    assert_eq!(tls.door.scheme(), "https");
}

#[tokio::test]
async fn versions_are_those_that_are_set() {
    use rustls::version::{TLS12, TLS13};
    passed(ask(GOOD, |client, _| client.versions(&[&TLS12])).await);
    passed(ask(GOOD, |client, _| client.versions(&[&TLS13])).await);
    let only = |version: &str| format!("{SERVER}  min_version: {version}\n  max_version: {version}\n");
    alert(ask(&only("TLS13"), |client, _| client.versions(&[&TLS12])).await, "ProtocolVersion");
    alert(ask(&only("TLS12"), |client, _| client.versions(&[&TLS13])).await, "ProtocolVersion");
    passed(ask(&only("TLS12"), |client, _| client).await);
    // A client of TLS 1.1 is told in the words of its time: alert 70, protocol version.
    let running = Running::start(Pki::new(), GOOD).await;
    assert_eq!(tls11_alert(&running.address).await, Some(70));
}

#[tokio::test]
async fn ciphers_are_those_in_common() {
    const GCM128: rustls::SupportedCipherSuite = cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    const GCM256: rustls::SupportedCipherSuite = cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    const CHACHA: rustls::SupportedCipherSuite = cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    let names = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
    let some = |first: usize, more: &str| {
        format!("{SERVER}  max_version: TLS12\n  cipher_suites: [{}, {}]\n{more}", names[first], names[1 - first])
    };
    let chosen = async |text: &str, suites: &[rustls::SupportedCipherSuite]| {
        ask(text, |client, _| client.cipher_suites(suites)).await.map(|answer| answer.cipher_suite)
    };
    assert_eq!(chosen(&some(0, ""), &[GCM128]).await, Ok(names[0].to_owned()));
    alert(ask(&some(0, ""), |client, _| client.cipher_suites(&[CHACHA])).await, "HandshakeFailure");
    // The order of the server counts, unless it is not to.
    assert_eq!(chosen(&some(0, ""), &[GCM256, GCM128]).await, Ok(names[0].to_owned()));
    assert_eq!(chosen(&some(1, ""), &[GCM128, GCM256]).await, Ok(names[1].to_owned()));
    let client_first = some(1, "  prefer_server_cipher_suites: false\n");
    assert_eq!(chosen(&client_first, &[GCM128, GCM256]).await, Ok(names[0].to_owned()));
    // TLS 1.3 is not for the list to take away.
    let without = format!("{SERVER}  cipher_suites: [{}]\n", names[0]);
    assert!(chosen(&without, &[cipher_suite::TLS13_AES_128_GCM_SHA256]).await.is_ok());
}

#[tokio::test]
async fn curves_are_those_in_common() {
    let all = format!("{SERVER}  curve_preferences: [CurveP256, CurveP384, X25519, X25519MLKEM768]\n");
    passed(ask(&all, |client, _| client).await);
    for version in ["TLS12", "TLS13"] {
        let one =
            format!("{SERVER}  curve_preferences: [CurveP384]\n  min_version: {version}\n  max_version: {version}\n");
        passed(ask(&one, |client, _| client.curves(&[kx_group::SECP384R1])).await);
        passed(ask(&one, |client, _| client.curves(&[kx_group::X25519, kx_group::SECP384R1])).await);
        alert(ask(&one, |client, _| client.curves(&[kx_group::SECP256R1])).await, "HandshakeFailure");
    }
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_not_off() {
    let of = async |text: &str| {
        let running = Running::start(Pki::new(), text).await;
        let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).no_proxy();
        let client = client.build().expect("a client without options that can be wrong");
        let answer = client.get(format!("https://{}/metrics", running.address)).send().await.expect("it answers");
        assert_eq!(answer.status(), StatusCode::OK);
        (answer.version(), answer.bytes().await.expect("all of it comes").len() > 100)
    };
    assert_eq!(of(SERVER).await, (hyper::Version::HTTP_2, true));
    assert_eq!(of(&format!("{SERVER}http_server_config: {{ http2: false }}\n")).await, (hyper::Version::HTTP_11, true));
}

/// A handshake that is not finished keeps nobody else waiting, and is given up.
#[tokio::test]
async fn a_client_that_is_silent_in_the_handshake_is_given_up() {
    let running = Running::start(Pki::new(), SERVER).await;
    let silent = tokio::net::TcpStream::connect(&running.address).await.expect("it listens");
    passed(running.client().get("/-/healthy").await);
    tokio::time::pause();
    let mut byte = [0];
    let ended = async {
        loop {
            // The time of the test stands still while the server has something to do.
            tokio::time::sleep(Duration::from_millis(100)).await;
            match silent.try_read(&mut byte) {
                Ok(0) => return,
                Ok(_) => panic!("nothing was to be said"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    };
    tokio::time::timeout(3 * HANDSHAKE_TIMEOUT, ended).await.expect("it is given up");
}
