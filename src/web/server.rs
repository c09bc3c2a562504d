//! Listeners and connections.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{State, connection_limit::ConnectionPermit, reply::Request, write_timeout::WriteTimeout};
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

/// Listens on an address as the exporters write it: `:10077` (all interfaces), `127.0.0.1:0`, `[::1]:10077`.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
    let Some(port) = address.strip_prefix(':') else { return TcpListener::bind(address).await.map_err(explain) };
    // All interfaces: one socket serves IPv6 and IPv4 where the system has both.
    match TcpListener::bind(format!("[::]:{port}")).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await.map_err(explain),
    }
}

/// The server on all its listeners.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    state: Arc<State>,
}

impl Server {
    /// Serves these routes on these listeners.
    pub fn new(listeners: Vec<TcpListener>, state: State) -> Server {
        Server { listeners, state: Arc::new(state) }
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until it is stopped; answers under way are finished.
    pub async fn run(self, stop: CancellationToken) {
        let serving = self
            .listeners
            .iter()
            .map(|listener| supervise("listen", || accept(listener, Arc::clone(&self.state), stop.clone())));
        futures_util::future::join_all(serving).await;
    }
}

async fn accept(listener: &TcpListener, state: Arc<State>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let mut refused = 0u64;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => {
                refused = 0;
                stream
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
        let _ = stream.set_nodelay(true);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = state.connection_limit.acquire(number, &stop) => permit,
        };
        let served = AssertUnwindSafe(serve(stream, permit, Arc::clone(&state), number)).catch_unwind();
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
async fn serve(stream: TcpStream, permit: ConnectionPermit, state: Arc<State>, number: u64) {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let state = Arc::clone(&state);
        asked.store(true, Ordering::Relaxed);
        async move {
            let active = state.connection_limit.begin_request(number);
            let request = Request::of(&request);
            let reply = state.answer(&request).await.holding(active);
            Ok::<_, Infallible>(reply.into_response(&request.method))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = permit.closing().cancelled() => {
            // What has never asked for anything, or not to the end, has nothing to wait for.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{daemon::Daemon, web::Options};

    /// What comes back on a new connection.
    async fn ask(address: SocketAddr, path: &str) -> String {
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
        };
        let listener = bind("127.0.0.1:0").await.expect("a free port");
        let (address, stop) = (listener.local_addr().expect("it is bound"), CancellationToken::new());
        let server = Server::new(vec![listener], State::new(Arc::clone(&daemon), options));
        let serving = tokio::spawn(server.run(stop.clone()));
        let panics = |metrics: &str| {
            let line = metrics.lines().find(|line| line.starts_with("rollcall_panics_total "));
            line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).expect("it is served")
        };
        let before = panics(&ask(address, "/metrics").await);
        // More than there are places for connections and scrapes.
        for _ in 0..5 {
            assert_eq!(ask(address, PLANTED).await, "");
        }
        assert!(panics(&ask(address, "/metrics").await) >= before + 5.0);
        assert!(ask(address, "/-/healthy").await.starts_with("HTTP/1.1 200 "));
        stop.cancel();
        serving.await.expect("no panic");
        daemon.stop().await;
    }
}
