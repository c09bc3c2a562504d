//! `/metrics` as others read it: promtool, Python's OpenMetrics parser, gzip, and a scraper that asks for a part.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    time::{Duration, Instant},
};

use rollcall_sim::{Options, Quirk};

use crate::{
    program::filter,
    support::{Answer, Config, Daemon, Exposition, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, frozen, http},
    truth::consistent::consistent,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A name that needs every escape.
pub const NASTY: &str = "quote \" backslash \\ line\nfeed";

/// Python with the OpenMetrics parser; `tests/run` makes it.
fn python(script: &str, input: &[u8]) -> String {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python3");
    let python = std::env::var("ROLLCALL_TEST_PYTHON").unwrap_or_else(|_| ours.to_owned());
    let output = filter(&python, &["-c", script], input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Asks for the same in three ways while nothing is polled in between: the first and the last answer are the same.
fn while_still<T>(mut ask: impl FnMut() -> T, same: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let answers = ask();
        if same(&answers) {
            return answers;
        }
        assert!(
            begun.elapsed() < WAIT_TIMEOUT,
            "a target is polled between any two scrapes, or nothing is ever joined"
        );
    }
}

/// The lines about targets; what the daemon says of itself changes with every scrape.
fn of_targets(text: &str) -> String {
    text.lines().filter(|line| line.contains("target=\"")).map(|line| format!("{line}\n")).collect()
}

fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// Every family has one header and all its samples behind it.
#[track_caller]
fn families_are_whole(text: &str) {
    let mut seen = BTreeSet::new();
    let (mut name, mut kind) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            name = help.split(' ').next().unwrap_or_default().to_owned();
            kind.clear();
            assert!(seen.insert(name.clone()), "{name} comes twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (of, is) = rest.split_once(' ').expect("a name and a type");
            assert_eq!(of, name);
            kind = is.to_owned();
        } else if line != "# EOF" {
            let sample = &line[..line.find(['{', ' ']).expect("a sample")];
            let stem = sample.strip_prefix(name.as_str());
            let belongs = match kind.as_str() {
                "histogram" => stem.is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest)),
                "counter" => stem.is_some_and(|rest| rest.is_empty() || rest == "_total"),
                "gauge" => stem == Some(""),
                other => panic!("type {other:?} of {name}"),
            };
            assert!(belongs, "{line}\nstands in {name}");
        }
    }
    assert!(seen.len() > 10);
}

fn demo() -> Daemon {
    let demo = Daemon::demo(&["--frozen", "--seed", "7"]);
    demo.wait_until_all_up();
    demo
}

#[test]
fn promtool_has_no_complaint_about_the_demo_or_any_vendor_alone() {
    let demo = demo();
    let everything = demo.get("/metrics");
    families_are_whole(everything.text());
    let parts = VENDORS.map(|vendor| (vendor, demo.get(&format!("/metrics?vendor={vendor}"))));
    for (what, answer) in parts.iter().map(|(vendor, answer)| (*vendor, answer)).chain([("all", &everything)]) {
        assert_eq!(answer.status, 200);
        let said = filter("promtool", &["check", "metrics"], &answer.body);
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success() && text.is_empty(), "{what}: {text}");
    }
    // The check can fail.
    let said = filter("promtool", &["check", "metrics"], b"# TYPE a_total gauge\na_total 1\n");
    assert!(!said.status.success());
}

#[test]
fn both_formats_carry_the_same_bytes_and_their_own_headers() {
    let demo = demo();
    let url = format!("{}/metrics", demo.url());
    let text = || http("GET", &url, &[]);
    let ask = || (text(), http("GET", &url, &[("accept", OPEN_METRICS)]), text());
    let (before, open, _) = while_still(ask, |(a, _, b)| of_targets(a.text()) == of_targets(b.text()));
    assert_eq!(before.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(of_targets(before.text()), of_targets(open.text()));
    assert!(open.text().ends_with("\n# EOF\n") && open.text().matches("# EOF").count() == 1);
    assert!(!before.text().contains("# EOF"));
    families_are_whole(open.text());
    // Of the daemon's own series the values move; what they are called does not.
    let series = |answer: &Answer| -> BTreeSet<String> {
        let series = |line: &str| line.rsplit_once(' ').map(|(series, _)| series.to_owned());
        samples(answer.text()).into_iter().filter_map(series).collect()
    };
    assert_eq!(series(&before), series(&open));
    let headers = |text: &str| -> BTreeMap<String, String> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    };
    for (name, kind) in headers(before.text()) {
        let shown = if kind == "counter" { name.strip_suffix("_total").expect("a counter's name") } else { &name };
        assert_eq!(headers(open.text()).get(shown), Some(&kind), "{name}");
    }
    assert!(open.text().contains("le=\"1.0\"") && before.text().contains("le=\"1.0\""));
    for line in samples(open.text()) {
        let name = &line[..line.find(['{', ' ']).expect("a sample")];
        assert!(!name.ends_with("_created") && !line.contains(" # {"), "{line}");
    }
}

#[test]
fn pythons_parser_takes_the_openmetrics_form_with_every_sample() {
    let sim = Sim::start(Options { agents: 200, frozen: true, ..Options::default() });
    for vendor in VENDORS {
        sim.world().set_quirk(vendor, Quirk::NastyName, true);
    }
    let (_folder, daemon) = nasty(&sim);
    let answer = http("GET", &format!("{}/metrics", daemon.url()), &[("accept", OPEN_METRICS)]);
    let script = "import sys\n\
                  from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
                  text = sys.stdin.buffer.read().decode('utf-8')\n\
                  for family in parse(text):\n\
                  \x20   for s in family.samples:\n\
                  \x20       print(family.type, s.name, repr(sorted(s.labels.items())), float(s.value), sep='|')\n";
    let parsed = python(script, &answer.body);
    let ours = Exposition::parse(answer.text());
    assert_eq!(parsed.lines().count(), ours.samples.len());
    let names: Vec<&str> = parsed.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let expected: Vec<&str> = ours.samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, expected);
    // Python prints the same escapes that are written here.
    let shown = "('agent', 'quote \" backslash \\\\ line\\nfeed')";
    let nasty = parsed.lines().filter(|line| line.contains(shown)).count();
    assert_eq!(nasty, ours.samples.iter().filter(|sample| sample.label("agent") == NASTY).count());
    assert!(nasty > 10, "{nasty}");
}

/// A daemon over all vendors of a simulation, each of them polled.
pub fn nasty(sim: &Sim) -> (Folder, Daemon) {
    let folder = Folder::new();
    let config = Config::quick()
        .target(Target::ras("farm", sim).set("resolve_names", "true"))
        .target(Target::session("session", sim))
        .target(Target::resilio("filer", sim, 3))
        .target(Target::azure("builds", sim))
        .target(Target::citrix("desktops", sim));
    let daemon = Daemon::start(&config.write(&folder));
    daemon.wait_until_up(&["farm", "session", "filer", "builds", "desktops"]);
    (folder, daemon)
}

#[test]
fn gzip_is_one_member_and_unpacks_to_the_plain_answer() {
    let demo = demo();
    for accept in ["text/plain", OPEN_METRICS] {
        let url = format!("{}/metrics", demo.url());
        let plain = || http("GET", &url, &[("accept", accept)]);
        let packed = || http("GET", &url, &[("accept", accept), ("accept-encoding", "gzip")]);
        let ask = || (plain(), packed(), plain());
        // For a moment after a poll small blocks are sent as they are: the answer is well packed in between.
        let is_settled = |(a, packed, b): &(Answer, Answer, Answer)| {
            of_targets(a.text()) == of_targets(b.text()) && packed.body.len() * 4 < a.body.len()
        };
        let (plain, packed, _) = while_still(ask, is_settled);
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
        for answer in [&plain, &packed] {
            let vary = answer.header("vary").to_ascii_lowercase();
            assert!(vary.contains("accept") && vary.contains("accept-encoding"), "{vary}");
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        }
        let unpacked = filter("gzip", &["-dc"], &packed.body);
        assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
        let unpacked = String::from_utf8(unpacked.stdout).expect("UTF-8");
        assert_eq!(of_targets(&unpacked), of_targets(plain.text()));
        families_are_whole(&unpacked);
        let script = "import sys, zlib\n\
                      one = zlib.decompressobj(wbits=31)\n\
                      text = one.decompress(sys.stdin.buffer.read())\n\
                      assert one.eof and not one.unused_data, 'more than one member'\n\
                      sys.stdout.buffer.write(text)\n";
        assert_eq!(python(script, &packed.body), unpacked);
        let mut by_us = String::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_string(&mut by_us).expect("one member");
        assert_eq!(by_us, unpacked);
    }
}

#[test]
fn a_scraper_that_asks_for_targets_or_vendors_gets_these_and_the_daemons_own_series() {
    let demo = demo();
    let targets = |query: &str| -> BTreeSet<(String, String)> {
        let answer = demo.get(&format!("/metrics?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let exposition = Exposition::parse(answer.text());
        assert_eq!(exposition.all("rollcall_build_info", &[]).len(), 1, "{query}");
        let of = exposition.samples.iter().filter(|sample| sample.labels.contains_key("target"));
        of.map(|sample| (sample.label("vendor").to_owned(), sample.label("target").to_owned())).collect()
    };
    let pair = |vendor: &str, target: &str| (vendor.to_owned(), target.to_owned());
    let builds = [pair("azure_devops", "builds"), pair("azure_devops", "builds-entra")];
    let desktops = pair("citrix_storefront", "desktops");
    assert_eq!(targets("vendor=azure_devops"), BTreeSet::from(builds.clone()));
    assert_eq!(targets("target=builds"), BTreeSet::from([builds[0].clone()]));
    let both = BTreeSet::from([builds[0].clone(), desktops.clone()]);
    assert_eq!(targets("target=builds&target=desktops"), both);
    assert_eq!(targets("target=builds&vendor=citrix_storefront"), both);
    assert_eq!(targets("target=%62uilds&target=builds"), BTreeSet::from([builds[0].clone()]));
    let vendors = targets("vendor=azure_devops&vendor=citrix_storefront");
    assert_eq!(vendors, BTreeSet::from([builds[0].clone(), builds[1].clone(), desktops]));
    assert!(targets("").len() > 8);
    for (query, listed) in [
        ("target=nobody", ["builds", "desktops", "hq-farm"]),
        ("target=builds&target=nobody", ["builds", "desktops", "hq-farm"]),
        ("target=", ["builds", "desktops", "hq-farm"]),
        ("vendor=nobody", ["azure_devops", "resilio", "citrix_storefront"]),
        ("vendor=resilio&vendor=nobody", ["azure_devops", "resilio", "citrix_storefront"]),
    ] {
        let answer = demo.get(&format!("/metrics?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        for name in listed {
            assert!(answer.text().contains(name), "{query}: {}", answer.text());
        }
    }
}

#[test]
fn a_vendor_that_is_known_but_not_configured_is_refused_with_the_list() {
    let sim = Sim::start(frozen());
    let folder = Folder::new();
    let daemon = Daemon::start(&Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder));
    daemon.wait_until_up(&["filer"]);
    assert_eq!(daemon.get("/metrics?vendor=resilio").status, 200);
    let answer = daemon.get("/metrics?vendor=azure_devops");
    assert_eq!(answer.status, 400, "a name that is not configured is a 400 with the list of names");
    assert!(answer.text().contains("resilio"), "{}", answer.text());
}

/// Whether a browser makes of an answer nothing but what it says, and lets it do nothing.
#[track_caller]
fn has_policy(answer: &Answer, path: &str) {
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{path}: {policy}");
    // Only pages have forms, which lead to us.
    let forms = if answer.header("content-type").starts_with("text/html") {
        "form-action 'self'"
    } else {
        "form-action 'none'"
    };
    for directive in ["base-uri 'none'", forms, "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{path}: {policy}");
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
}

#[test]
fn methods_and_paths_that_are_not_there_are_refused_and_head_has_no_body() {
    let demo = demo();
    let url = |path: &str| format!("{}{path}", demo.url());
    for path in ["/", "/metrics", "/config", "/api/v1/targets", "/api/v1/agents", "/api/v1/alerts", "/api/v1/status"] {
        let (get, head) = (http("GET", &url(path), &[]), http("HEAD", &url(path), &[]));
        assert!(get.status == 200 && head.status == 200, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        let length: usize = head.header("content-length").parse().unwrap_or_else(|_| panic!("{path}: {head:?}"));
        assert!(length > 0, "{path}");
        has_policy(&get, path);
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let refused = http(method, &url(path), &[]);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert_eq!(refused.header("allow"), "GET, HEAD", "{method} {path}");
            has_policy(&refused, path);
        }
    }
    assert_eq!(http("GET", &url("/-/reload"), &[]).status, 405);
    assert_eq!(http("POST", &url("/-/reload"), &[]).status, 403, "only with --web.enable-lifecycle");
    assert_eq!(http("POST", &url("/-/release?target=filer-01"), &[]).status, 403, "as well");
    for query in ["target=bogus", "vendor=bogus", "health=bogus", "heath=failed", "limit=many"] {
        let answer = http("GET", &url(&format!("/api/v1/agents?{query}")), &[]);
        assert_eq!(answer.status, 400, "{query}");
        let given = query.split('=').find(|word| answer.text().contains(word));
        assert!(given.is_some(), "{query}: {}", answer.text());
        has_policy(&answer, query);
    }
    for path in [
        "/metric",
        "/metrics/",
        "/api/v1",
        "/api/v1/agents/1",
        "/runbooks/Nope",
        "/targets/nope",
        "/alerts/0",
        "//metrics",
        "/-/",
        "/../etc/passwd",
    ] {
        let answer = http("GET", &url(path), &[]);
        assert_eq!(answer.status, 404, "{path}");
        has_policy(&answer, path);
    }
    let exposition = demo.scrape();
    let count = |labels: &[(&str, &str)]| exposition.get("rollcall_http_requests_total", labels);
    assert_eq!(count(&[("route", "other"), ("method", "GET"), ("code", "404")]), Some(7.0));
    assert_eq!(count(&[("route", "/config"), ("method", "HEAD"), ("code", "200")]), Some(1.0));
    assert_eq!(count(&[("route", "/config"), ("method", "other"), ("code", "405")]), Some(1.0), "PATCH");
    assert_eq!(count(&[("route", "/-/reload"), ("method", "POST"), ("code", "403")]), Some(1.0));
}

#[test]
fn a_route_prefix_stands_before_every_path() {
    let flags = ["--web.external-url", "https://ops.example.com/rollcall/", "--web.enable-lifecycle"];
    for (flags, prefix) in [(flags.as_slice(), "/rollcall"), (&["--web.route-prefix", "/a/b"], "/a/b")] {
        let demo = Daemon::demo(&[&["--agents", "20"], flags].concat());
        for path in ["/metrics", "/", "", "/config", "/api/v1/targets", "/-/healthy"] {
            assert_eq!(demo.get(&format!("{prefix}{path}")).status, 200, "{prefix}{path}");
        }
        assert_eq!(demo.get("/-/healthy").status, 200, "a liveness probe need not know the prefix");
        for path in ["/metrics", "/config", "/api/v1/targets", "/rollcallmetrics"] {
            assert_eq!(demo.get(path).status, 404, "{path}");
        }
        let page = demo.get(&format!("{prefix}/"));
        assert!(page.text().contains(&format!("href=\"{prefix}/metrics\"")), "{}", page.text());
    }
}

#[test]
fn links_lead_through_a_proxy_that_takes_the_prefix_off() {
    let flags = ["--web.external-url", "https://ops.example.com/rollcall/", "--web.route-prefix", "/"];
    let demo = Daemon::demo(&[&["--agents", "20"], &flags[..]].concat());
    let page = demo.get("/");
    assert!(page.text().contains("href=\"/rollcall/metrics\""), "{}", page.text());
    assert_eq!(demo.get("/metrics").status, 200);
}

#[test]
fn every_scrape_is_whole_while_everything_moves_and_is_polled() {
    let sim = Sim::start(Options { agents: 300, speed: 120.0, ..Options::default() });
    let (_folder, daemon) = nasty(&sim);
    let until = Instant::now() + Duration::from_secs(6);
    std::thread::scope(|scope| {
        for scraper in 0..4 {
            let url = format!("{}/metrics", daemon.url());
            scope.spawn(move || {
                let mut scrapes = 0;
                // Several polls of every target, and some scrapes however busy the machine is.
                while Instant::now() < until || scrapes < 8 {
                    let accept = if scraper % 2 == 0 { OPEN_METRICS } else { "text/plain" };
                    let answer = http("GET", &url, &[("accept", accept)]);
                    families_are_whole(answer.text());
                    consistent(&Exposition::parse(answer.text()));
                    scrapes += 1;
                }
            });
        }
    });
}
