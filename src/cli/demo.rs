//! `rollcall demo`: the daemon over a simulated fleet of every vendor.

mod https;

use std::{fmt::Write as _, sync::Arc};

use reqwest::Url;

use super::{Demo, log, output, serve};
use crate::{daemon::Daemon, web};
use https::Https;
use rollcall_sim::Simulation;

/// The vendor that is spoken to by TLS.
const FARM: &str = "parallels_ras";
/// The certificate of the farm, beside the configuration.
const CERTIFICATE: &str = "farm.pem";

pub fn run(args: Demo) -> Result<(), String> {
    log::start(args.log.level, args.log.format);
    let options = web::Options { simulated: true, ..serve::options(&args.web, &args.listen)? };
    super::block_on(async {
        let signals = serve::Signals::new()?;
        let listeners = serve::listen(&args.listen).await?;
        let options = with_external_url(options, &listeners);
        let simulation = Simulation::start(args.fleet.options());
        let simulation = simulation.await.map_err(|error| format!("cannot start the simulated APIs: {error}"))?;
        // What a team would want to see of its agents.
        simulation.azure_devops().set_capabilities(&["Agent.ComputerName", "docker", "team"]);
        let farm = Https::before(simulation.address(FARM)).await;
        let farm = farm.map_err(|error| format!("cannot put TLS in front of the simulated farm: {error}"))?;
        let folder = Folder::new().map_err(|error| format!("cannot write the demo's configuration: {error}"))?;
        folder.write(CERTIFICATE, &farm.certificate)?;
        let file = folder.write("rollcall.yml", &configuration(&simulation, &farm, &args.alertmanagers))?;
        let daemon = Daemon::start(file, None, options.external_url.clone(), serve::instance(&listeners))
            .await
            .map_err(|error| error.to_string())?;
        let (prefix, scheme) = (options.route_prefix.clone(), options.door.scheme());
        let server = web::Server::new(listeners, web::State::new(Arc::clone(&daemon), options));
        let mut text = String::from("Rollcall over a simulated fleet.\n\nSimulated APIs:\n");
        for vendor in simulation.vendors() {
            let url = if vendor == FARM { url(&farm) } else { simulation.url(vendor) };
            text += &format!("  {vendor:22}{url}\n");
        }
        for incident in &args.fleet.incidents {
            text += &format!("\nIncident {} begins in {:?}.\n", incident.name(), args.fleet.incident_delay);
        }
        for alertmanager in &args.alertmanagers {
            text += &format!("\nAlerts go to {alertmanager}\n");
        }
        for address in server.addresses() {
            text += &format!(
                "\n  {scheme}://{address}{prefix}/         status\n  {scheme}://{address}{prefix}/metrics  metrics\n"
            );
        }
        output::show(format!("{text}\nStop with Ctrl-C.\n"));
        let result = serve::until_stopped(daemon, server, signals).await;
        simulation.stop().await;
        result
    })
}

/// A demo is mostly for whoever has started it, and listens on loopback, where the name of the host leads elsewhere.
fn with_external_url(mut options: web::Options, listeners: &[web::Listener]) -> web::Options {
    let local = listeners.iter().find(|listener| listener.is_local() && listener.port().is_some());
    if let Some(address) = local.filter(|_| options.external_url.is_empty()) {
        options.external_url = format!("{}://{address}{}", options.door.scheme(), options.route_prefix);
    }
    serve::with_external_url(options, listeners)
}

fn url(farm: &Https) -> String {
    format!("https://{}", farm.address)
}

/// The configuration of the simulation, with its farm behind TLS, and with the Alertmanagers that are to be told.
fn configuration(simulation: &Simulation, farm: &Https, alertmanagers: &[Url]) -> String {
    let plain = format!("    url: {}\n", simulation.url(FARM));
    let behind = format!("    url: {}\n    http: {{ tls: {{ ca_file: {CERTIFICATE} }} }}\n", url(farm));
    let mut yaml = simulation.config_yaml().replace(&plain, &behind);
    if !alertmanagers.is_empty() {
        yaml += "alerting:\n  mode: direct\n  alertmanagers:\n";
    }
    for url in alertmanagers {
        // A JSON string is one of YAML too. Writing to a String cannot fail.
        let _ = writeln!(yaml, "    - url: {}", serde_json::Value::from(url.as_str()));
    }
    yaml
}

/// A folder of its own that goes with the demo.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("rollcall-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    fn write(&self, name: &str, text: &str) -> Result<std::path::PathBuf, String> {
        let file = self.0.join(name);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
