//! The listener, asked over real sockets.

use super::*;
use crate::ParallelsRas;
use std::{sync::Once, time::Duration};

fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another test of this binary may have been first; then there is one, which is all that is needed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client without options that can be wrong")
}

async fn simulation() -> Simulation {
    let options = Options { frozen: true, ..Options::default() };
    Simulation::start(options).await.expect("free ports on loopback")
}

#[tokio::test]
async fn a_fault_breaks_matching_paths_until_healed_and_all_is_in_the_journal() {
    let sim = simulation().await;
    let url = format!("{}/filer-01/api/v3/token", sim.url("resilio"));
    let get = async || client().get(&url).send().await;
    sim.fail("resilio", "/token", Fault::Status(418, "{}", "application/json"));
    assert_eq!(get().await.expect("an answer").status(), 418);
    sim.fail("resilio", "/token", Fault::Drop);
    assert!(get().await.is_err());
    sim.fail("resilio", "/token", Fault::Oversized(1_000_000));
    let padded = get().await.expect("an answer").text().await.expect("a body");
    assert!(padded.len() >= 1_000_000);
    serde_json::from_str::<serde_json::Value>(&padded).expect("padded answers are still JSON");
    sim.fail("resilio", "/token", Fault::Truncated);
    let cut = get().await.expect("an answer").text().await.expect("a body");
    assert!(serde_json::from_str::<serde_json::Value>(&cut).is_err());
    sim.fail("resilio", "/token", Fault::Html);
    let html = get().await.expect("an answer");
    assert_eq!(html.headers()["content-type"], "text/html; charset=utf-8");
    sim.heal("resilio");
    assert_eq!(get().await.expect("an answer").status(), 200);
    let seen: Vec<u16> = sim.journal().iter().map(|s| s.status).collect();
    assert_eq!(seen, [418, 0, 200, 200, 200, 200]);
    sim.clear_journal();
    assert!(sim.journal().is_empty());
}

#[tokio::test]
async fn a_shut_port_refuses_and_comes_back() {
    let sim = simulation().await;
    let url = format!("{}/filer-01/api/v3/token", sim.url("resilio"));
    sim.shut("resilio").await;
    let error = client().get(&url).send().await.expect_err("nobody listens");
    assert!(error.is_connect());
    sim.reopen("resilio").await.expect("the port is still ours");
    assert!(client().get(&url).send().await.is_ok());
    let address = sim.address("resilio");
    sim.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn vendor_api_down_is_503_for_azure_and_citrix_only() {
    let sim = simulation().await;
    sim.world().begin(crate::Incident::VendorApiDown);
    let status = async |vendor| {
        let answer = client().get(sim.url(vendor)).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(status("azure_devops").await, 503);
    assert_eq!(status("citrix_storefront").await, 503);
    assert_ne!(status("parallels_ras").await, 503);
}

#[tokio::test]
async fn the_configuration_names_every_vendor() {
    let sim = simulation().await;
    let yaml = sim.config_yaml();
    for vendor in sim.vendors() {
        assert!(yaml.contains(&format!("vendor: {vendor}\n")), "{vendor} in\n{yaml}");
        assert!(yaml.contains(&sim.url(vendor)), "{vendor} in\n{yaml}");
    }
}

#[tokio::test]
async fn a_log_on_over_the_wire_is_counted_as_a_secret_and_opens_the_list() {
    let sim = simulation().await;
    let base = sim.url("parallels_ras");
    let log_on = async |password: &str| {
        let body = serde_json::json!({ "username": ParallelsRas::USERNAME, "password": password });
        let request = client().post(format!("{base}/api/Session/logon")).json(&body);
        request.send().await.expect("an answer")
    };
    let refused = log_on("wrong").await;
    assert_eq!(refused.status(), 401);
    let body: serde_json::Value = log_on(ParallelsRas::PASSWORD).await.json().await.expect("JSON");
    let token = body["authToken"].as_str().expect("a token");
    let request = client().get(format!("{base}/api/Agent")).header("auth_token", token);
    let list: Vec<serde_json::Value> = request.send().await.expect("an answer").json().await.expect("an array");
    assert!(list.len() > sim.world().share("parallels_ras"));
    assert_eq!(sim.secrets_seen("parallels_ras"), 2);
    sim.set_secret("parallels_ras", "rotated");
    assert_eq!(log_on("rotated").await.status(), 200);
    assert_eq!(sim.parallels_ras().open_sessions(), 2);
    sim.expire_sessions("parallels_ras");
    assert_eq!(sim.parallels_ras().open_sessions(), 0);
}

#[tokio::test]
async fn a_hanging_answer_is_in_the_journal_and_ends_with_the_simulation() {
    let sim = simulation().await;
    sim.fail("resilio", "", Fault::Hang);
    let url = sim.url("resilio");
    let asked = tokio::spawn(async move { client().get(url).send().await });
    while sim.journal().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(sim.journal()[0].status, 0);
    drop(sim);
    assert!(asked.await.expect("the request was not aborted").is_err());
}

#[test]
fn compressed_answers_say_the_same_streamed_or_not() {
    use crate::{Body, Response};
    use std::io::Read as _;
    let text = "roll call ".repeat(10_000);
    let pieces: Vec<bytes::Bytes> = text.as_bytes().chunks(997).map(bytes::Bytes::copy_from_slice).collect();
    let streamed = Response::stream("text/plain", pieces.into_iter());
    let whole = Response::full(hyper::StatusCode::OK, "text/plain", text.clone());
    for response in [streamed, whole] {
        let zipped = fault::gzip(response);
        assert_eq!(zipped.headers["content-encoding"], "gzip");
        let bytes = zipped.into_bytes();
        let mut plain = String::new();
        flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut plain).expect("one gzip member");
        assert_eq!(plain, text);
    }
    let small = fault::gzip(Response::full(hyper::StatusCode::OK, "text/plain", "short"));
    assert!(matches!(small.body, Body::Full(bytes) if bytes == "short"));
}

#[tokio::test]
async fn no_series_of_the_truth_comes_twice_and_a_frozen_world_repeats_itself() {
    for agents in [20, 200, 2_000] {
        let options = Options { agents, frozen: true, ..Options::default() };
        let sim = Simulation::start(options).await.expect("free ports");
        let truth = sim.truth();
        let mut series = std::collections::BTreeSet::new();
        for sample in &truth {
            let fresh = series.insert((sample.name, sample.labels.clone()));
            assert!(fresh, "{agents}: {sample:?} comes twice");
        }
        assert_eq!(truth, sim.truth());
    }
}
