//! The client and its peer's task against Alertmanagers on loopback: a small one of our own, and a real one where there
//! is one. Real sockets and a paused clock do not go together (time would run ahead whenever everybody waits for a
//! socket), so the long stories are told in `queue/tests`, and nothing here waits.

mod real;
mod stub;

use std::{path::Path, sync::Arc};

use super::*;
use crate::{
    alert::queue::{Change, Notification, Outbox},
    clock::{Clock, UnixTime},
    config::{Config, secret::Secret, target::Login},
};
use stub::Stub;

const START: UnixTime = UnixTime(1_800_000_000_500);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn firing(pool: &str) -> Notification {
    Notification {
        labels: labels(&[("alertname", "RollcallPoolDown"), ("pool", pool), ("agent", "")]),
        annotations: labels(&[("summary", "No agent of a pool serves.")]),
        starts_at: START,
        ends_at: None,
        generator_url: "http://rollcall.example.com/#alerts".to_owned(),
    }
}

fn batch(alerts: impl IntoIterator<Item = Notification>) -> Batch {
    let alerts = alerts.into_iter().map(|alert| (alert.fingerprint(), Arc::new(alert)));
    Batch { at: START, lapses_at: START.plus(Duration::from_secs(240)), alerts: alerts.collect() }
}

fn settings(url: &Url) -> Alertmanager {
    Alertmanager { url: url.clone(), auth: None, http: Default::default() }
}

fn client(settings: &Alertmanager) -> AlertmanagerClient {
    AlertmanagerClient::new(settings, Labels::new()).expect("no files are needed")
}

#[test]
fn a_batch_is_written_as_alertmanager_reads_it() {
    let ended = Notification { ends_at: Some(UnixTime(0)), generator_url: String::new(), ..firing("b") };
    let external = labels(&[("site", "zrh"), ("pool", "outer"), ("agent", "outer"), ("empty", "")]);
    let written = wire::encode(&batch([firing("a"), ended]), &external).expect("JSON");
    let expected = concat!(
        r#"[{"labels":{"agent":"outer","alertname":"RollcallPoolDown","pool":"a","site":"zrh"},"#,
        r#""annotations":{"summary":"No agent of a pool serves."},"startsAt":"2027-01-15T08:00:00.500Z","#,
        r#""endsAt":"2027-01-15T08:04:00.500Z","generatorURL":"http://rollcall.example.com/#alerts"},"#,
        r#"{"labels":{"agent":"outer","alertname":"RollcallPoolDown","pool":"b","site":"zrh"},"#,
        r#""annotations":{"summary":"No agent of a pool serves."},"startsAt":"2027-01-15T08:00:00.500Z","#,
        r#""endsAt":"2027-01-15T08:00:00.500Z"}]"#
    );
    assert_eq!(String::from_utf8_lossy(&written), expected);
}

#[test]
fn the_label_holds_no_credentials() {
    let url = |text: &str| settings(&text.parse().expect("a valid URL"));
    assert_eq!(
        label(&url("https://me:secret@am.example.com:9093/team/?token=x#y")),
        "https://am.example.com:9093/team"
    );
    assert_eq!(label(&url("http://127.0.0.1:9093")), "http://127.0.0.1:9093");
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    let rows = [
        (200, "accepted"),
        (202, "accepted"),
        (400, "invalid"),
        (413, "refused"),
        (422, "refused"),
        (301, "failed"),
        (401, "failed"),
        (404, "failed"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ];
    for (status, expected) in rows {
        let stub = Stub::start(move |_| status);
        let got = match client(&settings(&stub.url)).deliver(&batch([firing("a")])).await {
            DeliveryOutcome::Accepted => "accepted",
            DeliveryOutcome::Invalid(_) => "invalid",
            DeliveryOutcome::Refused(_) => "refused",
            DeliveryOutcome::Failed(_) => "failed",
        };
        assert_eq!(got, expected, "{status}");
        assert_eq!(stub.seen().len(), 1, "{status}: sent once");
    }
    let nobody = "http://127.0.0.1:9".parse().expect("a valid URL");
    assert!(matches!(client(&settings(&nobody)).deliver(&batch([firing("a")])).await, DeliveryOutcome::Failed(_)));
}

#[tokio::test]
async fn the_page_of_a_proxy_is_no_answer_of_alertmanager() {
    for (status, lost) in [(200, true), (203, true), (400, true), (413, false)] {
        let stub = Stub::with("<!DOCTYPE html><title>Sign in</title>", move |_| status);
        match client(&settings(&stub.url)).deliver(&batch([firing("a")])).await {
            DeliveryOutcome::Failed(failure) if lost => assert_eq!(failure.reason(), "content_type"),
            // Proxies have a limit of their own, and half of the batch may pass.
            DeliveryOutcome::Refused(_) if !lost => {}
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[test]
fn nothing_is_told_to_begin_or_end_later_than_now() {
    let hour = Duration::from_secs(3600);
    let fires = Notification { starts_at: START.plus(hour), ..firing("a") };
    let ended = Notification { ends_at: Some(START.plus(2 * hour)), ..fires.clone() };
    let written = wire::encode(&batch([fires, ended]), &Labels::new()).expect("JSON");
    let alerts: Vec<serde_json::Value> = serde_json::from_slice(&written).expect("JSON");
    let (now, lapses) = ("2027-01-15T08:00:00.500Z", "2027-01-15T08:04:00.500Z");
    assert_eq!((&alerts[0]["startsAt"], &alerts[0]["endsAt"]), (&now.into(), &lapses.into()));
    assert_eq!((&alerts[1]["startsAt"], &alerts[1]["endsAt"]), (&now.into(), &now.into()));
}

#[tokio::test]
async fn a_path_of_the_url_stays_in_front() {
    let stub = Stub::start(|_| 200);
    let url = stub.url.join("/am/").expect("a valid URL");
    assert_eq!(client(&settings(&url)).deliver(&batch([firing("a")])).await, DeliveryOutcome::Accepted);
    assert_eq!(stub.seen()[0].line, "POST /am/api/v2/alerts application/json");
}

#[tokio::test]
async fn a_changed_secret_file_is_taken_up_by_the_next_request() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("secret");
    let write = |text: &str| std::fs::write(&file, text).expect("the folder is writable");
    write("one\n");
    let stub = Stub::start(|_| 200);
    let login = Login { username: "rollcall".to_owned(), password: Secret::File(file.clone()) };
    let basic = Alertmanager { auth: Some(ProxyAuth::Basic(login)), ..settings(&stub.url) };
    let bearer = Alertmanager { auth: Some(ProxyAuth::Bearer(Secret::File(file.clone()))), ..settings(&stub.url) };
    for client in [client(&basic), client(&bearer)] {
        write("one\n");
        client.deliver(&batch([firing("a")])).await;
        write("two\n");
        client.deliver(&batch([firing("a")])).await;
    }
    let seen: Vec<_> = stub.seen().into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(seen, ["Basic cm9sbGNhbGw6b25l", "Basic cm9sbGNhbGw6dHdv", "Bearer one", "Bearer two"]);
    std::fs::remove_file(&file).expect("it was written");
    assert!(matches!(client(&basic).deliver(&batch([firing("a")])).await, DeliveryOutcome::Failed(_)));
    assert_eq!(stub.seen().len(), 4, "nothing is sent without the secret");
}

#[tokio::test]
async fn a_secret_does_not_go_over_plain_http_to_another_machine() {
    let url = "http://am.example.com:9093".parse().expect("a valid URL");
    let token = Secret::Inline(crate::config::secret::SecretText::new("s3cret"));
    let settings = Alertmanager { auth: Some(ProxyAuth::Bearer(token)), ..settings(&url) };
    let outcome = client(&settings).deliver(&batch([firing("a")])).await;
    let failure = outcome.failure().expect("nothing was sent");
    assert!(failure.message.contains("plain http") && !failure.message.contains("s3cret"), "{failure}");
}

#[tokio::test]
async fn a_configuration_sends_a_thousand_alerts_in_four_requests_and_tries_500_again() {
    // The first request fails.
    let stub = Stub::start(|nth| if nth == 0 { 500 } else { 200 });
    let text = format!(
        "targets: [{{ name: a, vendor: resilio, url: 'http://127.0.0.1:3840' }}]\nalerting:\n  mode: direct\n  \
         external_labels: {{ site: zrh }}\n  alertmanagers: [{{ url: '{}' }}]\n",
        stub.url
    );
    let config = Config::parse(&text, "rollcall.yml", Path::new("")).expect("a valid configuration");
    let outbox = Outbox::new(Clock::system());
    outbox.apply(&config.alerting).await.expect("no files are needed");
    outbox.update(Clock::system().now(), (0..1000).map(|n| Change::Notify(firing(&n.to_string()))));
    outbox.stop().await;
    let seen = stub.seen();
    let sizes: Vec<usize> = seen.iter().map(|seen| seen.alerts.len()).collect();
    assert_eq!(sizes, [256, 256, 256, 256, 232]);
    assert_eq!(seen[4].alerts[0]["labels"]["site"], "zrh");
    assert!(seen.iter().flat_map(|seen| &seen.alerts).all(|alert| alert["endsAt"].is_string()));
}
