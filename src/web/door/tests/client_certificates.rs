//! What clients show: the five policies, and the names that are allowed.

use rcgen::{ExtendedKeyUsagePurpose, SanType};

use super::*;
use crate::config::web::tests::pki::{dns, self_signed};

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
