//! What becomes of changes while the server runs.

use std::path::Path;

use super::*;

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
