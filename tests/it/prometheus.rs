//! A real Prometheus scrapes the daemon; what its queries return is what the simulated vendors hold.

use std::{collections::BTreeMap, net::SocketAddr, process::Command};

use rollcall::vendors::Vendor;
use rollcall_sim::{Options, Quirk, Truth};
use rollcall_test_server::{Request, Server};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    formats::{NASTY, nasty},
    program::Running,
    support::{Daemon, Exposition, Folder, Sample, Sim, WAIT_TIMEOUT, http, listening_port, on_runtime, wait_until},
    truth::compare::differences,
};

/// A Prometheus of our own; killed when it is dropped.
struct Prometheus {
    process: Running,
    url: String,
    _folder: Folder,
}

impl Prometheus {
    /// Scrapes these, by job name, again and again. Each scrape has as long as a busy machine may take for it.
    fn start(jobs: &[(&str, &str)]) -> Prometheus {
        let folder = Folder::new();
        let mut config = "global: { scrape_interval: 8s, scrape_timeout: 8s }\nscrape_configs:\n".to_owned();
        for (name, address) in jobs {
            config += &format!("  - {{ job_name: {name}, static_configs: [{{ targets: ['{address}'] }}] }}\n");
        }
        let file = folder.write("prometheus.yml", &config);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.file("data").display()))
            .arg("--web.listen-address=127.0.0.1:0");
        let process = Running::start(&mut command);
        let port = wait_until("Prometheus is ready", WAIT_TIMEOUT, || {
            let log = process.err();
            let port = listening_port(&log).filter(|_| log.contains("Server is ready"));
            port.ok_or(log)
        });
        Prometheus { process, url: format!("http://127.0.0.1:{port}"), _folder: folder }
    }

    /// The samples that a query returns, without the labels of the scrape.
    fn query(&self, query: &str) -> Vec<Sample> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)]);
        let answer = http("GET", url.expect("a URL").as_str(), &[]);
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let result = answer["data"]["result"].as_array().expect("a vector");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        result
            .iter()
            .map(|series| {
                let labels = series["metric"].as_object().expect("labels").iter();
                let mut labels: BTreeMap<String, String> = labels.map(|(k, v)| (k.clone(), text(v))).collect();
                labels.remove("instance");
                labels.remove("job");
                let name = labels.remove("__name__").unwrap_or_default();
                let value = text(&series["value"][1]).parse().expect("a number");
                Sample { name, labels, value }
            })
            .collect()
    }

    /// Every scrape went well, and nothing was dropped of what came.
    #[track_caller]
    fn took_everything(&self) {
        for query in ["up", "min_over_time(up[1m])"] {
            for sample in self.query(query) {
                assert_eq!(sample.value, 1.0, "{query}: {sample:?}");
            }
        }
        for target in self.targets() {
            assert_eq!((&target["health"], &target["lastError"]), (&Value::from("up"), &Value::from("")), "{target}");
        }
        let answer = http("GET", &format!("{}/metrics", self.url), &[]);
        let own = Exposition::parse(answer.text());
        for name in [
            "prometheus_target_scrapes_sample_duplicate_timestamp_total",
            "prometheus_target_scrapes_sample_out_of_order_total",
            "prometheus_target_scrapes_sample_out_of_bounds_total",
            "prometheus_target_scrapes_exceeded_sample_limit_total",
        ] {
            assert_eq!(own.get(name, &[]), Some(0.0), "{name}");
        }
        let log = self.process.err();
        for line in log.lines() {
            assert!(!line.contains("level=error") && !line.contains("level=warn"), "{line}");
        }
    }

    fn targets(&self) -> Vec<Value> {
        let answer = http("GET", &format!("{}/api/v1/targets", self.url), &[]);
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        answer["data"]["activeTargets"].as_array().expect("a list").clone()
    }
}

/// Passes scrapes on without their `Accept` header: what older Prometheus servers get is the text format.
fn as_text(to: &str) -> Server {
    let to = to.parse().expect("the address of a daemon");
    on_runtime(|| Server::hijack(move |request, scraper| pass_on(request, scraper, to)))
}

async fn pass_on(request: Request, mut scraper: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let mut head = String::new();
    for line in String::from_utf8_lossy(&request.head).lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(name.as_str(), "accept" | "connection" | "accept-encoding") {
            head += &format!("{line}\r\n");
        }
    }
    let mut daemon = TcpStream::connect(to).await?;
    daemon.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    daemon.read_to_end(&mut answer).await?;
    assert!(String::from_utf8_lossy(&answer).contains("content-type: text/plain; version=0.0.4"));
    scraper.write_all(&answer).await?;
    scraper.shutdown().await
}

fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// The same fleet as that of the demo with these options.
fn twin(agents: usize, seed: u64) -> Sim {
    let sim = Sim::start(Options { agents, seed, frozen: true, ..Options::default() });
    sim.azure_devops().set_capabilities(&["Agent.ComputerName", "docker", "team"]);
    sim
}

#[test]
fn queries_about_the_demo_return_the_simulated_truth_in_both_formats() {
    let demo = Daemon::demo(&["--frozen", "--seed", "11", "--agents", "400"]);
    let mut truth = twin(400, 11).truth();
    // To Prometheus an empty label is one that is not there.
    truth.iter_mut().for_each(|sample| sample.labels.retain(|_, value| !value.is_empty()));
    demo.wait_until_all_up();
    let text = as_text(address(demo.url()));
    let prometheus = Prometheus::start(&[("open", address(demo.url())), ("text", address(text.url()))]);
    for job in ["open", "text"] {
        wait_until("every target was scraped after its first poll", WAIT_TIMEOUT, || {
            let up = prometheus.query(&format!("count(rollcall_target_up{{job=\"{job}\"}} == 1)"));
            let all = prometheus.query(&format!("count(rollcall_target_info{{job=\"{job}\"}})"));
            if !all.is_empty() && up == all { Ok(()) } else { Err(format!("{up:?} of {all:?}")) }
        });
        // Every sample of every vendor, exactly.
        let own: Vec<&str> = Vendor::ALL.iter().map(|vendor| vendor.metric_prefix()).collect();
        let own = own.join("|");
        let names = format!("rollcall_agent_health|rollcall_credential_expiry_timestamp_seconds|({own}).+");
        // Extras of a farm have their turn in the polls after the first.
        wait_until(&format!("{job}: the truth"), 2 * WAIT_TIMEOUT, || {
            let shown = prometheus.query(&format!("{{job=\"{job}\",__name__=~\"{names}\"}}"));
            differences(&truth, shown.iter())
        });
        counts_by_class(&prometheus, job, &truth);
    }
    let joined = prometheus.query(
        "rollcall_agent_health{job=\"open\",vendor=\"azure_devops\",health=\"healthy\"} == 1 and on (vendor, target, pool, agent) \
         azure_devops_agent_online{job=\"open\"} == 1",
    );
    let healthy = |t: &&Truth| t.name == "rollcall_agent_health" && t.labels["health"] == "healthy";
    let azure = truth.iter().filter(healthy).filter(|t| t.labels["vendor"] == "azure_devops").count();
    assert_eq!(joined.len(), azure, "any two series of an agent join one to one");
    prometheus.took_everything();
}

/// Health and vendor, counted by Prometheus over the agents and over the pools.
fn counts_by_class(prometheus: &Prometheus, job: &str, truth: &[Truth]) {
    let mut expected: BTreeMap<(String, String), f64> = BTreeMap::new();
    for sample in truth.iter().filter(|sample| sample.name == "rollcall_agent_health") {
        let class = (sample.labels["vendor"].clone(), sample.labels["health"].clone());
        *expected.entry(class).or_default() += 1.0;
    }
    assert!(expected.len() > 8, "{expected:?}");
    for query in [
        format!("sum by (vendor, health) (rollcall_agent_health{{job=\"{job}\"}}) > 0"),
        format!("sum by (vendor, health) (rollcall_pool_agents{{job=\"{job}\"}}) > 0"),
    ] {
        let found = prometheus.query(&query).into_iter();
        let found: BTreeMap<(String, String), f64> =
            found.map(|s| ((s.label("vendor").to_owned(), s.label("health").to_owned()), s.value)).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn nasty_labels_come_through_prometheus_as_they_were() {
    let sim = Sim::start(Options { agents: 200, frozen: true, ..Options::default() });
    let vendors: Vec<&'static str> = sim.vendors().collect();
    for quirk in [Quirk::NastyName, Quirk::LongName, Quirk::DuplicateName] {
        vendors.iter().for_each(|vendor| sim.world().set_quirk(vendor, quirk, true));
    }
    let (_folder, daemon) = nasty(&sim);
    let text = as_text(address(daemon.url()));
    let prometheus = Prometheus::start(&[("open", address(daemon.url())), ("text", address(text.url()))]);
    for job in ["open", "text"] {
        // PromQL has the escapes of Go.
        let query = format!("rollcall_agent_health{{job=\"{job}\",agent={}}} == 1", serde_json::json!(NASTY));
        let found = wait_until("it was scraped", WAIT_TIMEOUT, || {
            let found = prometheus.query(&query);
            if found.is_empty() { Err(prometheus.process.err()) } else { Ok(found) }
        });
        let mut targets: Vec<&str> = found.iter().map(|sample| sample.label("target")).collect();
        targets.sort_unstable();
        assert_eq!(targets, ["builds", "desktops", "farm", "filer"]);
        assert!(found.iter().all(|sample| sample.label("agent") == NASTY));
        // Extras that come later may say more of an agent.
        let all = wait_until(&format!("{job}: Prometheus has what the daemon shows"), WAIT_TIMEOUT, || {
            let ours = of_one(&daemon.scrape(), "rollcall_agent_health");
            let all = prometheus.query(&format!("rollcall_agent_health{{job=\"{job}\"}} == 1"));
            if sorted(&all) == sorted(&ours) {
                Ok(all)
            } else {
                Err(format!("{:?}\n{:?}", sorted(&all), sorted(&ours)))
            }
        });
        assert!(all.iter().any(|sample| sample.label("agent").len() >= 255), "the long name");
        assert!(all.iter().any(|sample| sample.label("agent").contains('#')), "the second of a name");
    }
    prometheus.took_everything();
}

fn of_one(exposition: &Exposition, name: &str) -> Vec<Sample> {
    exposition.all(name, &[]).into_iter().filter(|sample| sample.value == 1.0).cloned().collect()
}

fn sorted(samples: &[Sample]) -> Vec<&BTreeMap<String, String>> {
    let mut labels: Vec<_> = samples.iter().map(|sample| &sample.labels).collect();
    labels.sort();
    labels
}
