//! `rollcall serve`: the daemon until SIGTERM or SIGINT; SIGHUP reloads.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Serve, Web, log};
use crate::{daemon::Daemon, web};

pub fn run(args: Serve) -> Result<(), String> {
    log::start(args.log.level, args.log.format);
    let options = options(&args.web)?;
    super::runtime()?.block_on(async {
        let server = listen(&args.listen).await?;
        let daemon = Daemon::start(args.config_file).await?;
        let server = web::Server::new(server, web::State::new(Arc::clone(&daemon), options));
        until_stopped(daemon, server).await
    })
}

/// How the server behaves, from the flags.
pub fn options(args: &Web) -> Result<web::Options, String> {
    let external = match args.external_url.as_str() {
        "" => None,
        text => match reqwest::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            _ => return Err(format!("--web.external-url: {text:?} is not an http or https URL")),
        },
    };
    let prefix = args.route_prefix.clone().or_else(|| external.as_ref().map(|url| url.path().to_owned()));
    let prefix = prefix.unwrap_or_default();
    let prefix = prefix.trim_matches('/');
    Ok(web::Options {
        route_prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
        external_url: external.map(|url| url.to_string().trim_end_matches('/').to_owned()).unwrap_or_default(),
        max_requests: args.max_requests,
        enable_lifecycle: args.enable_lifecycle,
    })
}

/// Listens on all addresses, or on none.
pub async fn listen(addresses: &[String]) -> Result<Vec<tokio::net::TcpListener>, String> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(web::bind(address).await.map_err(|error| error.to_string())?);
    }
    Ok(listeners)
}

/// Serves until a signal says stop.
pub async fn until_stopped(daemon: Arc<Daemon>, server: web::Server) -> Result<(), String> {
    for address in server.addresses() {
        tracing::info!(%address, "Listening.");
    }
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let mut signals = Signals::new().map_err(|error| format!("cannot wait for signals: {error}"))?;
    while signals.next().await == Signal::Reload {
        // What is wrong is in the log, and in rollcall_config_last_reload_successful.
        let _ = daemon.reload().await;
    }
    tracing::info!("Stopping.");
    stop.cancel();
    daemon.stop().await;
    serving.await.map_err(|error| format!("the server ended badly: {error}"))
}

#[derive(Debug, PartialEq)]
enum Signal {
    Reload,
    Stop,
}

#[cfg(unix)]
struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop
    }
}
