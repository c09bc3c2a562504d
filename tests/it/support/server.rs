//! Web servers of the tests: each connection carries one request.

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::runtime;

/// A request, read to its end.
pub struct Request {
    bytes: Vec<u8>,
    body: usize,
}

impl Request {
    /// Reads one; nothing where the sender hangs up before its end.
    async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
        let mut bytes = Vec::new();
        let body = loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let mut request = Request { bytes, body };
        let length: usize = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        while request.bytes.len() < body + length {
            if stream.read_buf(&mut request.bytes).await? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(request))
    }

    /// Its first line and its headers as they came, with the empty line behind them.
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.body]
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }

    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// What follows the method: `/pager`.
    pub fn path(&self) -> String {
        let head = String::from_utf8_lossy(self.head());
        head.split_whitespace().nth(1).unwrap_or("/").to_owned()
    }

    fn header(&self, wanted: &str) -> Option<String> {
        let head = String::from_utf8_lossy(self.head());
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    }
}

/// A server and its connections, until it is dropped.
pub struct Server {
    url: String,
    accepting: JoinHandle<()>,
}

impl Server {
    /// On a free port. `answer` has the connection once the request is read; what goes wrong there is that the client has
    /// left.
    pub fn start<A>(answer: impl Fn(Request, TcpStream) -> A + Clone + Send + 'static) -> Server
    where
        A: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let accepting = runtime().spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                connections.spawn(async move {
                    match Request::read(&mut stream).await? {
                        Some(request) => answer(request, stream).await,
                        None => Ok(()),
                    }
                });
            }
        });
        Server { url, accepting }
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Waits until the client has had enough.
pub async fn until_left(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read(&mut [0]).await.map(|_| ())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
