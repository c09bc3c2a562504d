//! Through the door of a real server: the rows of the exporter-toolkit's own tests about versions, ciphers, curves,
//! certificates of clients, names, users, headers, limits, and changes while it runs.

mod client;

use std::{path::Path, sync::Arc, time::Duration};

use hyper::StatusCode;
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    config::web::tests::pki::{Pki, dns, self_signed},
    daemon::Daemon,
    web::{Listener, Options, Server, State},
};
use client::{Client, http_get, tls11_alert};

const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
const GOOD: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: VerifyClientCertIfGiven\n";
/// The password of `dave` is `dave123`.
const DAVE: &str = "basic_auth_users: { dave: $2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq }\n";

/// A server with this web configuration, until it is dropped.
struct Running {
    address: String,
    door: Arc<Door>,
    pki: Pki,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    async fn start(pki: Pki, text: &str) -> Running {
        let file = pki.write("web.yml", text);
        let door = Door::open(Some(&file)).unwrap_or_else(|error| panic!("{error}\n{text}"));
        Running::with(pki, door).await
    }

    async fn with(pki: Pki, door: Door) -> Running {
        crate::http::install_crypto();
        let config = pki.write("rollcall.yml", "targets: []\n");
        let daemon = Daemon::start(config, None, String::new(), String::new()).await.expect("it is valid");
        let door = Arc::new(door);
        let options = Options {
            route_prefix: String::new(),
            external_url: String::new(),
            max_requests: 0,
            max_connections: 0,
            enable_lifecycle: false,
            door: Arc::clone(&door),
        };
        let listener = Listener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let (address, stop) = (listener.to_string(), CancellationToken::new());
        tokio::spawn(Server::new(vec![listener], State::new(daemon, options)).run(stop.clone()));
        Running { address, door, pki, stop }
    }

    fn client(&self) -> Client {
        Client::new(&self.address, &self.pki.authority)
    }

    /// Looks at the files as often as it takes to see a change and that it is over.
    fn look(&self) {
        self.door.look();
        self.door.look();
    }
}

/// A server with this configuration is asked by the client that is made of its own one.
async fn ask(text: &str, client: impl FnOnce(Client, &Pki) -> Client) -> Result<client::Answer, String> {
    let running = Running::start(Pki::new(), text).await;
    client(running.client(), &running.pki).get("/-/healthy").await
}

#[track_caller]
fn passed(result: Result<client::Answer, String>) {
    match result {
        Ok(answer) if answer.status == 200 => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn alert(result: Result<client::Answer, String>, expected: &str) {
    match result {
        Err(error) if error.contains(expected) => {}
        other => panic!("{other:?} instead of {expected}"),
    }
}

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

/// The certificates that a client may show.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shown {
    Nothing,
    /// One of the authority that is trusted.
    Issued,
    /// One that is for servers.
    OfServer,
    /// One that signs itself.
    Stranger,
}

#[tokio::test]
async fn clients_show_what_the_policy_asks_for() {
    use Shown::{Issued, Nothing, OfServer, Stranger};
    // Which of them come in; with the authority that is in the file, where the policy has a use for one.
    let rows: [(&str, bool, &[Shown]); 6] = [
        ("NoClientCert", false, &[Nothing, Issued, OfServer, Stranger]),
        ("RequestClientCert", false, &[Nothing, Issued, OfServer, Stranger]),
        ("RequireAnyClientCert", false, &[Issued, OfServer, Stranger]),
        ("RequireClientCert", false, &[Issued, OfServer, Stranger]),
        ("VerifyClientCertIfGiven", true, &[Nothing, Issued]),
        ("RequireAndVerifyClientCert", true, &[Issued]),
    ];
    for (policy, with_ca, comes_in) in rows {
        let ca = if with_ca { "  client_ca_file: ca.pem\n" } else { "" };
        let running = Running::start(Pki::new(), &format!("{SERVER}  client_auth_type: {policy}\n{ca}")).await;
        for shown in [Nothing, Issued, OfServer, Stranger] {
            let certificate = match shown {
                Nothing => None,
                Issued => Some(running.pki.client(&[dns("prometheus")])),
                OfServer => Some(running.pki.issue(&[dns("prometheus")], ExtendedKeyUsagePurpose::ServerAuth)),
                Stranger => Some(self_signed(&[dns("prometheus")], false, 4000)),
            };
            for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
                let client = certificate.iter().fold(running.client(), |client, issued| client.showing(issued));
                let result = client.versions(&[version]).get("/-/healthy").await;
                assert_eq!(result.is_ok(), comes_in.contains(&shown), "{policy} {shown:?} {version:?}: {result:?}");
                if let (Nothing, Err(error)) = (shown, &result) {
                    assert!(error.contains("CertificateRequired"), "{policy}: {error}");
                }
            }
        }
    }
}

/// As the toolkit's own certificates of clients are: they sign themselves, are marked as authorities, and are trusted as such.
#[tokio::test]
async fn a_client_may_be_trusted_by_its_very_certificate() {
    for (as_authority, expires, comes_in) in [(true, 4000, true), (false, 4000, true), (true, 2001, false)] {
        let own = self_signed(&[dns("prometheus")], as_authority, expires);
        let pki = Pki::new();
        pki.write("client.pem", &own.certificate.pem());
        let text = format!("{SERVER}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.pem\n");
        let running = Running::start(pki, &text).await;
        let result = running.client().showing(&own).get("/-/healthy").await;
        assert_eq!(result.is_ok(), comes_in, "{as_authority} {expires}: {result:?}");
        let other = self_signed(&[dns("prometheus")], as_authority, 4000);
        assert!(running.client().showing(&other).get("/-/healthy").await.is_err(), "it has the name, and not the key");
    }
}

#[tokio::test]
async fn without_an_authority_of_ones_own_those_of_the_system_count() {
    let running =
        Running::start(Pki::new(), &format!("{SERVER}  client_auth_type: RequireAndVerifyClientCert\n")).await;
    alert(running.client().get("/-/healthy").await, "CertificateRequired");
    let issued = running.pki.client(&[dns("prometheus")]);
    alert(running.client().showing(&issued).get("/-/healthy").await, "UnknownCA");
}

#[tokio::test]
async fn one_of_the_names_must_be_allowed() {
    let text = |allowed: &str| {
        format!(
            "{SERVER}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  client_allowed_sans: [{allowed}]\n"
        )
    };
    let email = |name: &str| SanType::Rfc822Name(name.try_into().expect("ASCII"));
    let uri = |name: &str| SanType::URI(name.try_into().expect("ASCII"));
    let ip = |address: &str| SanType::IpAddress(address.parse().expect("an address"));
    for (allowed, names, comes_in) in [
        ("one, test3, two", vec![dns("test3")], true),
        ("one, test3, two", vec![dns("other"), dns("two")], true),
        ("bad", vec![dns("test3")], false),
        ("one", vec![], false),
        // Exactly, and not as a pattern or in part.
        ("'*.example.com'", vec![dns("a.example.com")], false),
        ("example.com", vec![dns("a.example.com")], false),
        ("TEST3", vec![dns("test3")], false),
        ("ops@example.com", vec![email("ops@example.com")], true),
        ("ops@example.com", vec![email("dev@example.com")], false),
        (
            "'spiffe://cluster/ns/monitoring/sa/prometheus'",
            vec![uri("spiffe://cluster/ns/monitoring/sa/prometheus")],
            true,
        ),
        ("'spiffe://cluster/ns/monitoring'", vec![uri("spiffe://cluster/ns/monitoring/sa/prometheus")], false),
        ("192.0.2.7", vec![ip("192.0.2.7")], true),
        ("192.0.2.7", vec![ip("192.0.2.8")], false),
        ("'2001:db8::7'", vec![ip("2001:db8:0:0::7")], true),
    ] {
        let running = Running::start(Pki::new(), &text(allowed)).await;
        let issued = running.pki.client(&names);
        let result = running.client().showing(&issued).get("/-/healthy").await;
        match comes_in {
            true => passed(result),
            false => alert(result, "BadCertificate"),
        }
    }
    // Where a certificate need not come, one without a name must not get around the list.
    let open = format!("{SERVER}  client_auth_type: RequestClientCert\n  client_allowed_sans: [one]\n");
    alert(ask(&open, |client, _| client).await, "CertificateRequired");
    passed(ask(&open, |client, pki| client.showing(&pki.client(&[dns("one")]))).await);
}

#[tokio::test]
async fn users_log_on_with_tls_and_without() {
    for (tls, text) in [(false, DAVE.to_owned()), (true, format!("{SERVER}{DAVE}"))] {
        let running = Running::start(Pki::new(), &text).await;
        for (login, expected) in
            [(None, 401), (Some("dave:dave123"), 200), (Some("dave:bad"), 401), (Some("nonexistent:nonexistent"), 401)]
        {
            let value = login
                .map(|login| format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, login)));
            let headers: Vec<(&str, &str)> = value.iter().map(|value| ("authorization", value.as_str())).collect();
            // Every path is guarded, as with the toolkit.
            for path in ["/metrics", "/-/healthy", "/-/ready", "/", "/nowhere"] {
                let (status, head) = match tls {
                    true => {
                        let answer = running.client().get_with(path, &headers).await.expect("it answers");
                        (answer.status, answer.head)
                    }
                    false => {
                        let head = http_get(&running.address, path, &headers).await;
                        (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), head)
                    }
                };
                let path_expected = if expected == 200 && path == "/nowhere" { 404 } else { expected };
                assert_eq!(status, path_expected, "{login:?} {path}");
                assert_eq!(head.contains("www-authenticate: Basic realm="), expected == 401, "{head}");
            }
        }
    }
}

#[tokio::test]
async fn headers_are_on_every_answer() {
    let text = format!(
        "{DAVE}http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Content-Security-Policy: default-src 'self'\n"
    );
    let running = Running::start(Pki::new(), &text).await;
    for headers in [&[][..], &[("authorization", "Basic ZGF2ZTpkYXZlMTIz")]] {
        let head = http_get(&running.address, "/-/healthy", headers).await;
        for line in [
            "x-frame-options: deny",
            "strict-transport-security: max-age=31536000; includeSubDomains",
            "x-content-type-options: nosniff",
            "x-xss-protection: 1",
            "content-security-policy: default-src 'self'",
        ] {
            assert_eq!(head.matches(line).count(), 1, "{line}\n{head}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_is_for_all_requests() {
    let codes = async |text: &str| {
        let running = Running::start(Pki::new(), text).await;
        let mut codes = Vec::new();
        for _ in 0..10 {
            codes.push(http_get(&running.address, "/-/healthy", &[]).await[9..12].to_owned());
        }
        codes
    };
    assert_eq!(codes("rate_limit: { interval: 0, burst: 0 }").await, ["200"; 10]);
    assert_eq!(codes("rate_limit: { interval: 1s, burst: 0 }").await, ["429"; 10]);
    let some = codes("rate_limit: { interval: 1h, burst: 3 }").await;
    assert_eq!(some.iter().filter(|code| *code == "200").count(), 3, "{some:?}");
}

#[tokio::test]
async fn what_changes_holds_for_the_next_handshake_and_request() {
    let running =
        Running::start(Pki::new(), &format!("{SERVER}  client_auth_type: RequireAndVerifyClientCert\n")).await;
    alert(running.client().get("/-/healthy").await, "CertificateRequired");
    running.pki.write("web.yml", GOOD);
    running.look();
    let before = running.client().get("/-/healthy").await.expect("no certificate is asked for any more");
    // The certificate alone is exchanged, one file after the other: in between the two do not belong together.
    let new = running.pki.server();
    running.pki.write("server.crt", &new.certificate.pem());
    running.look();
    let between = running.client().get("/-/healthy").await.expect("the last good one stays");
    assert_eq!(between.certificate, before.certificate);
    running.pki.write("server.key", &new.key_pem());
    running.look();
    let after = running.client().get("/-/healthy").await.expect("it is the new one");
    assert_ne!(after.certificate, before.certificate);
    // Users come with the next request.
    running.pki.write("web.yml", &format!("{GOOD}{DAVE}"));
    running.look();
    assert_eq!(running.client().get("/-/healthy").await.expect("it answers").status, 401);
}

/// Whatever becomes of the files: nobody is let in who was not before, and nobody is kept out.
#[tokio::test]
async fn a_change_that_cannot_be_used_closes_no_door_and_opens_none() {
    let text = format!("{SERVER}{DAVE}");
    let running = Running::start(Pki::new(), &text).await;
    let states = async || {
        let known = running.client().get_with("/-/healthy", &[("authorization", "Basic ZGF2ZTpkYXZlMTIz")]).await;
        let unknown = running.client().get("/-/healthy").await;
        (known.expect("it answers").status, unknown.expect("it answers").status)
    };
    assert_eq!(states().await, (200, 401));
    for (what, broken) in [
        ("empty, as while it is written", String::new()),
        ("half of it", text[..text.len() / 2].to_owned()),
        ("without its users' hashes", text.replace("$2y$10$", "")),
        ("a typo", text.replace("basic_auth_users", "basic_auth_user")),
        ("TLS is gone", DAVE.to_owned()),
        ("a certificate that is not there", text.replace("server.crt", "nowhere")),
    ] {
        running.pki.write("web.yml", &broken);
        running.look();
        assert_eq!(states().await, (200, 401), "{what}");
    }
    std::fs::remove_file(running.pki.file("web.yml")).expect("it is there");
    running.look();
    assert_eq!(states().await, (200, 401), "it is gone");
    // And a good one is taken up again.
    running.pki.write("web.yml", SERVER);
    running.look();
    assert_eq!(states().await, (200, 200));
}

#[tokio::test]
async fn a_file_that_is_being_written_is_left_alone() {
    let pki = Pki::new();
    let door = Door::open(Some(&pki.write("web.yml", DAVE))).expect("it is valid");
    let status = async || {
        let request = hyper::Request::get("/").body(()).expect("a request");
        let admitted = door.admit(&Request::of(&request), Peer::Local).await;
        admitted.err().map_or(200, |refused| refused.status.as_u16())
    };
    pki.write("web.yml", "{}");
    door.look();
    assert_eq!(status().await, 401, "it may not be finished");
    pki.write("web.yml", "{ }");
    door.look();
    assert_eq!(status().await, 401, "it was not");
    door.look();
    assert_eq!(status().await, 200, "it was the same twice");
}

#[test]
fn a_broken_file_is_an_error_at_the_start() {
    let pki = Pki::new();
    let file = pki.write("web.yml", &format!("{SERVER}nonsense: 1\nbasic_auth_users: {{ john: doe }}\n"));
    let error = Door::open(Some(&file)).expect_err("it is broken");
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(Door::open(Some(Path::new("/no/such/web.yml"))).is_err());
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
