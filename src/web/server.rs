//! Listeners and connections.

use std::{
    convert::Infallible,
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    State,
    connection_limit::ConnectionPermit,
    door::{Http2Stall, http2},
    listener::{Listener, Peer, Socket},
    reply::Request,
};
use crate::{
    event::{Panicked, panic_text},
    supervise::supervise,
};

/// A client that does not send its request within this time is dropped. It is also how long a connection may be idle
/// between two scrapes, so it is longer than the usual interval.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);

/// Answers that are under way when the daemon stops have this long.
const DRAIN: Duration = Duration::from_secs(2);

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

async fn accept(listener: &Listener, state: Arc<State>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let mut refused = 0u64;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => {
                refused = 0;
                accepted
            }
            Err(error) => {
                // Too many open files, mostly: waiting a little is all that helps.
                refused += 1;
                if refused == 1 {
                    tracing::warn!(%error, "Connection not accepted.");
                } else {
                    tracing::debug!(%error, refused, "Connection not accepted again.");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = state.connection_limit.acquire(number, &stop) => permit,
        };
        let served = AssertUnwindSafe(serve(socket, peer, permit, Arc::clone(&state), number)).catch_unwind();
        connections.spawn(async move {
            if let Err(panic) = served.await {
                Panicked { task: "connection", subject: None, message: panic_text(&*panic) }.emit();
            }
        });
    }
    connections.close();
    let _ = tokio::time::timeout(DRAIN, connections.wait()).await;
}

/// Serves one connection until it ends by itself, or until it must and its last answer was sent.
async fn serve(socket: Socket, peer: Peer, permit: ConnectionPermit, state: Arc<State>, number: u64) {
    let door = &state.options.door;
    let transport = tokio::select! {
        transport = door.enter(socket) => transport,
        () = permit.closing().cancelled() => None,
    };
    let Some(transport) = transport else { return };
    let is_http2 = transport.is_http2();
    let (asked, stall) = (Arc::new(AtomicBool::new(false)), Http2Stall::default());
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let state = Arc::clone(&state);
        let taken = is_http2.then(|| stall.begin_answer());
        asked.store(true, Ordering::Relaxed);
        async move {
            let active = state.connection_limit.begin_request(number);
            let request = Request::of(&request);
            let reply = match state.options.door.admit(&request, peer).await {
                Ok(()) => state.answer(&request).await,
                Err(refused) => refused,
            };
            let reply = state.options.door.decorate(reply).holding((active, taken));
            Ok::<_, Infallible>(reply.into_response(&request.method))
        }
    });
    let io = TokioIo::new(transport);
    let serving = async {
        if is_http2 {
            let connection = http2::builder().serve_connection(io, service);
            drive(connection, |connection| connection.graceful_shutdown(), &permit, &asked).await
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(io, service);
            drive(connection, |connection| connection.graceful_shutdown(), &permit, &asked).await
        }
    };
    tokio::select! {
        () = serving => {}
        () = stall.stalled() => tracing::debug!("Connection ended: an answer was not taken."),
    }
}

/// Serves a connection of either version.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    shut_down: impl FnOnce(Pin<&mut C>),
    permit: &ConnectionPermit,
    asked: &AtomicBool,
) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = permit.closing().cancelled() => {
            // What has never asked for anything, or not to the end, has nothing to wait for.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            shut_down(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "Connection ended early.");
    }
}
