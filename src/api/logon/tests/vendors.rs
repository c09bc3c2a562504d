//! Every vendor with a password, and everything that a server may answer to it: how many passwords reach the server within an
//! hour.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rollcall_test_server::{Request, Response, Server};
use tokio::runtime::Runtime;

use super::*;
use crate::{
    api::{self, Context, Warnings, fingerprint::PartFingerprints, memory::Memory},
    config::Config,
    http::Client,
};

const PASSWORD: &str = "Kanarien-7";

/// Every way in which a password is sent, as the settings of a target.
const VENDORS: [(&str, &str); 6] = [
    ("ras", "vendor: parallels_ras, url: 'BASE', auth: { username: monitor, password: PW }"),
    (
        "forms",
        "vendor: citrix_storefront, url: 'BASE/Citrix/Store', auth: { username: monitor, password: PW, method: explicit_forms }",
    ),
    (
        "basic",
        "vendor: citrix_storefront, url: 'BASE/Citrix/Store', auth: { username: monitor, password: PW, method: http_basic }",
    ),
    (
        "entra",
        "vendor: azure_devops, url: 'BASE/contoso', auth: { entra: { tenant_id: tenant, client_id: app, client_secret: PW, authority: 'BASE' } }",
    ),
    (
        "light",
        "vendor: parallels_ras_session, url: 'BASE', auth: { api_token: t0ken }, session: { ras_host: a, endpoint_host: b, portal_url: 'https://c', username: probe, password: PW }",
    ),
    (
        "deep",
        "vendor: parallels_ras_session, url: 'BASE', auth: { api_token: t0ken }, mode: deep, interval: 15m, session: { ras_host: a, endpoint_host: b, portal_url: 'https://c', username: probe, password: PW }",
    ),
];

/// What a server answers to a password.
fn answers() -> Vec<(&'static str, Response)> {
    const JSON: &str = "application/json";
    let status = |status: u16| Response::new(status, JSON, r#"{"message":"nein"}"#);
    vec![
        ("200 HTML", Response::new(200, "text/html", "<html>Wartung</html>")),
        ("200 JSON", Response::new(200, JSON, r#"{"error":"Konto gesperrt"}"#)),
        ("200 XML", Response::new(200, "application/vnd.citrix.x+xml", "<gesperrt/>")),
        ("302", status(302).header("location", "/anmelden")),
        ("400 in German", Response::new(400, JSON, r#"{"code":0,"msg":"Benutzer gesperrt"}"#)),
        ("403", status(403)),
        ("404", status(404)),
        ("423", status(423)),
        ("429", status(429).header("retry-after", "5")),
        ("500", status(500)),
        ("503", Response::new(503, "text/html", "<html>Wartung</html>")),
        ("reset", Response::raw("")),
        ("half an answer", Response::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")),
        ("no HTTP", Response::raw("\0\0\0\0\r\n\r\n")),
    ]
}

/// A server of all vendors, which answers a password with what is wanted, and notes when it came.
struct Vendor {
    server: Server,
    minute: Arc<AtomicU32>,
    sent: Arc<Mutex<Vec<u32>>>,
}

impl Vendor {
    fn start(answer: Response, locations: usize) -> Vendor {
        let (minute, sent) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let server = Server::http({
            let (minute, sent) = (Arc::clone(&minute), Arc::clone(&sent));
            move |request: &Request| match carries_password(request) {
                true => {
                    sent.lock().expect("nothing panics with it").push(minute.load(Ordering::Relaxed));
                    answer.clone()
                }
                false => before(request, locations),
            }
        });
        Vendor { server, minute, sent }
    }

    fn sent(&self) -> Vec<u32> {
        self.sent.lock().expect("nothing panics with it").clone()
    }
}

fn carries_password(request: &Request) -> bool {
    let basic = request.header("authorization").strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    request.body_text().contains(PASSWORD)
        || basic.is_some_and(|text| String::from_utf8_lossy(&text).contains(PASSWORD))
}

/// What leads to the password: of Citrix a challenge, a choice of ways to log on, and a form.
fn before(request: &Request, locations: usize) -> Response {
    let base = format!("http://{}", request.header("host"));
    let xml =
        |status, kind: &str, body: String| Response::new(status, &format!("application/vnd.citrix.{kind}+xml"), body);
    match request.path() {
        path if path.starts_with("/auth/token") => {
            let choice = |name: &str| {
                format!("<choice><protocol>{name}</protocol><location>{base}/auth/{name}</location></choice>")
            };
            let choices = choice("ExplicitForms") + &choice("HttpBasic");
            let body = format!("<requesttokenchoices><choices>{choices}</choices></requesttokenchoices>");
            xml(300, "requesttokenchoices", body)
        }
        "/auth/ExplicitForms" => {
            let row = |id: &str, kind: &str| {
                format!(
                    "<Requirement><Credential><ID>{id}</ID><Type>{kind}</Type></Credential><Label><Type>plain</Type></Label><Input><Text><ReadOnly>false</ReadOnly><InitialValue/></Text></Input></Requirement>"
                )
            };
            let rows = row("user", "username") + &row("pw", "password");
            xml(
                200,
                "authenticateresponse-1",
                format!(
                    "<AuthenticateResponse><Status>success</Status><Result>more-info</Result><StateContext/><AuthenticationRequirements><PostBack>/auth/posted</PostBack><Requirements>{rows}</Requirements></AuthenticationRequirements></AuthenticateResponse>"
                ),
            )
        }
        "/auth/HttpBasic" => Response::status(401).header("www-authenticate", "Basic realm=\"sf\""),
        path if path.starts_with("/Citrix/") => {
            let locations: Vec<String> = (0..locations).map(|i| format!("{base}/auth/token/{i}")).collect();
            let challenge = format!(
                "CitrixAuth realm=\"r\", reqtokentemplate=\"\", reason=\"notoken\", locations=\"{}\"",
                locations.join("|")
            );
            Response::status(401).header("www-authenticate", &challenge)
        }
        _ => Response::new(500, "application/json", "{}"),
    }
}

/// A process: its log-ons, and its API of the target. Those that live side by side share a runtime, as they share connections,
/// which would stand still with that of another.
struct Process {
    runtime: Arc<Runtime>,
    logons: Logons,
    api: Box<dyn api::Api>,
}

impl Process {
    fn start(runtime: &Arc<Runtime>, settings: &str, base: &str, state_file: &Path, keeper: Keeper) -> Process {
        crate::http::install_crypto();
        let settings = settings.replace("BASE", base).replace("PW", PASSWORD);
        let yaml = format!("targets:\n- {{ name: t, {settings} }}\n");
        let config = Config::parse(&yaml, "rollcall.yml", Path::new(".")).expect("it is valid");
        let _inside = runtime.enter();
        let logons = Logons::beside(state_file, keeper);
        let target = Arc::clone(&config.targets[0]);
        let client = Client::new(&target).expect("there are no certificates");
        let api = api::open(target, client, Arc::new(logons.clone()));
        Process { runtime: Arc::clone(runtime), logons, api }
    }

    /// Polls once. `kill`: the process ends when its password has reached this vendor.
    fn poll(&mut self, minute: u32, kill: Option<&Vendor>) -> Option<Failure> {
        let (memory, warnings, known) = (Memory::default(), Warnings::default(), PartFingerprints::default());
        let now = START.plus(minute * MINUTE);
        let api = &mut self.api;
        self.runtime.block_on(async {
            let deadline = Instant::now() + 20 * SECOND;
            let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
            let killed = async {
                let Some(vendor) = kill else { return std::future::pending().await };
                let before = vendor.sent().len();
                while vendor.sent().len() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                polled = api.poll(&cx) => match polled {
                    Ok(observation) => observation.failure,
                    Err(failure) => Some(failure),
                },
                () = killed => None,
            }
        })
    }
}

#[track_caller]
fn assert_bounds(sent: &[u32], replicas: usize, what: &str) {
    let within =
        |span: u32| sent.iter().map(|from| sent.iter().filter(|at| (*from..from + span).contains(at)).count()).max();
    assert!(within(15) <= Some(3 * replicas), "{what}: {sent:?}");
    assert!(within(30) <= Some(4 * replicas), "{what}: {sent:?}");
    assert!(!sent.is_empty(), "{what}: the test sends no password");
}

/// An hour in which each of these polls in every minute in which something could be sent, and in some others.
fn hour(vendor: &Vendor, processes: &mut [Process]) {
    for minute in [0, 1, 2, 3, 5, 6, 7, 10, 14, 15, 16, 20, 21, 22, 30, 45, 59] {
        vendor.minute.store(minute, Ordering::Relaxed);
        for process in processes.iter_mut() {
            process.poll(minute, None);
        }
    }
}

fn runtime() -> Arc<Runtime> {
    Arc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts"))
}

fn servers() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
}

#[test]
fn whatever_a_server_answers_three_passwords_leave_in_a_quarter_of_an_hour() {
    let servers = servers();
    for (name, settings) in VENDORS {
        for (answer_name, answer) in answers() {
            let what = format!("{name}, {answer_name}");
            let vendor = {
                let _inside = servers.enter();
                Vendor::start(answer, 1)
            };
            let folder = tempfile::tempdir().expect("the temporary folder can be written");
            let state = folder.path().join("rollcall.state");
            // A daemon, and looks beside it.
            let clients = runtime();
            let start = |keeper| Process::start(&clients, settings, vendor.server.url(), &state, keeper);
            let mut processes = [start(Keeper::Daemon), start(Keeper::Look)];
            hour(&vendor, &mut processes);
            assert_bounds(&vendor.sent(), 1, &what);
            let failure = processes[0].poll(60, None);
            let held = processes[0].logons.hold_of("t", START.plus(HOUR)).is_some();
            assert_eq!(
                held,
                failure.as_ref().is_some_and(|failure| failure.reason == Reason::Held),
                "{what}: {failure:?}"
            );
            assert!(processes[0].logons.next_logon("t", START.plus(HOUR)).is_some(), "{what}: it does not wait");
            // A broker's answer that nobody knows is an answer.
            let is_told = failure.is_some() || matches!(name, "light" | "deep");
            assert!(is_told && !format!("{failure:?}").contains(PASSWORD), "{what}: {failure:?}");
        }
    }
}

#[test]
fn a_process_that_is_killed_at_each_log_on_sends_no_more() {
    let servers = servers();
    for (name, settings) in VENDORS {
        for answer in [Response::silence(), Response::new(503, "text/html", "<html>")] {
            let vendor = {
                let _inside = servers.enter();
                Vendor::start(answer, 1)
            };
            let folder = tempfile::tempdir().expect("the temporary folder can be written");
            for minute in [0, 0, 1, 1, 2, 5, 6, 7, 10, 14, 15, 16, 20, 21, 22, 30] {
                vendor.minute.store(minute, Ordering::Relaxed);
                let state = folder.path().join("rollcall.state");
                let mut process = Process::start(&runtime(), settings, vendor.server.url(), &state, Keeper::Daemon);
                process.poll(minute, Some(&vendor));
            }
            assert_bounds(&vendor.sent(), 1, name);
        }
    }
}

#[test]
fn thirty_locations_of_a_challenge_get_one_password_in_a_poll() {
    let servers = servers();
    for (name, settings) in VENDORS.into_iter().filter(|(name, _)| ["forms", "basic"].contains(name)) {
        let vendor = {
            let _inside = servers.enter();
            Vendor::start(Response::status(500), 30)
        };
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let state = folder.path().join("rollcall.state");
        let mut process = Process::start(&runtime(), settings, vendor.server.url(), &state, Keeper::Daemon);
        process.poll(0, None);
        assert_eq!(vendor.sent(), [0], "{name}");
        let asked = vendor.server.requests().iter().filter(|seen| seen.path().starts_with("/auth/token")).count();
        assert_eq!(asked, 1, "{name}: the others would want it, too");
    }
}

#[test]
fn two_replicas_send_twice_as_many() {
    let servers = servers();
    let vendor = {
        let _inside = servers.enter();
        Vendor::start(Response::status(500), 1)
    };
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("the temporary folder can be written"));
    let clients = runtime();
    let start = |folder: &tempfile::TempDir| {
        Process::start(
            &clients,
            VENDORS[0].1,
            vendor.server.url(),
            &folder.path().join("rollcall.state"),
            Keeper::Daemon,
        )
    };
    let mut replicas = folders.each_ref().map(start);
    hour(&vendor, &mut replicas);
    assert_bounds(&vendor.sent(), 2, "two replicas");
    assert_eq!(vendor.sent().len(), 2 * 4);
}

#[test]
fn a_password_that_is_refused_is_sent_once_by_whoever_asks() {
    let servers = servers();
    let refusals = [
        ("ras", Response::status(401)),
        ("basic", Response::status(401).header("www-authenticate", "Basic realm=\"sf\"")),
        ("forms", Response::status(401)),
        ("entra", Response::new(401, "application/json", r#"{"error":"invalid_client"}"#)),
        ("light", Response::new(400, "application/json", r#"{"code":5155}"#)),
        ("deep", Response::new(400, "application/json", r#"{"code":5155}"#)),
    ];
    for ((name, refusal), (_, settings)) in refusals
        .into_iter()
        .map(|row| (row.clone(), VENDORS.into_iter().find(|(name, _)| *name == row.0).expect("a vendor")))
    {
        let vendor = {
            let _inside = servers.enter();
            Vendor::start(refusal, 1)
        };
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let state = folder.path().join("rollcall.state");
        let clients = runtime();
        let start = |keeper| Process::start(&clients, settings, vendor.server.url(), &state, keeper);
        let mut processes = [start(Keeper::Daemon), start(Keeper::Look)];
        hour(&vendor, &mut processes);
        assert_eq!(vendor.sent(), [0], "{name}");
        assert_eq!(processes[0].poll(60, None).expect("held").reason, Reason::Held, "{name}");
    }
}
