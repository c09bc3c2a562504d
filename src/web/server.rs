//! Listeners and connections.

use std::{
    convert::Infallible,
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use hyper::{body::Body as _, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    State,
    connection::Connection,
    connection_limit::ConnectionPermit,
    door::{Http2Stall, http2},
    head_timeout::HeadTimeout,
    listener::{Listener, Peer, Socket},
    reply::{MAX_BODY, Request},
};
use crate::{
    event::{Panicked, panic_text},
    supervise::supervise,
};

/// How long a connection may be idle between two scrapes: longer than the usual interval. [`HeadTimeout`] is stricter with
/// requests that have begun.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of a request's head; more are answered 431.
const MAX_HEAD: usize = 64 * 1024;

/// Answers that are under way when the daemon stops, or when their connection is to make room, have this long.
const DRAIN: Duration = Duration::from_secs(2);

/// After a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Connections are numbered across all listeners.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Listens on an address as the exporters write it: `:10077` (all interfaces), `127.0.0.1:0`, `[::1]:10077`; or on
/// `unix:/run/rollcall/rollcall.sock`.
pub async fn bind(address: &str) -> io::Result<Listener> {
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    Listener::bind(address).await.map_err(explain)
}

/// The server on all its listeners.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    state: Arc<State>,
}

impl Server {
    /// Serves these routes on these listeners.
    pub fn new(listeners: Vec<Listener>, state: State) -> Server {
        Server { listeners, state: Arc::new(state) }
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<String> {
        self.listeners.iter().map(ToString::to_string).collect()
    }

    /// Serves until it is stopped; answers under way are finished.
    pub async fn run(self, stop: CancellationToken) {
        let serving = self
            .listeners
            .iter()
            .map(|listener| supervise("listen", || accept(listener, Arc::clone(&self.state), stop.clone())));
        let watching = supervise("web configuration", || self.state.options.door.watch(stop.clone()));
        tokio::join!(futures_util::future::join_all(serving), watching);
    }
}

/// Waits for nobody but who comes next: each connection waits for its place by itself.
async fn accept(listener: &Listener, state: Arc<State>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let mut refused = 0u64;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok((socket, peer)) => {
                refused = 0;
                (socket, peer.network())
            }
            Err(error) => {
                // Too many open files, mostly.
                refused += 1;
                if refused == 1 {
                    tracing::warn!(%error, "Connection not accepted.");
                } else {
                    tracing::debug!(%error, refused, "Connection not accepted again.");
                }
                // The targets leave some: they are all in use here, and whoever needs its connection least gives way.
                state.connection_limit.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let permit = state.connection_limit.try_acquire(number, peer, &stop);
        let (state, stop) = (Arc::clone(&state), stop.clone());
        let served = AssertUnwindSafe(async move {
            let permit = match permit {
                Some(permit) => Some(permit),
                None => state.connection_limit.acquire(number, peer, &stop).await,
            };
            match permit {
                Some(permit) => serve(socket, peer, permit, state).await,
                None => tracing::debug!(?peer, "Connection turned away: all are in use."),
            }
        });
        let served = served.catch_unwind();
        connections.spawn(async move {
            if let Err(panic) = served.await {
                Panicked { task: "connection", subject: None, message: panic_text(&*panic) }.emit();
            }
        });
    }
    connections.close();
    let _ = timeout(DRAIN, connections.wait()).await;
}

/// Serves one connection until it ends by itself, or until it must and its last answer was sent.
async fn serve(socket: Socket, peer: Peer, permit: ConnectionPermit, state: Arc<State>) {
    let connection = permit.connection();
    let transport = tokio::select! {
        transport = state.options.door.enter(socket) => transport,
        () = connection.closing().cancelled() => None,
        () = connection.cut().cancelled() => None,
    };
    let Some(transport) = transport else { return };
    let (is_http2, stall) = (transport.is_http2(), Http2Stall::default());
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (state, active) = (Arc::clone(&state), permit.begin_request());
        let taken = is_http2.then(|| stall.begin_answer());
        async move {
            let body = request.body().size_hint().lower();
            let request = Request::of(&request);
            let reply = match state.options.door.admit(&request, peer).await {
                Ok(()) if body > MAX_BODY => state.too_large(&request),
                Ok(()) => state.answer(&request, &active).await,
                Err(refused) => refused,
            };
            let reply = state.options.door.decorate(reply).holding(taken);
            Ok::<_, Infallible>(reply.into_response(&request.method, active))
        }
    });
    let serving = async {
        if is_http2 {
            let served = http2::builder().serve_connection(TokioIo::new(transport), service);
            drive(served, |served| served.graceful_shutdown(), connection).await
        } else {
            let stream = HeadTimeout::new(transport, Arc::clone(connection));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE_TIMEOUT)
                .max_buf_size(MAX_HEAD)
                .serve_connection(TokioIo::new(stream), service);
            drive(served, |served| served.graceful_shutdown(), connection).await
        }
    };
    tokio::select! {
        () = serving => {}
        () = stall.stalled() => tracing::debug!("Connection ended: an answer was not taken."),
    }
}

/// Serves a connection of either version.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    served: C,
    shut_down: impl FnOnce(Pin<&mut C>),
    connection: &Connection,
) {
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = connection.cut().cancelled() => return,
        () = connection.closing().cancelled() => {
            // What has never asked for anything, or not to the end, has nothing to wait for.
            if connection.requests() == 0 {
                return;
            }
            shut_down(served.as_mut());
            let idle = !connection.is_active();
            tokio::select! {
                ended = served.as_mut() => ended,
                () = connection.cut().cancelled() => return,
                // The rest of an answer that nobody takes is not waited for.
                () = tokio::time::sleep(DRAIN), if idle => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "Connection ended early.");
    }
}

/// To answer a request for this path panics.
#[cfg(test)]
pub(super) const PLANTED: &str = "/planted-panic";

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;
    use crate::{
        daemon::Daemon,
        web::{Door, Options},
    };

    /// What comes back on a new connection.
    async fn ask(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        // A connection that is reset has no answer.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_costs_its_own_connection_and_is_counted() {
        let _turn = crate::event::COUNTING_ALERTS.lock().await;
        crate::http::install_crypto();
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = folder.path().join("rollcall.yml");
        std::fs::write(&file, "targets: []\n").expect("it can be written");
        let daemon = Daemon::start(file, None, String::new(), String::new()).await.expect("it is valid");
        let options = Options {
            route_prefix: String::new(),
            external_url: String::new(),
            max_requests: 1,
            max_connections: 2,
            enable_lifecycle: false,
            simulated: false,
            hosts: Vec::new(),
            door: Arc::new(Door::open(None).expect("an open one")),
        };
        let listener = bind("127.0.0.1:0").await.expect("a free port");
        let (address, stop) = (listener.to_string(), CancellationToken::new());
        let server = Server::new(vec![listener], State::new(Arc::clone(&daemon), options));
        let serving = tokio::spawn(server.run(stop.clone()));
        let panics = |metrics: &str| {
            let line = metrics.lines().find(|line| line.starts_with("rollcall_panics_total "));
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).expect("it is served")
        };
        let before = panics(&ask(&address, "/metrics").await);
        // More than there are places for connections and scrapes.
        for _ in 0..5 {
            assert_eq!(ask(&address, PLANTED).await, "");
        }
        assert!(panics(&ask(&address, "/metrics").await) >= before + 5.0);
        assert!(ask(&address, "/-/healthy").await.starts_with("HTTP/1.1 200 "));
        stop.cancel();
        serving.await.expect("no panic");
        daemon.stop().await;
    }
}
