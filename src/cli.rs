//! The command line: one binary, `rollcall`, with the flags of the Prometheus exporters.

mod allocator;
mod catalogue;
mod check;
mod completions;
mod dashboards;
mod demo;
mod healthcheck;
mod log;
mod man;
mod output;
mod probe;
mod rules;
mod serve;
mod simulate;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{printable::counted, shard::Shard};
use rollcall_sim::Incident;

/// A Prometheus exporter and alerter for agent fleets: Parallels RAS, Citrix (sites and StoreFront), Azure DevOps and Resilio
/// (agents and their console).
#[derive(Debug, Parser)]
#[command(name = "rollcall", version = VERSION, max_term_width = 100)]
#[command(after_help = "Try `rollcall demo` first: it needs nothing else.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// For tests: everything that alerting waits for is divided by this.
    #[arg(long, global = true, hide = true, value_name = "N", default_value_t = 1)]
    time_scale: u32,
}

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("ROLLCALL_REVISION"),
    ", rustc ",
    env!("ROLLCALL_RUSTC"),
    ")"
);

#[derive(Debug, Subcommand)]
enum Command {
    /// Polls the targets of a configuration and serves /metrics until it is stopped.
    Serve(Serve),
    /// Runs the daemon over a simulated fleet of every vendor; nothing else is needed.
    Demo(demo::Demo),
    /// Runs the simulated vendor APIs alone and writes a configuration for them.
    Simulate(Simulate),
    /// Validates a configuration and reports all errors with their places.
    Check(Check),
    /// Polls one configured target once and shows each request and what was read from the answer.
    Probe(Probe),
    /// Prints the metric catalogue.
    Metrics(Metrics),
    /// Prints the Prometheus recording and alert rules.
    Rules(Rules),
    /// Prints a complete annotated configuration.
    DefaultConfig,
    /// Checks whether a daemon answers; for container images, which have no shell.
    #[command(hide = true)]
    Healthcheck(healthcheck::Healthcheck),
    /// Prints the Grafana dashboards, one JSON document after the other.
    Dashboards(Dashboards),
    /// The script that completes this command line in a shell.
    Completions(completions::Completions),
    /// The man pages; for packages.
    #[command(hide = true)]
    Man(man::Man),
}

#[derive(Debug, Args)]
struct Serve {
    /// The configuration.
    #[arg(long = "config.file", env = "ROLLCALL_CONFIG_FILE", value_name = "FILE", default_value = "rollcall.yml")]
    config_file: PathBuf,
    /// Address to listen on, `:10077` for all interfaces, `unix:PATH` for a unix socket; repeatable.
    #[arg(
        long = "web.listen-address",
        env = "ROLLCALL_WEB_LISTEN_ADDRESS",
        value_name = "ADDRESS",
        default_value = ":10077"
    )]
    #[arg(value_delimiter = ',')]
    listen: Vec<String>,
    /// Listens on the sockets that systemd passes, instead of on an address.
    #[arg(long = "web.systemd-socket", env = "ROLLCALL_WEB_SYSTEMD_SOCKET")]
    systemd_socket: bool,
    /// Polls only this share of the targets, split by a hash of their names: I is 0 to N-1. auto/N takes I from the end of the
    /// host's name, as in the pods of a StatefulSet.
    #[arg(long, env = "ROLLCALL_SHARD", value_name = "I/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    web: Web,
    #[command(flatten)]
    log: Log,
}

#[derive(Debug, Args)]
struct Web {
    /// TLS, users, headers and a rate limit for the daemon's own port, in the format of Prometheus' exporter-toolkit. It is
    /// read again whenever it or one of its certificates changes.
    #[arg(long = "web.config.file", env = "ROLLCALL_WEB_CONFIG_FILE", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// URL under which people reach the daemon, for links; its path is the default of --web.route-prefix. Without,
    /// http://HOST:PORT/ with the name of this host and the first port, or https with TLS.
    #[arg(long = "web.external-url", env = "ROLLCALL_WEB_EXTERNAL_URL", value_name = "URL", default_value = "")]
    external_url: String,
    /// Prefix of all paths.
    #[arg(long = "web.route-prefix", env = "ROLLCALL_WEB_ROUTE_PREFIX", value_name = "PATH")]
    route_prefix: Option<String>,
    /// At most this many scrapes are answered at once; 0 for any number.
    #[arg(long = "web.max-requests", env = "ROLLCALL_WEB_MAX_REQUESTS", value_name = "N", default_value_t = 40)]
    max_requests: usize,
    /// At most this many connections are open; beyond, the one idle longest is closed. 0 for any number.
    #[arg(long = "web.max-connections", env = "ROLLCALL_WEB_MAX_CONNECTIONS", value_name = "N", default_value_t = 512)]
    max_connections: usize,
    /// Name under which browsers reach the daemon, beside that of --web.external-url, this host's, localhost and addresses;
    /// repeatable. Programs may use any.
    #[arg(long = "web.allowed-host", env = "ROLLCALL_WEB_ALLOWED_HOST", value_name = "NAME", value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    /// Allows POST /-/reload and /-/release.
    #[arg(long = "web.enable-lifecycle", env = "ROLLCALL_WEB_ENABLE_LIFECYCLE")]
    enable_lifecycle: bool,
}

#[derive(Debug, Args)]
struct Log {
    /// Lowest severity that is logged.
    #[arg(long = "log.level", env = "ROLLCALL_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    level: log::Level,
    /// Form of the log lines, which go to stderr.
    #[arg(long = "log.format", env = "ROLLCALL_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    format: log::Format,
}

#[derive(Debug, Args)]
struct Fleet {
    /// Agents of all vendors together.
    #[arg(long, value_name = "N", default_value_t = 200)]
    agents: usize,
    /// Replays a scripted incident; repeatable.
    #[arg(long = "incident", value_name = "NAME", long_help = usage::incidents_help())]
    incidents: Vec<Incident>,
    /// The same number gives the same fleet.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long the fleet is well before the incidents begin: 1m, or 15s of a demo that is --fast.
    #[arg(long = "incident.delay", value_name = "DURATION", value_parser = crate::duration::parse)]
    incident_delay: Option<std::time::Duration>,
    /// The fleet stands still, so that two readings can be compared.
    #[arg(long)]
    frozen: bool,
    /// For tests: what the fleet's clock shows at the start, as a Unix time; what it does by itself follows the hour.
    #[arg(long, hide = true, value_name = "SECONDS")]
    clock: Option<u64>,
    /// For tests: so many Resilio agents, whatever their part of the others is.
    #[arg(long, hide = true, value_name = "N")]
    resilio_clients: Option<usize>,
}

#[derive(Debug, Args)]
struct Simulate {
    #[command(flatten)]
    fleet: Fleet,
    /// Where the ready configuration is written.
    #[arg(long = "config.file", value_name = "FILE", default_value = "rollcall.yml")]
    config_file: PathBuf,
    /// Overwrites a configuration that `simulate` did not write.
    #[arg(long)]
    force: bool,
    /// The APIs listen on this port of 127.0.0.1 and those that follow it, one each; free ports without.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    #[command(flatten)]
    log: Log,
}

#[derive(Debug, Args)]
struct Check {
    /// The configuration; rollcall.yml without, where there is one or no web configuration is given.
    #[arg(value_name = "FILE", env = "ROLLCALL_CONFIG_FILE")]
    config_file: Option<PathBuf>,
    /// Also validates a web configuration.
    #[arg(long = "web.config.file", env = "ROLLCALL_WEB_CONFIG_FILE", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Also polls each target once.
    #[arg(long)]
    connect: bool,
    /// Also looks at the URL under which people are to reach the daemon.
    #[arg(long = "web.external-url", env = "ROLLCALL_WEB_EXTERNAL_URL", value_name = "URL", default_value = "")]
    external_url: String,
}

#[derive(Debug, Args)]
struct Probe {
    /// Name of the target.
    #[arg(value_name = "TARGET")]
    target: String,
    /// The configuration.
    #[arg(long = "config.file", env = "ROLLCALL_CONFIG_FILE", value_name = "FILE", default_value = "rollcall.yml")]
    config_file: PathBuf,
    /// Also prints the exposition of the target.
    #[arg(long)]
    metrics: bool,
    /// Prints this many agents; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 50)]
    agents: usize,
}

#[derive(Debug, Args)]
struct Metrics {
    /// Form of the catalogue.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: catalogue::Format,
}

#[derive(Debug, Args)]
struct Rules {
    /// The configuration whose overrides are applied; without, the rules are those that are shipped.
    #[arg(long = "config.file", env = "ROLLCALL_CONFIG_FILE", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Form of the rules.
    #[arg(long, value_name = "FORMAT", default_value = "prometheus")]
    format: crate::rules::promql::Format,
    /// Which scrapes of Prometheus are those of Rollcall daemons, for the rules about `up`.
    #[arg(long, value_name = "MATCHERS", default_value = "job=\"rollcall\"", value_parser = crate::rules::promql::labels::matchers)]
    selector: String,
    /// Only these rules.
    #[arg(long, value_name = "PART", default_value = "all")]
    part: crate::rules::promql::FilePart,
    /// Where people reach the daemon, for the links of alerts. Without, Prometheus asks rollcall_links_info for it whenever it
    /// writes the annotations.
    #[arg(long = "external-url", value_name = "URL", value_parser = serve::link_base)]
    external_url: Option<String>,
    /// Where people reach Grafana, for the same; alerting.dashboard_url of the configuration does the same.
    #[arg(long = "dashboard-url", value_name = "URL", value_parser = serve::link_base)]
    dashboard_url: Option<String>,
    /// Adds this label to every rule, for a ruler or a route that expects it; repeatable. The daemon's own alerts in direct mode
    /// do not have it.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = crate::rules::promql::labels::rule_label)]
    labels: Vec<crate::rules::promql::labels::Label>,
    /// Adds this label to the PrometheusRule, so that the operator finds it: kube-prometheus-stack expects
    /// release=NAME-OF-ITS-HELM-RELEASE; repeatable.
    #[arg(long = "metadata-label", value_name = "NAME=VALUE", value_parser = crate::rules::promql::labels::metadata_label)]
    metadata_labels: Vec<crate::rules::promql::labels::Label>,
    /// For `rollcall demo --fast`: all times are a thirtieth.
    #[arg(long)]
    fast: bool,
}

#[derive(Debug, Args)]
struct Dashboards {
    /// Writes one file for each into this folder, and a README.md.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Links alerts to the runbooks below this address, as alerting.runbook_url does.
    #[arg(long, value_name = "URL")]
    runbooks: Option<reqwest::Url>,
}

/// Runs the command line of this process. 0: fine, 1: what was asked failed, 2: bad command line.
pub fn run() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(error),
    };
    // A daemon is no filter: what it prints at its start need not be read.
    let is_daemon = matches!(cli.command, Command::Serve(_) | Command::Demo(_) | Command::Simulate(_));
    if matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        allocator::configure();
        crate::descriptors::prepare();
    }
    crate::descriptors::forbid_core_dumps();
    log::tell_panics();
    let _flush = output::FlushAtEnd;
    crate::http::install_crypto();
    crate::scale::set(match &cli.command {
        Command::Demo(demo::Demo { fast: true, .. }) | Command::Rules(Rules { fast: true, .. }) => crate::scale::FAST,
        _ => cli.time_scale,
    });
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Check(args) => check::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Metrics(args) => catalogue::run(args.format),
        Command::Rules(args) => rules::run(&args),
        Command::Healthcheck(args) => healthcheck::run(args),
        Command::DefaultConfig => {
            output::print(crate::config::default_yaml());
            Ok(())
        }
        Command::Dashboards(args) => dashboards::run(args),
        Command::Completions(args) => {
            completions::run(&args);
            Ok(())
        }
        Command::Man(args) => man::run(&args),
    };
    let printed = match is_daemon {
        true => {
            output::flush_out();
            Ok(())
        }
        false => output::finish(),
    };
    match result.and(printed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            output::note(message);
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    /// The command line, and the environment where a variable of it is not blank.
    fn read() -> Result<Cli, clap::Error> {
        let matches = usage::unset_blank(Cli::command()).try_get_matches()?;
        Cli::from_arg_matches(&matches)
    }
}

/// What the runtime still does at the end of a command is waited for so long.
const SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a command on a runtime of its own. What hangs in the system at its end, a disk for one, keeps it from ending no longer
/// than for a moment.
fn block_on<T>(command: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(SHUTDOWN);
    result
}

/// How long a fleet is well.
const INCIDENT_DELAY: std::time::Duration = std::time::Duration::from_secs(60);

impl Fleet {
    fn options(&self) -> rollcall_sim::Options {
        rollcall_sim::Options {
            agents: self.agents,
            seed: self.seed,
            incidents: self.incidents.clone(),
            incident_delay: self.incident_delay.unwrap_or(INCIDENT_DELAY),
            frozen: self.frozen,
            clock: self.clock.map(std::time::Duration::from_secs),
            resilio_clients: self.resilio_clients,
            ..Default::default()
        }
    }
}
