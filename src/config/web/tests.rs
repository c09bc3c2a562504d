//! Whole files in, terms or the exact text of every error out. The rows are those of the exporter-toolkit's own tests, and
//! what follows from its documentation.

pub(crate) mod pki;

use super::*;
use pki::Pki;

const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

fn load(pki: &Pki, text: &str) -> Result<WebConfig, Vec<String>> {
    let path = pki.write("web.yml", text);
    let folder = format!("{}/", pki.path().display());
    let lines = |errors: Errors| errors.iter().map(|error| error.to_string().replace(&folder, "")).collect();
    WebConfig::load(&path).0.map_err(lines)
}

#[track_caller]
fn refused(pki: &Pki, text: &str, expected: &[&str]) {
    match load(pki, text) {
        Ok(_) => panic!("it was taken:\n{text}"),
        Err(errors) => assert_eq!(errors, expected, "{text}"),
    }
}

#[track_caller]
fn taken(pki: &Pki, text: &str) -> WebConfig {
    load(pki, text).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = WebConfig::load(Path::new("/no/such/web.yml")).0.expect_err("it is not there").to_string();
    assert_eq!(error, "/no/such/web.yml:1:1: cannot read /no/such/web.yml: No such file or directory (os error 2)");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let pki = Pki::new();
    let error = WebConfig::load(pki.path()).0.expect_err("it is a folder").to_string();
    assert!(error.ends_with("is not a plain file"), "{error}");
}

#[test]
fn a_file_without_settings_asks_for_nothing() {
    let pki = Pki::new();
    for text in ["", "# nothing\n", "---\n", "{}"] {
        let config = taken(&pki, text);
        assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none() && config.http2);
        assert_eq!(config.is_blank, text != "{}", "{text:?}");
    }
}

#[test]
fn files_of_a_certificate_are_told_with_place_and_remedy() {
    let pki = Pki::new();
    let (cert, key) = ("  cert_file: server.crt\n", "  key_file: server.key\n");
    for (settings, expected) in [
        (
            ["  cert_file: ''\n", key],
            vec!["web.yml:2:14: tls_server_config.cert_file: missing one of cert or cert_file"],
        ),
        (["  cert: ''\n", key], vec!["web.yml:2:9: tls_server_config.cert: missing one of cert or cert_file"]),
        ([cert, "  key_file: ''\n"], vec!["web.yml:3:13: tls_server_config.key_file: missing one of key or key_file"]),
        ([cert, "  key: ''\n"], vec!["web.yml:3:8: tls_server_config.key: missing one of key or key_file"]),
        ([cert, ""], vec!["web.yml:2:3: tls_server_config.key_file: missing one of key or key_file"]),
        (
            ["  cert_file: nowhere\n", key],
            vec![
                "web.yml:2:14: tls_server_config.cert_file: cannot read nowhere: No such file or directory (os error 2)",
            ],
        ),
        (
            ["  cert_file: nowhere\n", "  key_file: neither\n"],
            vec![
                "web.yml:2:14: tls_server_config.cert_file: cannot read nowhere: No such file or directory (os error 2)",
                "web.yml:3:13: tls_server_config.key_file: cannot read neither: No such file or directory (os error 2)",
            ],
        ),
        (
            ["  cert_file: server.key\n", "  key_file: server.crt\n"],
            vec![
                "web.yml:2:14: tls_server_config.cert_file: server.key holds no certificate in PEM form",
                "web.yml:3:13: tls_server_config.key_file: server.crt holds no unencrypted private key in PEM form",
            ],
        ),
        (
            ["  cert_file: ca.pem\n", key],
            vec![
                "web.yml:3:13: tls_server_config.key_file: this key does not belong to the certificate; its own certificate comes first in the chain",
            ],
        ),
        (
            ["  cert_file: server.crt\n  cert: x\n", key],
            vec!["web.yml:2:14: tls_server_config.cert_file: cert and cert_file are both given; take one of them out"],
        ),
        (
            ["  cert_file: [server.crt]\n", "  key: -----\n"],
            vec![
                "web.yml:2:14: tls_server_config.cert_file: must be a text, not a list",
                "web.yml:3:8: tls_server_config.key: holds no unencrypted private key in PEM form",
            ],
        ),
    ] {
        refused(&pki, &format!("tls_server_config:\n{}", settings.concat()), &expected);
    }
    refused(
        &pki,
        "tls_server_config:\n  cert_file: ''\n  key_file: ''\n  client_auth_type: x\n",
        &[
            "web.yml:2:14: tls_server_config.cert_file: missing one of cert or cert_file",
            "web.yml:3:13: tls_server_config.key_file: missing one of key or key_file",
            "web.yml:4:21: tls_server_config.client_auth_type: must be one of NoClientCert, RequestClientCert, RequireAnyClientCert, RequireClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, not \"x\"",
        ],
    );
}

#[test]
fn a_certificate_may_stand_in_the_file_and_paths_start_there() {
    let pki = Pki::new();
    assert!(taken(&pki, SERVER).tls.is_some());
    let indented = |name: &str| {
        let text = std::fs::read_to_string(pki.file(name)).expect("it was written");
        text.lines().map(|line| format!("    {line}\n")).collect::<String>()
    };
    let text = format!("tls_server_config:\n  cert: |\n{}  key: |\n{}", indented("server.crt"), indented("server.key"));
    let config = taken(&pki, &text);
    assert!(config.tls.is_some());
    assert!(!format!("{config:?}").contains("PRIVATE"), "no key is printed");
    let absolute = SERVER.replace("server.key", &pki.file("server.key").display().to_string());
    assert!(taken(&pki, &absolute).tls.is_some());
}

#[test]
fn names_that_go_has_and_rustls_has_not_are_told_with_those_that_there_are() {
    let pki = Pki::new();
    let ciphers = "TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, \
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
    let curves = "X25519MLKEM768, X25519, CurveP256, CurveP384";
    for (setting, expected) in [
        (
            "min_version: TLS111",
            "4:16: tls_server_config.min_version: unknown TLS version \"TLS111\"; there are TLS12, TLS13".to_owned(),
        ),
        (
            "min_version: TLS10",
            "4:16: tls_server_config.min_version: the TLS version TLS10 is not implemented here, as it is weak or rare; there are TLS12, TLS13".to_owned(),
        ),
        (
            "min_version: TLS13\n  max_version: TLS12",
            "5:16: tls_server_config.max_version: is older than min_version, so no version is left".to_owned(),
        ),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]",
            format!(
                "4:19: tls_server_config.cipher_suites[0]: unknown cipher suite \"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048\"; there are {ciphers}; did you mean TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256?"
            ),
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
            format!(
                "4:19: tls_server_config.cipher_suites[0]: the cipher suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not implemented here, as it is weak or rare; there are {ciphers}"
            ),
        ),
        (
            "curve_preferences: [X25519, CurveP257]",
            format!(
                "4:31: tls_server_config.curve_preferences[1]: unknown curve \"CurveP257\"; there are {curves}; did you mean CurveP256?"
            ),
        ),
        (
            "curve_preferences: [CurveP521]",
            format!(
                "4:23: tls_server_config.curve_preferences[0]: the curve CurveP521 is not implemented here, as it is weak or rare; there are {curves}"
            ),
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            "4:18: tls_server_config.cipher_suites: HTTP/2 needs TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; add one, or set http_server_config.http2: false".to_owned(),
        ),
    ] {
        let text = format!("{SERVER}  {setting}\n");
        let errors = load(&pki, &text).expect_err(setting);
        assert_eq!(errors, [format!("web.yml:{expected}")], "{text}");
    }
    // Without HTTP/2, or without TLS 1.2, the suite is of no use.
    let only = format!("{SERVER}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n");
    taken(&pki, &format!("{only}http_server_config: {{ http2: false }}\n"));
    taken(&pki, &format!("{only}  min_version: TLS13\n"));
}

#[test]
fn every_name_that_there_is_is_taken_in_its_order() {
    let pki = Pki::new();
    let text = format!(
        "{SERVER}  min_version: TLS12\n  max_version: TLS12\n  prefer_server_cipher_suites: false\n  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n  - TLS_AES_128_GCM_SHA256\n  - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\n  curve_preferences: [CurveP384, X25519, CurveP256, X25519MLKEM768]\n"
    );
    let tls = taken(&pki, &text).tls.expect("there is a certificate");
    let suites: Vec<_> = tls.cipher_suites.iter().filter_map(|suite| suite.suite().as_str()).collect();
    assert_eq!(suites[3..], ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]);
    assert!(suites[..3].iter().all(|suite| suite.starts_with("TLS13_")), "those are not for the list to take out");
    let curves: Vec<_> = tls.curves.iter().filter_map(|curve| curve.name().as_str()).collect();
    assert_eq!(curves, ["secp384r1", "X25519", "secp256r1", "X25519MLKEM768"]);
    assert!(!tls.prefer_server_cipher_suites && tls.versions.len() == 1);
}

#[test]
fn what_would_not_keep_anybody_out_is_an_error() {
    let pki = Pki::new();
    let ca = "  client_ca_file: ca.pem\n";
    let policy = "a client CA is given, and client_auth_type asks for no certificate; set client_auth_type: RequireAndVerifyClientCert";
    refused(&pki, &format!("{SERVER}{ca}"), &[&format!("web.yml:4:19: tls_server_config.client_ca_file: {policy}")]);
    refused(
        &pki,
        &format!("{SERVER}  client_ca_file: server.key\n"),
        &[
            &format!("web.yml:4:19: tls_server_config.client_ca_file: {policy}"),
            "web.yml:4:19: tls_server_config.client_ca_file: server.key holds no certificate in PEM form",
        ],
    );
    refused(
        &pki,
        &format!("{SERVER}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: nowhere\n"),
        &[
            "web.yml:5:19: tls_server_config.client_ca_file: cannot read nowhere: No such file or directory (os error 2)",
        ],
    );
    refused(
        &pki,
        &format!("{SERVER}  client_allowed_sans: [prometheus]\n"),
        &[
            "web.yml:4:24: tls_server_config.client_allowed_sans: has no effect: client_auth_type asks for no certificate; set client_auth_type: RequireAndVerifyClientCert",
        ],
    );
    refused(
        &pki,
        &format!("{SERVER}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: []\n"),
        &[
            "web.yml:5:24: tls_server_config.client_allowed_sans: is empty, so no client could connect; name who may, or take it out",
        ],
    );
}

#[test]
fn what_is_weak_is_a_warning() {
    let pki = Pki::new();
    let warnings = |text: &str| {
        let folder = format!("{}/", pki.path().display());
        taken(&pki, text).warnings.iter().map(|line| line.replace(&folder, "")).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings(&format!("{SERVER}  client_auth_type: RequestClientCert\n  client_ca_file: ca.pem\n")),
        [
            "web.yml:5:19: tls_server_config.client_ca_file: has no effect: this client_auth_type takes any certificate, and RequireAndVerifyClientCert verifies it"
        ]
    );
    assert_eq!(
        warnings(&format!("{SERVER}  client_auth_type: RequireAndVerifyClientCert\n")),
        [
            "web.yml:4:21: tls_server_config.client_auth_type: without client_ca_file every certificate is taken that an authority of the system has issued; give your own"
        ]
    );
    assert_eq!(
        warnings("rate_limit: { interval: 1s, burst: 0 }"),
        ["web.yml:1:13: rate_limit: burst is 0, so every request is refused; 1 or more lets some pass"]
    );
    let old = pki::self_signed(&[pki::dns("localhost")], false, 2001);
    pki.write("server.crt", &old.certificate.pem());
    pki.write("server.key", &old.key_pem());
    let said = warnings(SERVER);
    assert!(said.len() == 1 && said[0].contains("has expired"), "{said:?}");
}

#[test]
fn five_headers_and_no_others() {
    let pki = Pki::new();
    let head = "http_server_config:\n  headers:\n";
    let text = format!(
        "{head}    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1\n    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n"
    );
    assert_eq!(taken(&pki, &text).headers.len(), 5);
    assert_eq!(taken(&pki, &format!("{head}    X-Frame-Options: ''\n")).headers, []);
    for (line, expected) in [
        (
            "X-Content-Type-Options: sniff",
            "3:29: http_server_config.headers.X-Content-Type-Options: must be nosniff, not \"sniff\"",
        ),
        (
            "X-Frame-Options: foo",
            "3:22: http_server_config.headers.X-Frame-Options: must be deny or sameorigin, not \"foo\"",
        ),
        ("Content-Type: foo", "3:5: http_server_config.headers.Content-Type: unknown key"),
        (
            "x-frame-options: deny",
            "3:5: http_server_config.headers.x-frame-options: unknown key; did you mean X-Frame-Options?",
        ),
        (
            "X-XSS-Protection: \"1\\nSet-Cookie: a\"",
            "3:23: http_server_config.headers.X-XSS-Protection: cannot be the value of a header: it has a line feed or another control character",
        ),
    ] {
        refused(&pki, &format!("{head}    {line}\n"), &[&format!("web.yml:{expected}")]);
    }
}

#[test]
fn hashes_that_are_none_are_told_and_never_shown() {
    let pki = Pki::new();
    let remedy = "htpasswd -nBC 12 NAME prints one behind the colon";
    let hash = "$2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq";
    for (line, expected) in [
        (
            "john: doe",
            format!(
                "2:9: basic_auth_users.john: is no bcrypt hash: it does not begin with $2y$, $2b$ or $2a$; {remedy}"
            ),
        ),
        (
            "john: $2y$10$short",
            format!("2:9: basic_auth_users.john: is no bcrypt hash: it has 12 bytes instead of 60; {remedy}"),
        ),
        (&format!("john {hash}"), "2:3: basic_auth_users: a user without a hash; is a colon missing?".to_owned()),
        (
            &format!("john: {}", hash.replace("$10$", "$03$")),
            "2:9: basic_auth_users.john: has a cost of 3; bcrypt has 4 to 31".to_owned(),
        ),
        (
            &format!("john: {}", hash.replace("$2y$10$2UXri", "$2y$10$!!!!!")),
            format!("2:9: basic_auth_users.john: is no bcrypt hash; {remedy}"),
        ),
        (
            &format!("'a:b': {hash}"),
            "2:3: basic_auth_users.a:b: a colon ends a user's name in HTTP, so nobody could log on".to_owned(),
        ),
    ] {
        let colon = if line.contains(": ") { "" } else { ":" };
        refused(&pki, &format!("basic_auth_users:\n  {line}{colon}\n"), &[&format!("web.yml:{expected}")]);
    }
    let config =
        taken(&pki, &format!("basic_auth_users:\n  dave: {hash}\n  alice: '{}'\n", hash.replace("$2y", "$2b")));
    assert_eq!(
        config.users.iter().map(|user| (user.name.as_str(), user.cost)).collect::<Vec<_>>(),
        [("dave", 10), ("alice", 10)]
    );
    assert!(!format!("{config:?}").contains("2UXri"), "no hash is printed");
}

#[test]
fn all_errors_are_told_at_once() {
    let pki = Pki::new();
    let text = "tls_server_config:\n  cert_filse: server.crt\n  min_version: 7\nhttp_server_config: { http2: maybe }\nrate_limit: { interval: 1 }\nbasic_auth_users: [alice]\nunknown: 1\n";
    let errors = load(&pki, text).expect_err("nothing is right");
    let places: Vec<&str> = errors.iter().map(|error| error.split(": ").nth(1).unwrap_or_default()).collect();
    let expected = [
        "tls_server_config.cert_filse",
        "tls_server_config.min_version",
        "http_server_config.http2",
        "rate_limit.interval",
        "basic_auth_users",
        "unknown",
    ];
    assert_eq!(places, expected, "{errors:#?}");
    assert!(errors[0].ends_with("unknown key; did you mean cert_file?"), "{errors:#?}");
    refused(&pki, "hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n", &["web.yml:1:1: must be a mapping, not a text"]);
}

#[test]
fn whether_tls_is_asked_for_can_be_told_of_a_broken_file_too() {
    let pki = Pki::new();
    for (text, expected) in [
        ("", Some(false)),
        ("tls_server_config: { min_version: TLS12, prefer_server_cipher_suites: true }", Some(false)),
        ("tls_server_config: { cert_file: nowhere, key_file: server.key }", Some(true)),
        ("tls_server_config: { cert: cert, key: key }", Some(true)),
        ("tls_server_config: { client_ca_file: client_ca.crt }", Some(true)),
        ("tls_server_config: { client_auth_type: RequireAndVerifyClientCert }", Some(true)),
        ("tls_server_config: [", None),
    ] {
        assert_eq!(WebConfig::asks_for_tls(&pki.write("web.yml", text)), expected, "{text}");
    }
    assert_eq!(WebConfig::asks_for_tls(&pki.file("nowhere.yml")), None);
}
