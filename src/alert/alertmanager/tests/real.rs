//! Against a real Alertmanager, where `prometheus-alertmanager` or `alertmanager` is installed.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Method, Url};
use tokio::time::{Instant, sleep};

use super::*;

/// An Alertmanager that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an Alertmanager in this folder; `None` where none is installed.
fn start(folder: &Path) -> Option<(Process, Url)> {
    let configuration = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
    std::fs::write(folder.join("alertmanager.yml"), configuration).expect("the folder is writable");
    let mut child = ["prometheus-alertmanager", "alertmanager"].iter().find_map(|program| {
        let mut command = Command::new(program);
        command.args(["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]);
        command.arg("--web.listen-address=127.0.0.1:0").current_dir(folder);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()
    })?;
    let mut log = BufReader::new(child.stderr.take().expect("it was asked for"));
    let process = Process(child);
    // The port that it took: `msg="Listening on" address=127.0.0.1:40123`.
    let address = log.by_ref().lines().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
        address.split_whitespace().next().map(str::to_owned)
    });
    let url = format!("http://{}", address.expect("it listens before it ends"));
    // What it says later is read too, or it would stop at a full pipe.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some((process, Url::parse(&url).expect("an address makes a URL")))
}

/// What the Alertmanager has, by fingerprint, once `wanted` says so; fails after two minutes.
async fn alerts(url: &Url, wanted: impl Fn(&[serde_json::Value]) -> bool) -> Vec<serde_json::Value> {
    let http = http::Client::with(&Default::default(), url, 1 << 24, None).expect("no files are needed");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let url = url.join("/api/v2/alerts").expect("a valid URL");
        if let Ok(answer) = http.request("list", Method::GET, url).send(deadline).await {
            let found: Vec<serde_json::Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
            if answer.status.is_success() && wanted(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{found:?}");
        }
        assert!(Instant::now() < deadline, "no answer");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Tells an Alertmanager of a thousand alerts and of the end of some. It needs only the URL, and so may move to the
/// integration tests.
async fn fires_and_resolves(url: &Url) {
    let clock = Clock::system();
    let outbox = Outbox::new(clock);
    let text = format!(
        "targets: [{{ name: a, vendor: resilio, url: 'http://127.0.0.1:3840' }}]\n\
         alerting: {{ mode: direct, alertmanagers: [{{ url: '{url}' }}] }}\n"
    );
    let config = Config::parse(&text, "rollcall.yml", Path::new("")).expect("a valid configuration");
    outbox.apply(&config.alerting).await.expect("no files are needed");
    let fires = |n: usize| Notification { starts_at: clock.now(), ..firing(&n.to_string()) };
    let told: Vec<Notification> = (0..1000).map(fires).collect();
    outbox.update(clock.now(), told.iter().cloned().map(Change::Notify));
    let found = alerts(url, |found| found.len() == 1000).await;
    // Both know an alert by the same fingerprint.
    for alert in &told {
        let fingerprint = alert.fingerprint().to_string();
        assert!(found.iter().any(|found| found["fingerprint"] == fingerprint.as_str()), "{fingerprint}");
    }
    let ends = told.into_iter().take(300).map(|alert| Notification { ends_at: Some(clock.now()), ..alert });
    outbox.update(clock.now(), ends.map(Change::Notify));
    // Its list has what still fires.
    alerts(url, |found| found.len() == 700).await;
    outbox.stop().await;
    // A stop resolves nothing.
    alerts(url, |found| found.len() == 700).await;
}

#[tokio::test]
async fn a_real_alertmanager_agrees() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_process, url) = start(folder.path()).expect("an Alertmanager is installed; tests/run sees to that");
    alerts(&url, |_| true).await;
    fires_and_resolves(&url).await;
    // It takes what is valid of a batch, and says 400.
    let nameless = Notification { labels: labels(&[("no-name", "x")]), ..firing("nameless") };
    let fine = Notification { starts_at: Clock::system().now(), ..firing("fine") };
    let now = Clock::system().now();
    let batch = Batch { at: now, lapses_at: now.plus(Duration::from_secs(60)), ..batch([nameless, fine]) };
    assert!(matches!(client(&settings(&url)).deliver(&batch).await, DeliveryOutcome::Invalid(_)));
    alerts(&url, |found| found.len() == 701).await;
}
