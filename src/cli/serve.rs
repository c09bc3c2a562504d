//! `rollcall serve`: the daemon until SIGTERM or SIGINT; SIGHUP reloads.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Serve, Web, log};
use crate::{
    daemon::{ConfigError, Daemon},
    descriptors, notify, shard,
    snapshot::polls_stopped,
    supervise::supervise,
    web,
};

pub fn run(args: Serve) -> Result<(), String> {
    log::start(args.log.level, args.log.format);
    let options = options(&args.web, &args.listen)?;
    super::block_on(async {
        let mut signals = Signals::new()?;
        let server = match args.systemd_socket {
            true => systemd_sockets()?,
            false => listen(&args.listen).await?,
        };
        let options = with_external_url(options, &server);
        let (url, instance) = (options.external_url.clone(), instance(&server));
        let starting = Daemon::start(args.config_file, args.shard, url, instance);
        let Some(daemon) = unless_stopped(starting, &mut signals).await? else { return Ok(()) };
        let server = web::Server::new(server, web::State::new(Arc::clone(&daemon), options));
        until_stopped(daemon, server, signals).await
    })
}

/// How the server behaves, from the flags.
pub fn options(args: &Web, listen: &[String]) -> Result<web::Options, String> {
    let external = match args.external_url.as_str() {
        "" => None,
        text => Some(link_base(text).map_err(|error| format!("--web.external-url: {error}"))?),
    };
    let path = || external.as_ref().and_then(|url| Some(reqwest::Url::parse(url).ok()?.path().to_owned()));
    let prefix = args.route_prefix.clone().or_else(path).unwrap_or_default();
    let prefix = prefix.trim_matches('/');
    Ok(web::Options {
        route_prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
        external_url: external.unwrap_or_default(),
        max_requests: args.max_requests,
        max_connections: descriptors::connections(args.max_connections),
        enable_lifecycle: args.enable_lifecycle,
        simulated: false,
        hosts: args.allowed_hosts.iter().chain(listen).cloned().chain(shard::host_name()).collect(),
        door: Arc::new(web::Door::open(args.web_config_file.as_deref())?),
    })
}

/// What links begin with: an http or https URL, without the slash at its end.
pub fn link_base(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Err(format!("{text:?} is not an http or https URL")),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            Err(format!("{text:?} has a query or a fragment, behind which no path can stand"))
        }
        Ok(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        Err(_) => Err(format!("{text:?} is not an http or https URL")),
    }
}

/// Fills in where people reach the server, where no flag says so: by the name of this host and the first port, as Prometheus
/// has it.
pub fn with_external_url(mut options: web::Options, listeners: &[web::Listener]) -> web::Options {
    if options.external_url.is_empty() {
        let host = shard::full_host_name().unwrap_or_else(|| "localhost".to_owned());
        let port = listeners.iter().find_map(web::Listener::port).map(|port| format!(":{port}")).unwrap_or_default();
        options.external_url = format!("{}://{host}{port}{}", options.door.scheme(), options.route_prefix);
        if listeners.iter().all(web::Listener::is_local) {
            let url = &options.external_url;
            tracing::info!(%url, "Nothing but this machine reaches the daemon, so links of alerts lead nowhere; --web.external-url says where they do.");
        }
    }
    options
}

/// Listens on all addresses, or on none.
pub async fn listen(addresses: &[String]) -> Result<Vec<web::Listener>, String> {
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = web::bind(address).await;
        listeners.push(bound.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("{error}; --web.listen-address chooses another"),
            _ => error.to_string(),
        })?);
    }
    Ok(listeners)
}

/// What systemd listens on for us.
fn systemd_sockets() -> Result<Vec<web::Listener>, String> {
    let sockets = web::Listener::from_systemd().map_err(|error| format!("--web.systemd-socket: {error}"))?;
    if sockets.is_empty() {
        return Err(
            "--web.systemd-socket: systemd passed no socket; start rollcall.socket, or drop the flag".to_owned()
        );
    }
    Ok(sockets)
}

/// What tells this daemon from others: the host's name and the first port, as Prometheus mostly knows it.
pub fn instance(listeners: &[web::Listener]) -> String {
    let host = shard::host_name().unwrap_or_default();
    match listeners.iter().find_map(web::Listener::port) {
        Some(port) if !host.is_empty() => format!("{host}:{port}"),
        _ => host,
    }
}

/// Waits for the daemon to start; `None` where it is told to stop before: neither a disk nor another daemon that it waits for
/// keeps it from ending.
async fn unless_stopped(
    starting: impl Future<Output = Result<Arc<Daemon>, ConfigError>> + Send + 'static,
    signals: &mut Signals,
) -> Result<Option<Arc<Daemon>>, String> {
    // A task of its own: it reads files, which blocks its thread.
    let starting = tokio::spawn(starting);
    tokio::select! {
        started = starting => match started {
            Ok(started) => started.map(Some).map_err(|error| error.to_string()),
            Err(error) => Err(format!("the start ended badly: {error}")),
        },
        () = signals.stopped() => {
            tracing::info!("Stopping.");
            Ok(None)
        }
    }
}

/// Serves until a signal says stop.
pub async fn until_stopped(daemon: Arc<Daemon>, server: web::Server, mut signals: Signals) -> Result<(), String> {
    for address in server.addresses() {
        tracing::info!(%address, "Listening.");
    }
    let stop = CancellationToken::new();
    let mut serving = tokio::spawn(server.run(stop.clone()));
    notify::ready();
    let alive = tokio::spawn({
        let daemon = Arc::clone(&daemon);
        supervise("notify", move || keep_alive(Arc::clone(&daemon)))
    });
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => tokio::select! {
                    // What is wrong is in the log, and in rollcall_config_last_reload_successful.
                    _ = daemon.reload() => {}
                    () = signals.stopped() => break,
                },
                Signal::Stop => break,
            },
            // Nothing ends it before it is stopped. A daemon that nobody can scrape is better started anew.
            ended = &mut serving => {
                let why = ended.err().map_or_else(String::new, |error| format!(": {error}"));
                return Err(format!("the server ended by itself{why}"));
            }
        }
    }
    tracing::info!("Stopping.");
    alive.abort();
    notify::stopping();
    stop.cancel();
    daemon.stop().await;
    serving.await.map_err(|error| format!("the server ended badly: {error}"))
}

/// Feeds the watchdog as long as there are polls.
async fn keep_alive(daemon: Arc<Daemon>) {
    notify::keep_alive(|| !polls_stopped(&daemon.fleet().store().load()), || status(&daemon)).await;
}

/// One line for `systemctl status`.
fn status(daemon: &Daemon) -> String {
    let (mut targets, mut agents, mut down, mut held) = (0, 0, 0, 0);
    for snapshot in daemon.fleet().store().load() {
        targets += 1;
        agents += snapshot.agents.len();
        down += usize::from(snapshot.status.up == Some(false));
        held += usize::from(snapshot.status.held);
    }
    let shard = daemon.shard().map(|shard| format!("Shard {shard}: ")).unwrap_or_default();
    format!(
        "{shard}{down} of {} down, {held} held; {}.",
        super::counted(targets, "target"),
        super::counted(agents, "agent")
    )
}

#[derive(Debug, PartialEq)]
enum Signal {
    Reload,
    Stop,
}

/// What the operating system tells the daemon. Made before anything else, since a SIGHUP that nobody waits for ends the
/// process.
#[cfg(unix)]
pub struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Waits for signals from now on.
    pub fn new() -> Result<Signals, String> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Signals {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
    }

    /// Waits until it says stop. A reload that was asked for meanwhile is still to come.
    async fn stopped(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What the operating system tells the daemon.
#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Waits for Ctrl-C.
    pub fn new() -> Result<Signals, String> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        self.stopped().await;
        Signal::Stop
    }

    async fn stopped(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
