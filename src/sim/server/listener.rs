//! One service's port: accepts, reads a request, lets faults have their way, answers, and keeps the journal.

use super::{fault, journal::Journal};
use crate::{Fault, Incident, Request, Response, Service, World, request};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited, combinators::UnsyncBoxBody};
use hyper::{StatusCode, body::Incoming, header::ACCEPT_ENCODING, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, RwLock},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
    time,
};
use tokio_util::sync::CancellationToken;

/// Nobody has reason to send a simulated vendor more than this.
const REQUEST_LIMIT: usize = 1 << 20;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// A service and its port.
pub(super) struct Host {
    pub(super) address: SocketAddr,
    pub(super) service: Arc<dyn Service>,
    world: Arc<World>,
    journal: Arc<Journal>,
    faults: RwLock<Vec<(String, Fault)>>,
    stop: CancellationToken,
    /// The accept loop and what ends it, while the port is open.
    running: Mutex<Option<(JoinHandle<()>, CancellationToken)>>,
    /// Bound and not listening, while the port is shut: connections are refused, and nobody else can take it.
    kept: Mutex<Option<TcpSocket>>,
}

/// The connection is to break without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulated service hung up")]
struct HungUp;

impl Host {
    /// Binds and serves until `stop` or [`Host::shut`].
    pub(super) async fn open(
        address: SocketAddr,
        service: Arc<dyn Service>,
        world: Arc<World>,
        journal: Arc<Journal>,
        stop: CancellationToken,
    ) -> io::Result<Arc<Host>> {
        let listener = TcpListener::bind(address).await?;
        let host = Arc::new(Host {
            address: listener.local_addr()?,
            service,
            world,
            journal,
            faults: RwLock::default(),
            stop,
            running: Mutex::default(),
            kept: Mutex::default(),
        });
        host.run(listener);
        Ok(host)
    }

    /// Closes the port and every connection; returns when nobody listens there any more.
    pub(super) async fn shut(&self) {
        let running = self.running().take();
        if let Some((accepting, stop)) = running {
            stop.cancel();
            // A panic of the accept loop has closed the port just as well.
            let _ = accepting.await;
            // Without it the port can be opened again unless somebody else has taken it meanwhile.
            *self.kept() = bind(self.address).ok();
        }
    }

    /// Opens the same port again; nothing happens where it is open.
    pub(super) async fn reopen(self: &Arc<Self>) -> io::Result<()> {
        if self.running().is_none() {
            let kept = self.kept().take();
            let socket = kept.map_or_else(|| bind(self.address), Ok)?;
            self.run(socket.listen(BACKLOG)?);
        }
        Ok(())
    }

    pub(super) fn fail(&self, path_contains: &str, fault: Fault) {
        let mut faults = self.faults.write().unwrap_or_else(|e| e.into_inner());
        faults.push((path_contains.to_owned(), fault));
    }

    pub(super) fn heal(&self) {
        let mut faults = self.faults.write().unwrap_or_else(|e| e.into_inner());
        faults.clear();
    }

    fn run(self: &Arc<Self>, listener: TcpListener) {
        let stop = self.stop.child_token();
        let task = tokio::spawn(accept(self.clone(), listener, stop.clone()));
        *self.running() = Some((task, stop));
    }

    fn running(&self) -> MutexGuard<'_, Option<(JoinHandle<()>, CancellationToken)>> {
        self.running.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn kept(&self) -> MutexGuard<'_, Option<TcpSocket>> {
        self.kept.lock().unwrap_or_else(|e| e.into_inner())
    }

    async fn handle(
        &self,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<UnsyncBoxBody<Bytes, Infallible>>, HungUp> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
        let body = Limited::new(body, REQUEST_LIMIT).collect().await;
        let request = Request {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: request::parse_query(head.uri.query().unwrap_or("")),
            headers: head.headers,
            body: body.map_err(|_| HungUp)?.to_bytes(),
        };
        let secret = self.service.carries_secret(&request);
        let vendor = self.service.vendor();
        let number = self.journal.open(vendor, request.method.as_str(), path, secret);
        let compress = self.compresses(&request);
        let mut response = self.respond(path, request).await?;
        if compress {
            response = fault::gzip(response);
        }
        self.journal.close(number, response.status.as_u16());
        let mut answer = hyper::Response::new(fault::body(response.body));
        *answer.status_mut() = response.status;
        *answer.headers_mut() = response.headers;
        Ok(answer)
    }

    /// The services of Microsoft and Citrix stand behind web servers that compress; those of RAS and Resilio do not.
    fn compresses(&self, request: &Request) -> bool {
        matches!(self.service.vendor(), "azure_devops" | "citrix_storefront")
            && request.header(ACCEPT_ENCODING.as_str()).is_some_and(|accepted| accepted.contains("gzip"))
    }

    async fn respond(&self, path: &str, request: Request) -> Result<Response, HungUp> {
        let fault = self.fault_for(path);
        match &fault {
            Some(Fault::Drop) => return Err(HungUp),
            Some(Fault::Hang) => future::pending().await,
            Some(Fault::Slow(delay)) => time::sleep(*delay).await,
            _ => {}
        }
        let proper = || match self.down() {
            true => Response::full(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/html; charset=us-ascii",
                "<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD><BODY><h2>Service Unavailable</h2></BODY></HTML>\r\n",
            ),
            false => self.service.answer(request),
        };
        Ok(match fault {
            Some(fault) => fault::apply(fault, proper),
            None => proper(),
        })
    }

    /// [`Incident::VendorApiDown`] is handled here for both services it concerns: their `answer` is not asked.
    fn down(&self) -> bool {
        matches!(self.service.vendor(), "azure_devops" | "citrix_storefront")
            && self.world.since(Incident::VendorApiDown).is_some()
    }

    fn fault_for(&self, path: &str) -> Option<Fault> {
        let faults = self.faults.read().unwrap_or_else(|e| e.into_inner());
        let newest = faults.iter().rev().find(|(part, _)| path.contains(part));
        newest.map(|(_, fault)| fault.clone())
    }
}

/// A socket at this address that does not listen yet. Connections of before may be in TIME_WAIT.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts until `stop`; the connections end with it.
async fn accept(host: Arc<Host>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        // Out of descriptors or the like: the next accept may work, and a busy loop would not help.
        let Ok((stream, _)) = accepted else {
            time::sleep(time::Duration::from_millis(50)).await;
            continue;
        };
        // Small answers would otherwise wait for acknowledgements; failing to set it costs only time.
        let _ = stream.set_nodelay(true);
        let (host, stop) = (host.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| host.handle(request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // A client that hangs up early is no fault of the simulation.
                _ = connection => {}
                () = stop.cancelled() => {}
            }
        });
    }
}
