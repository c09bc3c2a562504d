//! The links in a page that woke somebody lead somewhere, whoever sent it: each is opened.

use rollcall_test_server::{Response, Server};

use super::site::{BOTH, FACTOR, RESEND, Site};
use crate::{
    program::rollcall,
    support::{Daemon, Folder, Prometheus, ReceivedAlert, http, on_runtime},
};

/// A Grafana that has every dashboard.
fn grafana() -> Server {
    on_runtime(|| {
        Server::http(|request| Response::status(if request.path().starts_with("/d/rollcall-") { 200 } else { 404 }))
    })
}

/// What both alerts of the incident came with, while they fire.
fn told(site: &Site) -> Vec<ReceivedAlert> {
    site.begin();
    site.wait_for("both are told", &[true]);
    let notes = BOTH.iter().flat_map(|(_, receiver)| site.receiver.of(receiver));
    notes.flat_map(|note| note.alerts).collect()
}

/// What is at the end of a link, after a redirection or two. The name of this host may lead elsewhere than to loopback, where
/// the tests listen.
#[track_caller]
fn open(link: &str) -> String {
    let mut url = reqwest::Url::parse(link).unwrap_or_else(|error| panic!("{link:?} is not absolute: {error}"));
    url.set_host(Some("127.0.0.1")).expect("a URL of http has a host");
    let mut answer = http("GET", url.as_str(), &[]);
    for _ in 0..3 {
        if answer.status.is_redirection() {
            url = url.join(answer.header("location")).expect("a redirection leads somewhere");
            answer = http("GET", url.as_str(), &[]);
        }
    }
    assert_eq!(answer.status, 200, "{link}: {}", answer.text());
    answer.text().to_owned()
}

/// Every link in it, which is no relative one.
fn links(told: &ReceivedAlert) -> Vec<String> {
    let links = told.annotations.iter().filter(|(name, _)| name.ends_with("_url")).map(|(_, link)| link.clone());
    let links: Vec<String> = links.chain([told.generator_url.clone()]).collect();
    assert_eq!(links.len(), 3, "{told:?}");
    links
}

fn port(daemon: &Daemon) -> &str {
    daemon.url().rsplit(':').next().expect("it has a port")
}

#[test]
fn the_links_of_a_page_lead_to_its_runbook_its_dashboard_and_the_alert() {
    let (site, grafana) = (Site::new(), grafana());
    let daemon = site.pages("one", &format!("dashboard_url: '{}/',", grafana.url()));
    daemon.wait_until_up(&["builds"]);
    for told in told(&site) {
        let links = links(&told);
        links.iter().for_each(|link| drop(open(link)));
        let [dashboard, runbook, page] = &links[..] else { panic!("{links:?}") };
        assert!(dashboard.starts_with(&format!("{}/d/rollcall-", grafana.url())), "{dashboard}");
        assert!(runbook.contains(&format!(":{}/runbooks/", port(&daemon))), "{runbook}");
        assert!(open(runbook).contains("Mitigation"), "{runbook}");
        let name = told.label("alertname");
        assert!(page.contains("/alerts/") && open(page).contains(name), "{page} is not about {name}");
    }
    assert_eq!(grafana.requests().len(), 2, "nothing else was opened");
    let info = daemon.scrape();
    let info = info.all("rollcall_links_info", &[("dashboard_url", grafana.url())]);
    assert!(info.len() == 1 && info[0].label("external_url").ends_with(&format!(":{}", port(&daemon))), "{info:?}");
}

#[test]
fn without_a_grafana_they_lead_to_the_pages_of_the_daemon() {
    let site = Site::new();
    let daemon = site.pages("one", "");
    daemon.wait_until_up(&["builds"]);
    for told in told(&site) {
        for link in links(&told) {
            assert!(link.contains(&format!(":{}/", port(&daemon))), "{link}");
            open(&link);
        }
    }
}

#[test]
fn prometheus_asks_the_daemon_where_the_links_of_its_alerts_lead() {
    let (site, grafana) = (Site::new(), grafana());
    let (daemon, rules) = site.polls_linked("one", &format!("dashboard_url: '{}'", grafana.url()));
    assert!(rules.contains("query") && !rules.contains(grafana.url()), "nothing is fixed in the rules");
    let prometheus = Prometheus::alerting(&[daemon.url()], &rules, &site.alertmanager.url(), FACTOR, RESEND);
    daemon.wait_until_up(&["builds"]);
    for told in told(&site) {
        let [dashboard, runbook, graph] = &links(&told)[..] else { panic!("{told:?}") };
        open(dashboard);
        assert!(dashboard.starts_with(grafana.url()), "{dashboard}");
        assert!(runbook.contains(&format!(":{}/runbooks/{}", port(&daemon), told.label("alertname"))), "{runbook}");
        assert!(open(runbook).contains("Mitigation"), "{runbook}");
        // It was started on any port, and says so.
        let (_, path) = graph.split_once(":0").expect("the name of the host, and the port");
        open(&format!("{}{path}", prometheus.url()));
    }
}

#[test]
fn a_reload_changes_where_dashboards_are_and_leaves_one_address() {
    let folder = Folder::new();
    let write = |grafana: &str| {
        folder.write("rollcall.yml", &format!("targets: []\nalerting: {{ dashboard_url: '{grafana}' }}\n"))
    };
    let daemon =
        Daemon::with_flags(&write("https://g1.example.com"), &["--web.external-url", "https://r.example.com/"]);
    let told = |daemon: &Daemon| {
        let now = daemon.scrape();
        let all = now.all("rollcall_links_info", &[]).into_iter();
        all.map(|one| format!("{} {}", one.label("external_url"), one.label("dashboard_url"))).collect::<Vec<_>>()
    };
    assert_eq!(told(&daemon), ["https://r.example.com https://g1.example.com"]);
    write("https://g2.example.com/grafana/");
    daemon.reload();
    assert_eq!(told(&daemon), ["https://r.example.com https://g2.example.com/grafana"]);
}

#[test]
fn rules_may_be_given_the_addresses_and_check_warns_of_those_that_nobody_can_open() {
    let rules = |args: &[&str]| rollcall(&[&["rules"], args].concat());
    let fixed = rules(&["--external-url", "https://r.example.com/ops/", "--dashboard-url", "https://g.example.com"]);
    let fixed = fixed.expect(0).out;
    assert!(!fixed.contains("rollcall_links_info"), "nobody is asked");
    assert!(fixed.contains("runbook_url: \"https://r.example.com/ops/runbooks/RollcallPoolDown\""), "{fixed}");
    assert!(fixed.contains("dashboard_url: \"https://g.example.com/d/rollcall-"), "{fixed}");
    assert!(rules(&["--external-url", "r.example.com"]).expect(2).err.contains("not an http or https URL"));
    let folder = Folder::new();
    let file = folder.write("rollcall.yml", "targets: []\n");
    let file = file.to_str().expect("a plain name");
    let ended = rollcall(&["check", file, "--web.external-url", "http://localhost:10077"]).expect(0);
    assert!(ended.err.contains("warning: --web.external-url: is an address of this machine"), "{}", ended.err);
    let ended = rollcall(&["check", file, "--web.external-url", "https://r.example.com"]).expect(0);
    assert!(!ended.err.contains("external-url"), "{}", ended.err);
}
