//! No secret shows up anywhere: not in a log line, not on a page, not in metrics, not in an error, not in the state file, not in
//! what Alertmanagers are told.
//!
//! Every credential is a canary, and a recorder between the daemon and the vendors learns the tokens and cookies that it
//! was given. All are looked for, plain and in the encodings that they travel in, in everything that the programs say.
//!
//! Panics: `a_panic_that_quotes_a_secret_is_told_without_it` in `src/cli/log.rs`.

mod libraries;
mod recorder;
mod search;
mod web;

use std::{fmt::Write as _, net::TcpListener};

use recorder::Recorder;
use rollcall_sim::{AzureDevops, CitrixSite, CitrixStorefront, Fault, ParallelsRas, ParallelsRasSession, Simulation};
use search::Canaries;

use crate::{
    program::{Ended, command, rollcall},
    support::{Daemon, Folder, Sim, WAIT_TIMEOUT, frozen, wait_until},
    tls::TlsProxy,
};

/// Everything that was configured, each with characters that every encoding changes.
const RAS: &str = "zebra p&ss \"w+rd/=<1> quaggaRAS31";
const SESSION_TOKEN: &str = "zebra/+=-quaggaBROKER47";
const SESSION_PASSWORD: &str = "zebra&<it> quaggaPRIME59";
const PAT: &str = "zebra/+%&quaggaPAT61";
const CLIENT_SECRET: &str = "zebra~s&cret+/=quaggaENTRA73";
const CITRIX: &str = "zebra&<p>'\"+ quaggaCITRIX87";
const RESILIO_BEARER: &str = "zebra-quaggaRESILIO91";
const RESILIO_PASSWORD: &str = "zebra:quagga&RESILIO92";
const CONSOLE: &str = "zebra/+=quaggaCONSOLE93";
const SITE: &str = "zebra:&+\"quaggaSITE94";
const DAAS: &str = "zebra=&+/quaggaDAAS95";
const HEADER: &str = "zebra-quaggaHEADER13";
const PROXY: &str = "zebra-quaggaPROXY17";
const ALERTMANAGER: &str = "zebra-quaggaALERT19";
const ALERTMANAGER_BEARER: &str = "zebra-quaggaBEARER20";
/// Wrong ones, which are refused and held.
const WRONG_RAS: &str = "zebra&quaggaWRONG23";
const WRONG_PAT: &str = "zebra/quaggaWRONG29";
const WRONG_CITRIX: &str = "zebra<quaggaWRONG37";
const WRONG_ENTRA: &str = "zebra+quaggaWRONG41";
const WRONG_TOKEN: &str = "zebra-quaggaWRONG43";
const WRONG_SESSION: &str = "zebra quaggaWRONG53";
/// What a redirect and an error page would give away.
const REDIRECT: &str = "zebra-quaggaREDIRECT11";
/// What slips into a broken configuration.
const SLIPPED: &str = "zebra-quaggaSLIPPED67";

const CONFIGURED: [&str; 23] = [
    RAS,
    SESSION_TOKEN,
    SESSION_PASSWORD,
    PAT,
    CLIENT_SECRET,
    CITRIX,
    RESILIO_BEARER,
    RESILIO_PASSWORD,
    CONSOLE,
    SITE,
    DAAS,
    HEADER,
    PROXY,
    ALERTMANAGER,
    ALERTMANAGER_BEARER,
    WRONG_RAS,
    WRONG_PAT,
    WRONG_CITRIX,
    WRONG_ENTRA,
    WRONG_TOKEN,
    WRONG_SESSION,
    REDIRECT,
    SLIPPED,
];

/// YAML takes what JSON quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What listens between the daemon and the vendors.
struct Endpoints {
    recorder: Recorder,
    ras: String,
    session: String,
    resilio: String,
    console: String,
    site: String,
    azure: String,
    citrix: String,
    /// Answers everything with a redirect to an address with a token in it.
    redirect: String,
    /// Answers everything with an error that repeats the whole request.
    echo: String,
    /// TLS that nobody trusts.
    tls: TlsProxy,
    /// An Alertmanager that takes everything.
    alertmanager: String,
}

impl Endpoints {
    fn of(sim: &Simulation) -> Endpoints {
        let mut recorder = Recorder::default();
        let mut to = |vendor| recorder.before(sim.address(vendor));
        Endpoints {
            ras: to("parallels_ras"),
            session: to("parallels_ras_session"),
            resilio: to("resilio"),
            console: to("resilio_console"),
            site: to("citrix_site"),
            azure: to("azure_devops"),
            citrix: to("citrix_storefront"),
            redirect: recorder.answering(|_| {
                let to = format!("http://127.0.0.1:1/next?access_token={REDIRECT}&token={REDIRECT}");
                format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nSet-Cookie: s={REDIRECT}\r\nContent-Length: 0\r\n\r\n")
            }),
            echo: recorder.answering(|request| {
                let body = serde_json::json!({ "message": request, "error": request, "error_description": request });
                let body = body.to_string();
                let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nX-Citrix-Error-Reason: nope";
                format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }),
            tls: TlsProxy::of(sim.address("azure_devops")),
            alertmanager: recorder.answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()),
            recorder,
        }
    }
}

/// Good targets, targets with wrong credentials, and targets at strange servers; every kind of secret among them.
fn yaml(endpoints: &Endpoints) -> String {
    let mut yaml = format!(
        "defaults: {{ interval: 1s, timeout: 10s, stale_after: 15s }}\n\
         http: {{ proxy_url: none, headers: {{ X-Gateway-Key: {} }} }}\n\
         state_file: rollcall.state\n\
         alerting:\n  mode: direct\n  overrides:\n    - {{ alert: RollcallTargetDown, severity: warning, for: 0s }}\n    \
         - {{ alert: RollcallTargetLoginHeld, for: 0s }}\n  alertmanagers:\n",
        quoted(HEADER),
    );
    // One takes alerts, one is not there, and the others give away what they can.
    let basic = format!("{{ username: am, password: {} }}", quoted(ALERTMANAGER));
    let bearer = format!("{{ bearer_token: {} }}", quoted(ALERTMANAGER_BEARER));
    for server in [&endpoints.alertmanager, "http://127.0.0.1:9", &endpoints.echo, &endpoints.redirect] {
        yaml += &format!("    - url: {server}\n      auth: {basic}\n    - url: {server}/two\n      auth: {bearer}\n");
    }
    yaml += "targets:\n";
    let mut add = |name: &str, vendor: &str, url: &str, more: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(yaml, "  - name: {name}\n    vendor: {vendor}\n    url: '{url}'\n{more}");
    };
    let ras = |password: &str| {
        format!("    auth: {{ username: {}, password: {} }}", ParallelsRas::USERNAME, quoted(password))
    };
    let session = |token: &str, password: &str, mode: &str| {
        format!(
            "    mode: {mode}\n    auth: {{ api_token: {} }}\n    session: {{ ras_host: gw.example, endpoint_host: rds.example, \
             endpoint_port: 3389, portal_url: 'https://portal.example', username: {}, password: {} }}",
            quoted(token),
            ParallelsRasSession::USERNAME,
            quoted(password)
        )
    };
    let pat = |pat: &str| format!("    auth: {{ pat: {} }}", quoted(pat));
    let entra = |authority: &str, secret: &str| {
        format!(
            "    auth: {{ entra: {{ tenant_id: {}, client_id: {}, client_secret: {}, authority: '{authority}' }} }}",
            AzureDevops::TENANT_ID,
            AzureDevops::CLIENT_ID,
            quoted(secret)
        )
    };
    let citrix = |password: &str, method: &str| {
        format!(
            "    auth: {{ username: '{}', password: {}, method: {method} }}\n    enumerate_interval: 1s",
            CitrixStorefront::USERNAME,
            quoted(password)
        )
    };
    let Endpoints { redirect, echo, .. } = endpoints;
    let tls = &format!("https://{}", endpoints.tls.address);
    let contoso = format!("{}/contoso", endpoints.azure);
    let store = format!("{}/Citrix/Store", endpoints.citrix);
    let filer = format!("{}/filer-01", endpoints.resilio);
    let other = format!("{}/filer-02", endpoints.resilio);
    let bearer = format!("    auth: {{ bearer_token: {} }}", quoted(RESILIO_BEARER));
    let basic = format!("    auth: {{ username: filer, password: {} }}", quoted(RESILIO_PASSWORD));
    add("farm", "parallels_ras", &endpoints.ras, &ras(RAS));
    add("session", "parallels_ras_session", &endpoints.session, &session(SESSION_TOKEN, SESSION_PASSWORD, "light"));
    add("filer", "resilio", &filer, &bearer);
    add("filer-basic", "resilio", &other, &basic);
    let console = format!("    auth: {{ api_token: {} }}", quoted(CONSOLE));
    add("mc", "resilio_console", &endpoints.console, &console);
    let site = |password: &str| {
        format!("    auth: {{ username: '{}', password: {} }}", CitrixSite::USERNAME, quoted(password))
    };
    let daas = |secret: &str| {
        format!(
            "    cloud: {{ customer_id: {}, client_id: {}, client_secret: {} }}",
            CitrixSite::CUSTOMER_ID,
            CitrixSite::CLIENT_ID,
            quoted(secret)
        )
    };
    add("site", "citrix_site", &endpoints.site, &site(SITE));
    add("daas", "citrix_site", &endpoints.site, &daas(DAAS));
    add("builds", "azure_devops", &contoso, &pat(PAT));
    add("builds-entra", "azure_devops", &contoso, &entra(&endpoints.azure, CLIENT_SECRET));
    add("desktops", "citrix_storefront", &store, &citrix(CITRIX, "explicit_forms"));
    add("desktops-basic", "citrix_storefront", &store, &citrix(CITRIX, "http_basic"));
    // Refused, and held where that could lock an account.
    add("refused-farm", "parallels_ras", &endpoints.ras, &ras(WRONG_RAS));
    add("refused-token", "parallels_ras_session", &endpoints.session, &session(WRONG_TOKEN, WRONG_SESSION, "light"));
    add("refused-pat", "azure_devops", &contoso, &pat(WRONG_PAT));
    add("refused-entra", "azure_devops", &contoso, &entra(&endpoints.azure, WRONG_ENTRA));
    add("refused-forms", "citrix_storefront", &store, &citrix(WRONG_CITRIX, "explicit_forms"));
    // Servers that give away what they can.
    // With credentials of their own: what one server refuses is held for all targets of that account.
    for (kind, server) in [("redirect", redirect), ("echo", echo), ("tls", tls)] {
        let own = |secret: &str| format!("{secret}-{kind}");
        add(&format!("{kind}-farm"), "parallels_ras", server, &ras(&own(RAS)));
        let more = session(SESSION_TOKEN, &own(SESSION_PASSWORD), "light");
        add(&format!("{kind}-session"), "parallels_ras_session", server, &more);
        add(&format!("{kind}-filer"), "resilio", server, &bearer);
        add(&format!("{kind}-mc"), "resilio_console", server, &console);
        add(&format!("{kind}-site"), "citrix_site", server, &site(&own(SITE)));
        add(&format!("{kind}-daas"), "citrix_site", server, &daas(&own(DAAS)));
        add(&format!("{kind}-builds"), "azure_devops", &format!("{server}/contoso"), &pat(PAT));
        add(&format!("{kind}-entra"), "azure_devops", &contoso, &entra(server, &own(CLIENT_SECRET)));
        add(
            &format!("{kind}-desktops"),
            "citrix_storefront",
            &format!("{server}/Citrix/Store"),
            &citrix(&own(CITRIX), "auto"),
        );
    }
    let proxy = format!("{bearer}\n    http: {{ proxy_url: 'http://proxy-user:{PROXY}@127.0.0.1:1' }}");
    // What is on this machine goes through no proxy.
    add("behind-proxy", "resilio", "https://filer.example.com", &proxy);
    yaml
}

/// The configuration broken in ways that put a secret where none belongs.
fn broken(yaml: &str) -> Vec<String> {
    let pat = format!("auth: {{ pat: {} }}", quoted(PAT));
    assert!(yaml.contains(&pat));
    [
        format!("auth: {{ pat: [{SLIPPED}] }}"),
        format!("auth: {{ pat: {{ {SLIPPED}: {SLIPPED} }} }}"),
        format!("auth: {{ pta: {SLIPPED} }}"),
        format!("auth: {SLIPPED}"),
        format!("auth: [{SLIPPED}]"),
        format!("auth: {{ pat: {SLIPPED}, pat_file: secrets/{SLIPPED}/no }}"),
        format!("auth: {{ pat: {SLIPPED}, password: {SLIPPED}, entra: {SLIPPED} }}"),
        format!("auth: {{ pat: \"{SLIPPED}"),
        format!("auth: {{ pat: *{SLIPPED} }}"),
        format!("auth: {{ pat: {SLIPPED} }}\n   {SLIPPED}"),
        format!("{pat}\n    http: {{ proxy_url: 'ftp://user:{SLIPPED}@proxy' }}"),
        format!("{pat}\n    http: {{ proxy_url: 'http://user:{SLIPPED}@:port' }}"),
        format!("{pat}\n    http: {{ headers: {{ 'X Key': {SLIPPED} }} }}"),
        format!("{pat}\n    http: {{ headers: {{ X-Key: \"{SLIPPED}\\n\" }} }}"),
        format!("{pat}\n    http: {{ headers: [{SLIPPED}] }}"),
    ]
    .iter()
    .map(|slip| yaml.replacen(&pat, slip, 1))
    .chain([
        yaml.replacen("url: 'http://127.0.0.1", &format!("url: 'http://user:{SLIPPED}@127.0.0.1"), 1),
        yaml.replacen("url: http://127.0.0.1:9\n", &format!("url: http://am:{SLIPPED}@127.0.0.1:9\n"), 1),
    ])
    .collect()
}

/// Everything that was said, by whom.
#[derive(Default)]
struct Outputs(Vec<(String, String)>);

impl Outputs {
    fn add(&mut self, who: impl Into<String>, what: impl Into<String>) {
        self.0.push((who.into(), what.into()));
    }

    /// `rollcall` with these arguments, whatever it ends with.
    fn by(&mut self, args: &[&str]) {
        let ended = rollcall(args);
        assert!(ended.out.len() + ended.err.len() > 20, "{args:?} says nothing");
        self.add(args.join(" "), format!("{}\n{}", ended.out, ended.err));
    }

    /// Every page of the daemon.
    fn pages(&mut self, daemon: &Daemon) {
        let pages = [
            "/",
            "/config",
            "/metrics",
            "/api/v1/targets",
            "/api/v1/agents?limit=1000",
            "/api/v1/status",
            "/api/v1/alerts",
            "/agents",
            "/alerts",
        ];
        let targets = web::pages_of_targets(daemon);
        for page in pages.into_iter().chain(targets.iter().map(String::as_str)) {
            let reply = daemon.get(page);
            assert!(reply.status.is_success() && !reply.body.is_empty(), "{page}");
            self.add(page, format!("{:?}\n{}", reply.headers, reply.text()));
        }
    }
}

/// The vendors take the canaries.
fn set_secrets(sim: &Simulation) {
    sim.set_secret("parallels_ras", RAS);
    sim.set_secret("parallels_ras_session", SESSION_PASSWORD);
    sim.parallels_ras_session().set_api_token(SESSION_TOKEN);
    sim.set_secret("azure_devops", PAT);
    sim.azure_devops().set_client_secret(CLIENT_SECRET);
    sim.set_secret("citrix_storefront", CITRIX);
    sim.set_secret("resilio_console", CONSOLE);
    sim.set_secret("citrix_site", SITE);
    sim.citrix_site().set_client_secret(DAAS);
}

#[test]
fn no_secret_shows_up_anywhere() {
    let sim = Sim::start(frozen());
    set_secrets(&sim);
    let endpoints = Endpoints::of(&sim);
    let folder = Folder::new();
    let text = yaml(&endpoints);
    let file = folder.write("rollcall.yml", &text);
    let path = file.to_str().expect("a plain name");
    let mut outputs = Outputs::default();

    let daemon = Daemon::with_flags(&file, &["--web.enable-lifecycle"]);
    let good = [
        "farm",
        "session",
        "filer",
        "filer-basic",
        "mc",
        "site",
        "daas",
        "builds",
        "builds-entra",
        "desktops",
        "desktops-basic",
    ];
    daemon.wait_until_up(&good);
    let strange: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
    daemon.wait_for("every other target failed, or has the answer of a probe", |exposition| {
        let ended = |target: &&&str| exposition.of(target, "rollcall_polls_total").is_some_and(|polls| polls > 0.0);
        strange.iter().all(|target| ended(&target))
    });
    outputs.pages(&daemon);
    let told = wait_until("an Alertmanager is told of what was refused", WAIT_TIMEOUT, || {
        let told = endpoints.recorder.bodies("POST /api/v2/alerts").concat();
        let all = ["RollcallTargetDown", "RollcallTargetLoginHeld"].iter().all(|alert| told.contains(alert));
        if all { Ok(told) } else { Err(told) }
    });
    outputs.add("what the Alertmanagers are told", told);
    for fault in [
        Fault::Status(500, "<html>Internal Server Error</html>", "text/html"),
        Fault::Status(401, "{}", "application/json"),
        Fault::Html,
        Fault::Truncated,
        Fault::Header("content-encoding", "gzip".to_owned()),
        Fault::Drop,
        Fault::Hang,
    ] {
        let failures = |what: &str| {
            let scrape = daemon.scrape();
            let targets = ["filer", "builds", "builds-entra"];
            let all = targets.map(|target| scrape.of(target, "rollcall_target_consecutive_failures").unwrap_or(0.0));
            if all.iter().all(|count| *count > 0.0) { Ok(()) } else { Err(format!("{what}: {all:?}")) }
        };
        for vendor in sim.vendors() {
            sim.fail(vendor, "", fault.clone());
        }
        wait_until("the fault is met", WAIT_TIMEOUT, || failures(&format!("{fault:?}")));
        outputs.pages(&daemon);
        for vendor in sim.vendors() {
            sim.heal(vendor);
        }
        daemon.wait_until_up(&["filer", "builds", "builds-entra"]);
    }
    for vendor in sim.vendors() {
        sim.expire_sessions(vendor);
    }
    for (index, broken) in broken(&text).iter().enumerate() {
        folder.write("rollcall.yml", broken);
        let reply = daemon.request("POST", "/-/reload", &[]);
        assert_eq!(reply.status, 500, "{index} is an error: {}", reply.text());
        outputs.add(format!("reload {index}"), reply.text());
        outputs.by(&["check", path]);
        outputs.by(&["probe", "builds", "--config.file", path]);
    }
    outputs.pages(&daemon);
    folder.write("rollcall.yml", &text);
    assert_eq!(daemon.request("POST", "/-/reload", &[]).status, 200);
    for target in &strange {
        outputs.by(&["probe", target, "--config.file", path, "--metrics"]);
    }
    outputs.by(&["check", path, "--connect"]);
    outputs.by(&["check", path]);
    let log = daemon.terminate();
    assert!(log.contains("DEBUG"), "the log says everything");
    outputs.add("the log", log);
    outputs.add("the state file", folder.read("rollcall.state"));

    let tokens = endpoints.recorder.secrets();
    // A session token of the farm, tokens of StoreFront and Entra, a token of a Resilio client, cookies.
    for name in ["auth_token", "authorization: citrixauth", "authorization: bearer", "token=", "cookie"] {
        assert!(tokens.iter().any(|(from, _)| from.starts_with(name)), "{name} was never sent: {tokens:?}");
    }
    let mut canaries = Canaries::of(CONFIGURED);
    for (_, token) in &tokens {
        canaries.add(token);
    }
    for (who, what) in &outputs.0 {
        let found = canaries.find(what);
        assert!(found.is_empty(), "{who} gives away: {found:#?}");
    }
    assert!(outputs.0.len() > 100, "{}", outputs.0.len());
}

#[test]
fn what_is_on_this_machine_is_not_told_to_the_proxy_of_the_environment() {
    let sim = Sim::frozen();
    let folder = Folder::new();
    let file = folder.write("rollcall.yml", &sim.config_yaml());
    let proxy = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", proxy.local_addr().expect("it is bound"));
    let mut command = command();
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &url);
    }
    let ended = command.arg("check").arg(file).arg("--connect").output().expect("the binary was built with this test");
    Ended::of(ended).expect(0);
    proxy.set_nonblocking(true).expect("a socket of ours");
    assert!(proxy.accept().is_err(), "somebody asked the proxy");
}
