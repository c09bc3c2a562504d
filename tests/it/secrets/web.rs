//! What the daemon's own port is given: a key, hashes, and the passwords of those who scrape it.

use reqwest::{Client, StatusCode};

use super::search::Canaries;
use crate::{
    program::rollcall,
    support::{Config, Daemon, Folder, Sim, Target, WAIT_TIMEOUT, runtime, wait_until},
};

const RIGHT: &str = "zebra:p&ss/+ quaggaRIGHT13";
const WRONG: &str = "zebra&<p>/+= quaggaWRONG17";
/// What slips into a broken file.
const SLIPPED: &str = "zebra-quaggaSLIPPED19";

#[test]
fn nothing_of_the_web_configuration_shows_up_anywhere() {
    let (sim, folder) = (Sim::frozen(), Folder::new());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate can be made");
    let (key, hash) = (made.signing_key.serialize_pem(), bcrypt::hash(RIGHT, 4).expect("a cost that bcrypt has"));
    let mut canaries = Canaries::of([RIGHT, WRONG, SLIPPED, &hash, &hash[29..]]);
    key.lines().filter(|line| !line.contains("PRIVATE KEY")).for_each(|line| canaries.add(line));
    let indented = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let tls = format!("tls_server_config:\n  cert: |\n{}  key: |\n{}", indented(&made.cert.pem()), indented(&key));
    let good = format!("{tls}basic_auth_users: {{ scraper: '{hash}' }}\n");
    let web = folder.write("web.yml", &good);
    let web = web.to_str().expect("a plain name");
    let config = Config::quick().target(Target::resilio("filer", &sim, 1)).write(&folder);
    let daemon = Daemon::with_flags(&config, &["--web.config.file", web, "--web.enable-lifecycle"]);
    let mut said = String::new();

    let client = Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).timeout(WAIT_TIMEOUT);
    let client = runtime().block_on(async { client.build() }).expect("no option is wrong");
    let base = daemon.url().replace("http://", "https://");
    let ask = |path: &str, password: &str| {
        let request = client.get(format!("{base}{path}")).basic_auth("scraper", Some(password));
        runtime().block_on(async {
            let answer = request.send().await.expect("it answers");
            let (status, headers) = (answer.status(), format!("{:?}", answer.headers()));
            (status, headers + &answer.text().await.expect("text"))
        })
    };
    for path in ["/", "/metrics", "/config", "/targets", "/api/v1/targets", "/nowhere"] {
        for (password, expected) in [(RIGHT, None), (WRONG, Some(StatusCode::UNAUTHORIZED))] {
            let (status, text) = ask(path, password);
            assert!(expected.map_or(status != StatusCode::UNAUTHORIZED, |expected| status == expected), "{status}");
            said += &text;
        }
    }

    // Every slip that puts a secret where a name or a number should be.
    let slips = [
        format!("{tls}basic_auth_users: {{ '{hash}': scraper }}\n"),
        format!("{tls}basic_auth_users: {{ '{hash}' }}\n"),
        format!("{tls}basic_auth_users: {{ scraper: {SLIPPED} }}\n"),
        format!("{tls}basic_auth_users: [ '{hash}' ]\n"),
        format!("{tls}basic_auth_users: {{ scraper: '{}' }}\n", &hash[..59]),
        good.replace("  key: |", "  key_file: |"),
        good.replace("-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"),
        good.replace("-----END PRIVATE KEY-----", ""),
    ];
    for (index, slip) in slips.iter().enumerate() {
        folder.write("web.yml", slip);
        let checked = rollcall(&["check", "--web.config.file", web, config.to_str().expect("a plain name")]).expect(1);
        said += &(checked.out + &checked.err);
        wait_until("it is refused", WAIT_TIMEOUT, || {
            let count = daemon.log().matches("Web configuration refused").count();
            if count > index { Ok(()) } else { Err(format!("{count} refusals")) }
        });
    }
    assert_eq!(ask("/metrics", RIGHT).0, StatusCode::OK);
    said += &daemon.log();
    let found = canaries.find(&said);
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
    // What is looked for is found where it is.
    assert!(!canaries.find(&good).is_empty() && !canaries.find(&slips[2]).is_empty());
    daemon.terminate();
}

/// The pages about the targets, with what their servers said.
pub fn pages_of_targets(daemon: &Daemon) -> Vec<String> {
    let targets: serde_json::Value = serde_json::from_str(daemon.get("/api/v1/targets").text()).expect("JSON");
    let names = targets["targets"].as_array().expect("a list").iter().filter_map(|target| target["name"].as_str());
    names.map(|name| format!("/targets/{name}")).collect()
}
