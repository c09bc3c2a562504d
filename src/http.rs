//! The one outbound client: TLS, proxy, size cap, deadline, no redirects, `Retry-After`, redaction, request budgets.
//!
//! No header, body or query parameter that can carry a secret reaches a message, a log line or the trace of `probe`.

mod answer;
pub mod body;
mod budget;
mod call;
mod connect;
mod connector;
mod failed;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod refused;
mod resolver;
mod room;
mod send_tracker;
pub mod stats;
mod tls;
mod transport;

pub use answer::{Answer, MAX_RETRY_AFTER};
pub use body::Body;
pub use budget::Budget;
pub use call::Call;
pub use connect::install_crypto;
pub use refused::Refused;
pub use room::set_max_buffered;
pub use send_tracker::SendTracker;

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use reqwest::{Method, Url};

use crate::{
    config::{self, Http, Proxy, Target},
    failure::Failure,
};
use room::Room;
use stats::Stats;
use transport::Transport;

/// The longest answer that is one object, in bytes: it is read whole, and some of it is kept.
pub const MAX_OBJECT: usize = 1 << 20;

/// What one request and its answer looked like, redacted, for `probe` and the pages.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Operation, as in the metrics.
    pub operation: &'static str,
    /// Method and URL, secret parameters as `<secret>`.
    pub request: String,
    /// Names and values of the request's headers, secrets as `<secret>`.
    pub headers: Vec<(String, String)>,
    /// Status, where an answer came.
    pub status: Option<u16>,
    /// Bytes of the answer, unpacked; as it came where that was left to whoever reads it.
    pub bytes: usize,
    /// From sending to the last byte.
    pub duration: Duration,
    /// Why there was no answer.
    pub failure: Option<Failure>,
    /// What a server said that refused it. Not to be shown as it is.
    pub refused: Option<Refused>,
}

impl Exchange {
    /// That of a request before it is sent, whose URL may be shown as `shown`.
    fn of(operation: &'static str, request: &reqwest::Request, shown: &Url) -> Exchange {
        let headers = request.headers().iter().map(|(name, value)| {
            let shown = if value.is_sensitive() { "<secret>" } else { value.to_str().unwrap_or("<binary>") };
            (name.to_string(), shown.to_owned())
        });
        Exchange {
            operation,
            request: format!("{} {shown}", request.method()),
            headers: headers.collect(),
            status: None,
            bytes: 0,
            duration: Duration::default(),
            failure: None,
            refused: None,
        }
    }
}

/// The URL below `base` at these segments of a path, each escaped.
pub fn below<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    // Only a URL such as `mailto:` has no path that could be added to.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Is told of every exchange.
pub type Tracer = Arc<dyn Fn(&Exchange) + Send + Sync>;

/// The client of one target. Cloning is cheap, and targets with the same settings share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Http,
    /// Only this host is sent the configured headers.
    host: Option<String>,
    max_response_size: u64,
    connection: RwLock<(connect::FileTimes, Transport)>,
    room: Arc<Room>,
    stats: Arc<Stats>,
    tracer: Option<Tracer>,
}

impl Client {
    /// The client for a target with its TLS, proxy and size settings.
    ///
    /// Fails with `tls` where a certificate or key file cannot be used.
    pub fn new(target: &Target) -> Result<Client, Failure> {
        Client::with(&target.http, &target.url, target.max_response_size, None)
    }

    /// The same, and `tracer` is told of every exchange.
    pub fn traced(target: &Target, tracer: Tracer) -> Result<Client, Failure> {
        Client::with(&target.http, &target.url, target.max_response_size, Some(tracer))
    }

    /// A client for `url` with these settings and this longest answer in bytes.
    pub fn with(settings: &Http, url: &Url, max_response_size: u64, tracer: Option<Tracer>) -> Result<Client, Failure> {
        let mut settings = settings.clone();
        // It goes without a proxy in any case; so a mistake in the environment is none of its business.
        if settings.proxy == Proxy::Environment && config::is_loopback(url) {
            settings.proxy = Proxy::None;
        }
        let connection = connect::shared(&settings)?;
        Ok(Client {
            inner: Arc::new(Inner {
                settings,
                host: url.host_str().map(str::to_owned),
                max_response_size,
                connection: RwLock::new(connection),
                room: Room::shared(),
                stats: Arc::new(Stats::default()),
                tracer,
            }),
        })
    }

    /// A client whose answers have this room for themselves.
    #[cfg(test)]
    fn with_room(url: &Url, max_response_size: u64, room: &Arc<Room>) -> Client {
        let client = Client::with(&Http::default(), url, max_response_size, None).expect("no file is needed");
        let mut inner = Arc::into_inner(client.inner).expect("nobody else has it");
        inner.room = Arc::clone(room);
        Client { inner: Arc::new(inner) }
    }

    /// A request. `operation` is a fixed word for the metrics, e.g. `agents`.
    pub fn request(&self, operation: &'static str, method: Method, url: Url) -> Call {
        Call::new(self.clone(), operation, method, url)
    }

    /// A `GET` request.
    pub fn get(&self, operation: &'static str, url: Url) -> Call {
        self.request(operation, Method::GET, url)
    }

    /// Counts time held back because the vendor asked for it.
    pub fn throttled(&self, duration: Duration) {
        self.inner.stats.throttled(duration);
    }

    /// What this client has counted.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.inner.stats
    }

    /// Takes up changed certificate and key files; called before each poll.
    pub fn refresh(&self) -> Result<(), Failure> {
        let current = connect::FileTimes::of(&self.inner.settings);
        if self.inner.connection.read().unwrap_or_else(|e| e.into_inner()).0 == current {
            return Ok(());
        }
        let connection = connect::shared(&self.inner.settings)?;
        *self.inner.connection.write().unwrap_or_else(|e| e.into_inner()) = connection;
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.inner.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
