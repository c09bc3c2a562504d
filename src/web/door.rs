//! The door: what `--web.config.file` asks of whoever comes in, at two places. `enter` makes a stream of a socket, within
//! TLS where that is on; `admit` lets a request pass or not: a limit for all of them, and the users.
//!
//! The file, and the certificates that it names, are looked at twice a second. What changed holds for the next handshake and
//! the next request. A change that cannot be used closes no door and opens none: what was last good stays, the log says so,
//! and `rollcall_web_config_last_reload_successful` is 0. Whether there is TLS at all is settled at the start.

mod basic_auth;
mod client_cert;
mod event;
mod hash_queue;
pub(super) mod http2;
mod rate_limit;
mod tls;
mod transport;

pub use http2::Http2Stall;
pub use transport::Transport;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use hyper::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    event::HttpRequest,
    listener::{Peer, Socket},
    method_label,
    reply::{Reply, Request},
    write_timeout::WriteTimeout,
};
use crate::{
    blocking::block_in_place_if,
    config::web::{ReadFiles, WebConfig},
};
use basic_auth::{BasicAuth, Users, Verdict};
use event::WebConfigRead;
use rate_limit::RateLimiter;

/// How often the files are looked at. They must look the same twice before they are read, as they may just be written.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Whoever guesses faster than passwords are hashed is told so after this time: to be told at once would let one guess on,
/// and take from others what the answers cost.
const BUSY_DELAY: Duration = Duration::from_millis(500);

/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Who comes in, and how.
#[derive(Debug)]
pub struct Door {
    file: Option<PathBuf>,
    terms: ArcSwap<Terms>,
    basic_auth: BasicAuth,
    watched: Mutex<Watched>,
}

/// What is asked at the moment.
#[derive(Debug, Default)]
struct Terms {
    tls: Option<Arc<rustls::ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
    rate_limiter: Option<Arc<RateLimiter>>,
}

/// How far the files were read.
#[derive(Debug, Default)]
struct Watched {
    /// As they were when they were last read.
    read: ReadFiles,
    /// As they were when they were last looked at.
    seen: ReadFiles,
}

impl Door {
    /// As this file says; without one, everybody comes in. Fails with everything that is wrong with it.
    pub fn open(file: Option<&Path>) -> Result<Door, String> {
        let Some(path) = file else {
            return Ok(Door::of(None, Terms::default(), ReadFiles::default()));
        };
        let (config, read) = WebConfig::load(path);
        let config = config.map_err(|errors| errors.to_string())?;
        let terms = Terms::of(&config, None)?;
        WebConfigRead { result: Ok(&config) }.emit();
        Ok(Door::of(file, terms, read))
    }

    fn of(file: Option<&Path>, terms: Terms, read: ReadFiles) -> Door {
        Door {
            file: file.map(Path::to_owned),
            terms: ArcSwap::from_pointee(terms),
            basic_auth: BasicAuth::default(),
            watched: Mutex::new(Watched { seen: read.now(), read }),
        }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.terms.load().tls.is_some() { "https" } else { "http" }
    }

    /// Makes a stream of a connection. `None` where the client did not come through the handshake.
    pub async fn enter(&self, socket: Socket) -> Option<Transport> {
        let Some(config) = self.terms.load().tls.clone() else {
            return Some(Transport::Plain(WriteTimeout::new(socket)));
        };
        match timeout(HANDSHAKE_TIMEOUT, tls::handshake(socket, config)).await {
            Ok(Ok(stream)) => return Some(Transport::Tls(Box::new(stream))),
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed."),
            Err(_) => tracing::debug!("TLS handshake not finished in time."),
        }
        None
    }

    /// Whether a request may be answered; if not, the answer that says so.
    pub async fn admit(&self, request: &Request, peer: Peer) -> Result<(), Reply> {
        let terms = self.terms.load_full();
        let refused = if terms.rate_limiter.as_ref().is_some_and(|limiter| !limiter.allow()) {
            Reply::text(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n")
        } else {
            match self.basic_auth.verify(&terms.users, &request.headers, peer).await {
                Verdict::Known => return Ok(()),
                Verdict::Unknown => Reply::text(StatusCode::UNAUTHORIZED, "Unauthorized\n")
                    .with_header("www-authenticate", r#"Basic realm="rollcall", charset="UTF-8""#),
                Verdict::Busy => {
                    sleep(BUSY_DELAY).await;
                    Reply::text(StatusCode::TOO_MANY_REQUESTS, "too many passwords wait to be verified\n")
                        .with_header("retry-after", "1")
                }
            }
        };
        let code = refused.status.as_u16();
        HttpRequest { route: "other", method: method_label(&request.method), code }.emit();
        Err(refused)
    }

    /// Adds the configured headers; they replace those of the route.
    pub fn decorate(&self, reply: Reply) -> Reply {
        self.terms
            .load()
            .headers
            .iter()
            .fold(reply, |reply, (name, value)| reply.replacing(name.clone(), value.clone()))
    }

    /// Takes changes of the files up until it is stopped.
    pub async fn watch(&self, stop: CancellationToken) {
        if self.file.is_none() {
            return;
        }
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // The files may be those of a server that does not answer.
                _ = ticks.tick() => block_in_place_if(true, || self.look()),
            }
        }
    }

    /// Looks at the files once, and reads them where they changed and were then left alone.
    fn look(&self) {
        let Some(path) = &self.file else { return };
        let mut watched = self.watched.lock().unwrap_or_else(|e| e.into_inner());
        let now = watched.read.now();
        let is_settled = now.look_like(&watched.seen);
        let is_read = now.look_like(&watched.read);
        watched.seen = now;
        if is_read || !is_settled {
            return;
        }
        let (config, read) = WebConfig::load(path);
        (watched.seen, watched.read) = (read.now(), read);
        drop(watched);
        let changed = config.map_err(|errors| errors.to_string()).and_then(|config| self.change(config));
        WebConfigRead { result: changed.as_ref().map_err(String::as_str) }.emit();
    }

    /// Goes over to these terms, or says why not.
    fn change(&self, config: WebConfig) -> Result<WebConfig, String> {
        let old = self.terms.load_full();
        if config.is_blank {
            return Err("the file is empty, and as such it would let everybody in; write {} into it if that is meant"
                .to_owned());
        }
        if old.tls.is_some() != config.tls.is_some() {
            let what = if config.tls.is_some() { "begins" } else { "ends" };
            return Err(format!("TLS {what} with a restart, and not before"));
        }
        self.terms.store(Arc::new(Terms::of(&config, Some(&old))?));
        Ok(config)
    }
}

impl Terms {
    /// The terms of a configuration. A limit that is as before goes on counting.
    fn of(config: &WebConfig, old: Option<&Terms>) -> Result<Terms, String> {
        let tls = match &config.tls {
            Some(settings) => {
                let made = tls::server_config(settings, config.http2);
                Some(made.map_err(|error| format!("tls_server_config: {error}"))?)
            }
            None => None,
        };
        let kept = old.and_then(|old| old.rate_limiter.clone());
        let rate_limiter = config.rate_limit.map(|limit| match kept {
            Some(kept) if kept.limit() == limit => kept,
            _ => Arc::new(RateLimiter::new(limit)),
        });
        Ok(Terms { tls, headers: config.headers.clone(), users: Users::new(&config.users), rate_limiter })
    }
}

#[cfg(test)]
mod tests;
