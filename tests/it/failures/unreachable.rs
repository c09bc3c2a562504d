//! A server that was never there: unknown host, no TLS, TLS by an authority that nobody knows.

use std::sync::Arc;

use rollcall_test_server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Config, Daemon, Folder, Sim, Target, VENDORS, on_runtime};

/// A TLS server with a certificate of its own making; gives it, and the certificate as PEM.
fn tls_server() -> (Server, String) {
    rollcall::http::install_crypto();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key).expect("a key that was just made");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")));
    let server = on_runtime(|| {
        Server::tcp(move |stream| {
            let accepting = acceptor.accept(stream);
            async move {
                // Where somebody trusts us, the answer is that there is nothing here.
                let mut stream = accepting.await?;
                let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.read(&mut [0; 4096]).await?;
                stream.write_all(answer).await?;
                stream.shutdown().await
            }
        })
    });
    (server, made.cert.pem())
}

#[test]
fn a_server_that_cannot_be_reached_is_told_by_its_reason_and_gives_no_data() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let (server, certificate) = tls_server();
    let port = server.address().port();
    folder.write("ca.pem", &certificate);
    let mut rows = Vec::new();
    for vendor in VENDORS {
        let target = |kind: &str, base: &str| {
            let name = format!("{vendor}-{kind}");
            let target = Target::of(vendor, &name, &sim).set("stale_after", "20s");
            target.map("url", |url| url.replace(&sim.url(vendor), base))
        };
        let plain = format!("https://{}", sim.address(vendor));
        rows.push((vendor, "dns", target("host", "https://nonexistent.invalid")));
        rows.push((vendor, "tls", target("plain", &plain)));
        rows.push((vendor, "tls", target("stranger", &format!("https://localhost:{port}"))));
        // The same server is reached where its certificate is trusted.
        let status = if vendor == "parallels_ras_session" { "http_status" } else { "not_found" };
        let trusted = target("trusted", &format!("https://localhost:{port}"));
        rows.push((vendor, status, trusted.set("http", "{ tls: { ca_file: ca.pem } }")));
    }
    // A daemon of their own for those that are reached: their log-ons prove nothing, and others of the account would wait.
    let (trusted, unreached): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(_, _, target)| target.name().ends_with("-trusted"));
    for rows in [unreached, trusted] {
        each_has_its_reason(&rows, &folder);
    }
    assert!(sim.journal().is_empty(), "nothing that is meant for TLS is sent in the clear");
}

/// Polls each target, and finds the reason why there are no data.
fn each_has_its_reason(rows: &[(&str, &str, Target)], folder: &Folder) {
    let config = Config::with_defaults("{ interval: 1s, timeout: 10s, stale_after: 20s }");
    let config = config.targets(rows.iter().map(|(_, _, target)| target.clone()));
    let daemon = Daemon::start(&config.write(folder));
    let now = daemon.wait_for_within("every target was polled", crate::support::WAIT_TIMEOUT, |now| {
        let waiting = rows.iter().find(|(_, _, target)| now.of(target.name(), "rollcall_target_up").is_none());
        waiting.map_or(Ok(()), |(_, _, target)| Err(now.about(target.name())))
    });
    for (vendor, reason, target) in rows {
        let name = target.name();
        let end =
            now.get("rollcall_tls_certificate_not_after_timestamp_seconds", &[("target", name), ("host", "localhost")]);
        assert_eq!(end.is_some_and(|end| end > 4e9), name.ends_with("-trusted"), "{name}: {end:?}");
        assert_eq!(now.failure(name), *reason, "{name}\n{}", now.about(name));
        assert!(now.failures(name, reason) >= 1.0, "{name}");
        assert_eq!(now.of(name, "rollcall_target_up"), Some(0.0), "{name}");
        assert_eq!(now.of(name, "rollcall_target_last_success_timestamp_seconds"), Some(0.0), "{name}");
        assert_eq!(now.of(name, "rollcall_login_held"), Some(0.0), "{name}");
        if *vendor == "parallels_ras_session" {
            let labels = [("target", name), ("verdict", "unreachable"), ("code", "0")];
            assert_eq!(now.get("parallels_ras_session_probe_error", &labels), Some(1.0), "{name}");
        } else {
            assert_eq!(now.data(name), Vec::<&crate::support::Sample>::new(), "{name}");
        }
    }
}
