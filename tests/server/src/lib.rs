//! The HTTP server of the tests: it listens on a free port of 127.0.0.1, records what it is asked, and stops when it is
//! dropped.
//!
//! - [`Server::http`] answers each request with the [`Response`] of a closure, and keeps connections alive as servers do. A
//!   response may also be bytes that are no HTTP, the beginning of an answer, silence, or a closed connection.
//! - [`Server::hijack`] reads one request from each connection and hands the connection over: for proxies, and for answers
//!   that take their time.
//! - [`Server::tcp`] hands over each connection as it was accepted: for TLS, and for whatever passes bytes on.
//!
//! It runs on the Tokio runtime in whose context it is started, and it is small on purpose: HTTP/1 whose bodies have a
//! `content-length`, which is what the programs under test send to it.

mod message;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub use message::{Request, Response};

use message::Then;

type Log = Arc<Mutex<Vec<Request>>>;

/// A server. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    url: String,
    log: Log,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Answers each request with what `answer` makes of it.
    pub fn http<R: Into<Response> + 'static>(answer: impl Fn(&Request) -> R + Send + Sync + 'static) -> Server {
        let (log, answer) = (Log::default(), Arc::new(answer));
        Server::start(Arc::clone(&log), move |stream| converse(stream, Arc::clone(&log), Arc::clone(&answer)))
    }

    /// Reads one request from each connection, and leaves the connection to `answer`. An error of `answer` means that the
    /// client has left.
    pub fn hijack<A>(answer: impl Fn(Request, TcpStream) -> A + Send + Sync + 'static) -> Server
    where
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (log, answer) = (Log::default(), Arc::new(answer));
        Server::start(Arc::clone(&log), move |mut stream| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                match read(&mut stream, &mut BytesMut::new(), &log).await? {
                    Some(request) => answer(request, stream).await,
                    None => Ok(()),
                }
            }
        })
    }

    /// Leaves each connection to `serve`, and records nothing.
    pub fn tcp<S>(serve: impl Fn(TcpStream) -> S + Send + 'static) -> Server
    where
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        Server::start(Log::default(), serve)
    }

    fn start<S>(log: Log, serve: impl Fn(TcpStream) -> S + Send + 'static) -> Server
    where
        S: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("a bound socket has an address");
        let listener = TcpListener::from_std(listener).expect("a server is started in the context of a runtime");
        let accepting = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Server { address, url: format!("http://{address}"), log, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every request so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.log).clone()
    }

    /// Every request since the last call of this.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *lock(&self.log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits until the client closes the connection.
pub async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

fn lock(log: &Log) -> MutexGuard<'_, Vec<Request>> {
    log.lock().expect("nothing panics while it holds this")
}

/// Request, answer, request, answer.
async fn converse<R: Into<Response>>(
    mut stream: TcpStream,
    log: Log,
    answer: Arc<impl Fn(&Request) -> R>,
) -> io::Result<()> {
    let mut received = BytesMut::new();
    while let Some(request) = read(&mut stream, &mut received, &log).await? {
        let response: Response = answer(&request).into();
        stream.write_all(&response.bytes()).await?;
        match response.then {
            Then::KeepAlive if !request.header("connection").eq_ignore_ascii_case("close") => {}
            Then::KeepAlive | Then::Close => break,
            Then::Hang => return until_closed(&mut stream).await,
        }
    }
    stream.shutdown().await
}

/// Reads a request to its end and records it; `None` where the client closes the connection first. What is received
/// beyond it stays in `received`.
async fn read(stream: &mut TcpStream, received: &mut BytesMut, log: &Log) -> io::Result<Option<Request>> {
    loop {
        if let Some(request) = Request::split_from(received)? {
            lock(log).push(request.clone());
            return Ok(Some(request));
        }
        if stream.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests;
