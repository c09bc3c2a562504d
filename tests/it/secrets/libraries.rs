//! What the libraries below say at their lowest levels, which the daemon never lets through.

use std::{env, path::PathBuf, process::Command, sync::Arc, time::Duration};

use rollcall::{
    api::{self, Context, Warnings, fingerprint::PartFingerprints, logon::Logons, memory::Memory},
    clock::UnixTime,
    config::Config,
    http::Client,
};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;

use super::{CONFIGURED, Endpoints, PAT, quoted, search::Canaries, yaml};
use crate::support::{Folder, Sim, frozen};

/// Where the process below finds its configuration.
const CONFIG: &str = "ROLLCALL_TEST_TRACED_CONFIG";

/// Polls every target once, and lets everybody say everything.
#[test]
#[ignore = "the test below runs it, in a process of its own"]
fn every_library_at_trace() {
    let Some(path) = env::var_os(CONFIG).map(PathBuf::from) else { return };
    rollcall::http::install_crypto();
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr);
    subscriber.try_init().expect("nobody else logs in this process");
    let config = Config::load(&path).expect("it is valid");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is one");
    runtime.block_on(async {
        let logons = Arc::new(Logons::default());
        for target in &config.targets {
            let client = Client::new(target).expect("there are no certificates");
            let mut api = api::open(Arc::clone(target), client, Arc::clone(&logons));
            let (memory, warnings, known) = (Memory::default(), Warnings::default(), PartFingerprints::default());
            let (now, deadline) =
                (UnixTime::from(std::time::SystemTime::now()), Instant::now() + Duration::from_secs(20));
            let cx = Context { now, deadline, memory: &memory, warnings: &warnings, known: &known };
            let outcome = api.poll(&cx).await;
            api.close(&cx).await;
            tracing::info!(target = %target.name, ?outcome, "Polled.");
        }
    });
}

#[test]
fn no_library_says_a_secret_at_any_level() {
    let sim = Sim::start(frozen());
    super::set_secrets(&sim);
    let endpoints = Endpoints::of(&sim);
    let folder = Folder::new();
    // One more, whose TLS succeeds.
    let secure = format!(
        "  - name: secure\n    vendor: azure_devops\n    url: 'https://{}/contoso'\n    auth: {{ pat: {} }}\n    \
         http: {{ proxy_url: none, tls: {{ insecure_skip_verify: true }} }}\n",
        endpoints.tls.address,
        quoted(PAT)
    );
    let file = folder.write("rollcall.yml", &(yaml(&endpoints) + &secure));
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args(["--exact", "secrets::libraries::every_library_at_trace", "--ignored", "--nocapture"]);
    let output = command.env(CONFIG, &file).env("NO_PROXY", "*").output().expect("this very test");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    for library in ["hyper_util::client", "rustls::"] {
        assert!(said.contains(library), "{library} says nothing");
    }
    let mut canaries = Canaries::of(CONFIGURED);
    let tokens = endpoints.recorder.secrets();
    assert!(tokens.len() > 5, "{tokens:?}");
    tokens.iter().for_each(|(_, token)| canaries.add(token));
    // It writes every cookie, so that `src/cli/log.rs` switches it off by name.
    let is_known = |line: &&str| line.contains("cookie_store::");
    assert!(said.lines().any(|line| is_known(&line)), "it is quiet now: take it out here and there");
    let said = said.lines().filter(|line| !is_known(line)).collect::<Vec<_>>().join("\n");
    let found = canaries.find(&said);
    assert!(found.is_empty(), "{found:#?}");
}
