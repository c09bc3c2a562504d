//! `rollcall demo`: the daemon over a simulated fleet of every vendor, and the story of what happens to it.

mod files;
mod https;
mod receiver;
mod story;

use std::{sync::Arc, time::Duration};

use clap::Args;
use jiff::Zoned;
use tokio::time::Instant;

use super::{Fleet, INCIDENT_DELAY, Web, log, output, serve};
use crate::{daemon::Daemon, scale, web};
use files::{Commands, Folder};
use https::Https;
use receiver::Receiver;
use rollcall_sim::{MORNING, Options, Simulation};
use story::Plan;

#[derive(Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    fleet: Fleet,
    /// How long the incidents last; without, until the demo ends.
    #[arg(long = "incident.duration", value_name = "DURATION", value_parser = crate::duration::parse)]
    incident_duration: Option<std::time::Duration>,
    /// Everything that alerting waits for takes a thirtieth of its time, so that an incident pages within a minute. Prometheus and
    /// Alertmanager need times like that too: the demo writes their configurations, and prints how to start them.
    #[arg(long, conflicts_with = "frozen")]
    pub fast: bool,
    /// Pages by itself (alerting.mode: direct): alerts go to this Alertmanager; repeatable.
    #[arg(long = "alertmanager", value_name = "URL")]
    alertmanagers: Vec<reqwest::Url>,
    /// Address to listen on; repeatable.
    #[arg(long = "web.listen-address", env = "ROLLCALL_WEB_LISTEN_ADDRESS", value_name = "ADDRESS")]
    #[arg(default_value = "127.0.0.1:10077", value_delimiter = ',')]
    listen: Vec<String>,
    #[command(flatten)]
    web: Web,
    /// Least severity that is logged: warn, and where it listens; the story on stdout has the rest.
    #[arg(long = "log.level", env = "ROLLCALL_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<log::Level>,
    /// Form of the log lines, which go to stderr.
    #[arg(long = "log.format", env = "ROLLCALL_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: log::Format,
}

/// The vendor that is spoken to by TLS.
const FARM: &str = "parallels_ras";
/// How long a fast fleet is well before its incidents.
const FAST_DELAY: Duration = Duration::from_secs(15);
/// Where an Alertmanager listens by default.
const ALERTMANAGER: &str = "127.0.0.1:9093";

pub fn run(args: Demo) -> Result<(), String> {
    match args.log_level {
        Some(level) => log::start(level, args.log_format),
        None => log::start_beside_story(args.log_format),
    }
    let options = web::Options { simulated: true, ..serve::options(&args.web, &args.listen)? };
    super::block_on(async {
        let signals = serve::Signals::new()?;
        let listeners = serve::listen(&args.listen).await?;
        let options = with_external_url(options, &listeners);
        let (plan, fleet) = plan(&args);
        let simulation = Simulation::start(fleet);
        let simulation = simulation.await.map_err(|error| format!("cannot start the simulated APIs: {error}"))?;
        let started = Instant::now();
        // What a team would want to see of its agents.
        simulation.azure_devops().set_capabilities(&["Agent.ComputerName", "docker", "team"]);
        let farm = Https::before(simulation.address(FARM)).await;
        let farm = farm.map_err(|error| format!("cannot put TLS in front of the simulated farm: {error}"))?;
        let receiver = Receiver::start().await?;
        let folder = Folder::new()?;
        let file = folder.write_own(&simulation, &farm, &args.alertmanagers)?;
        let daemon = Daemon::start(file, None, options.external_url.clone(), serve::instance(&listeners))
            .await
            .map_err(|error| error.to_string())?;
        let (prefix, scheme) = (options.route_prefix.clone(), options.door.scheme());
        let server = web::Server::new(listeners, web::State::new(Arc::clone(&daemon), options));
        let mut text = String::from("Rollcall over a simulated fleet. Nothing leaves this machine.\n");
        for incident in &args.fleet.incidents {
            text += &format!("Incident {incident}: {}.\n", incident.description());
        }
        text += "\nSimulated APIs:\n";
        for vendor in simulation.vendors() {
            let url = if vendor == FARM { farm.url() } else { simulation.url(vendor) };
            text += &format!("  {vendor:22}{url}\n");
        }
        // A unix socket is scraped by nobody.
        let addresses = server.addresses();
        let port = addresses.iter().find_map(|address| address.rsplit_once(':')?.1.parse::<u16>().ok());
        if let Some(port) = port {
            text += &pages(&args, &folder, &format!("127.0.0.1:{port}"), &receiver)?;
        }
        for address in addresses {
            text += &format!(
                "\n  {scheme}://{address}{prefix}/         status\n  {scheme}://{address}{prefix}/metrics  metrics\n"
            );
        }
        output::show(format!("{text}\nStop with Ctrl-C.\n\n"));
        story::announce(&plan.opening(&Zoned::now()));
        let story = tokio::spawn(story::run(plan, Arc::clone(simulation.world()), Arc::clone(&daemon), started));
        let result = serve::until_stopped(daemon, server, signals).await;
        story.abort();
        simulation.stop().await;
        result
    })
}

/// What is to happen, and the fleet that it happens to.
fn plan(args: &Demo) -> (Plan, Options) {
    let fleet = args.fleet.options();
    let fleet = match args.fast {
        true => {
            let delay = args.fleet.incident_delay.unwrap_or(FAST_DELAY);
            // Its clock is as fast.
            let incident_delay = delay * scale::FAST;
            let (speed, clock) = (f64::from(scale::FAST), fleet.clock.or(Some(MORNING)));
            Options { incident_delay, speed, clock, ..fleet }
        }
        false => fleet,
    };
    let plan = Plan {
        incidents: args.fleet.incidents.clone(),
        delay: args.fleet.incident_delay.unwrap_or(if args.fast { FAST_DELAY } else { INCIDENT_DELAY }),
        lasts: args.incident_duration,
        interval: Duration::from_secs(if args.fast { 4 } else { 5 }),
        frozen: args.fleet.frozen,
    };
    (plan, fleet)
}

/// Who pages, and how to start whoever is missing.
fn pages(args: &Demo, folder: &Folder, local: &str, receiver: &Receiver) -> Result<String, String> {
    let given = args.alertmanagers.first();
    let alertmanager = given.and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
    let alertmanager = alertmanager.unwrap_or_else(|| ALERTMANAGER.to_owned());
    let Commands { prometheus, alertmanager } =
        folder.write_alerting(local, &receiver.address.to_string(), &alertmanager)?;
    let times = if args.fast { format!(", {} times as fast", scale::FAST) } else { String::new() };
    let mut text = String::new();
    for url in &args.alertmanagers {
        text += &format!("\nAlerts go to {url}\n");
    }
    text += &match given {
        Some(_) => format!("\nAn Alertmanager with the shipped routes{times}, which tells the demo what it sends:\n"),
        None => format!(
            "\nPrometheus and Alertmanager with the shipped configuration{times}; what they send is printed here:\n"
        ),
    };
    if given.is_none() {
        text += &format!("  {prometheus}\n");
    }
    text += &format!("  {alertmanager}\n");
    Ok(text)
}

/// A demo is mostly for whoever has started it, and listens on loopback, where the name of the host leads elsewhere.
fn with_external_url(mut options: web::Options, listeners: &[web::Listener]) -> web::Options {
    let local = listeners.iter().find(|listener| listener.is_local() && listener.port().is_some());
    if let Some(address) = local.filter(|_| options.external_url.is_empty()) {
        options.external_url = format!("{}://{address}{}", options.door.scheme(), options.route_prefix);
    }
    serve::with_external_url(options, listeners)
}
