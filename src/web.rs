//! The daemon's own HTTP server.
//!
//! `GET /metrics` -- every series, or those of `?target=` and `?vendor=`; always 200 but for an unknown name (400) and for
//! more than `--web.max-requests` scrapes at once (503). `GET /`, `/api/v1/*`, `/config` -- the same for people and
//! programs. `GET /-/healthy`, `/-/ready` -- 200, or 503 while not ready. `POST /-/reload` -- 200, or 500 with the reason;
//! `POST /-/release?target=` -- 200, 404 where no such target waits, or 429 within 15 minutes of the last one of its account; both
//! 403 without `--web.enable-lifecycle`.

mod api;
mod connection_limit;
mod event;
mod metrics;
mod page;
mod reply;
mod server;
mod write_timeout;

pub use server::{Server, bind};

use std::{sync::Arc, time::Instant};

use hyper::{Method, StatusCode};
use tokio::sync::Semaphore;

use crate::{api::logon::Released, daemon::Daemon};
use connection_limit::ConnectionLimit;
use reply::Reply;

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Prefix of all paths, without a slash at its end; empty for none.
    pub route_prefix: String,
    /// URL under which people reach this server, for links; empty where it is not known.
    pub external_url: String,
    /// Scrapes answered side by side at the most; 0 for any number.
    pub max_requests: usize,
    /// Connections open at the most; 0 for any number.
    pub max_connections: usize,
    /// Whether `POST` to `/-/reload` and `/-/release` is allowed.
    pub enable_lifecycle: bool,
}

impl Options {
    /// What stands before the path of a link: a proxy may take the path of the external URL off before it asks.
    fn link_prefix(&self) -> String {
        match reqwest::Url::parse(&self.external_url) {
            Ok(url) => url.path().trim_end_matches('/').to_owned(),
            Err(_) => self.route_prefix.clone(),
        }
    }
}

/// What the routes work with.
#[derive(Debug)]
pub struct State {
    daemon: Arc<Daemon>,
    options: Options,
    /// One permit for each scrape that may be answered at once; nothing where any number may.
    scrapes: Option<Arc<Semaphore>>,
    /// Open connections.
    connection_limit: Arc<ConnectionLimit>,
    started: Instant,
}

impl State {
    /// The routes of a daemon.
    pub fn new(daemon: Arc<Daemon>, options: Options) -> State {
        let scrapes = match options.max_requests {
            0 => None,
            limit => Some(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))),
        };
        let connection_limit = ConnectionLimit::new(options.max_connections);
        State { daemon, options, scrapes, connection_limit, started: Instant::now() }
    }

    /// Answers one request.
    async fn answer(&self, request: &reply::Request) -> Reply {
        let path = match request.path.strip_prefix(self.options.route_prefix.as_str()) {
            Some("") => "/",
            Some(path) if path.starts_with('/') => path,
            _ if matches!(&*request.path, "/-/healthy" | "/-/ready") => &request.path,
            _ => "",
        };
        let Some(route) = ROUTES.iter().find(|route| route.path == path) else {
            event::HttpRequest { route: "other", method: method_label(&request.method), code: 404 }.emit();
            return Reply::text(StatusCode::NOT_FOUND, "not found\n");
        };
        let reply = if request.query.len() > reply::MAX_PARAMETERS {
            let most = reply::MAX_PARAMETERS;
            Reply::text(StatusCode::BAD_REQUEST, format!("more than {most} parameters\n"))
        } else if route.method == request.method || (route.method == Method::GET && request.method == Method::HEAD) {
            self.dispatch(route.page, request).await
        } else {
            Reply::text(StatusCode::METHOD_NOT_ALLOWED, format!("{} takes {}\n", route.path, route.method))
                .with_header("allow", if route.method == Method::GET { "GET, HEAD" } else { "POST" })
        };
        let code = reply.status.as_u16();
        event::HttpRequest { route: route.path, method: method_label(&request.method), code }.emit();
        reply
    }

    /// A scrape lasts until its answer was sent: it is the slow readers that pile up.
    fn scrape(&self, request: &reply::Request) -> Reply {
        let Some(scrapes) = &self.scrapes else { return metrics::answer(&self.daemon, request) };
        match Arc::clone(scrapes).try_acquire_owned() {
            Ok(permit) => metrics::answer(&self.daemon, request).holding(permit),
            Err(_) => {
                let limit = self.options.max_requests;
                Reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("more than {limit} scrapes at once\n"))
            }
        }
    }

    /// Whoever has unlocked an account need not wait for the next try.
    async fn release(&self, request: &reply::Request) -> Reply {
        let Some(target) = request.all("target").last() else {
            return Reply::text(StatusCode::BAD_REQUEST, "which target? give it as ?target=NAME\n");
        };
        match self.daemon.fleet().release(target).await {
            Released::Yes => Reply::text(StatusCode::OK, "the next poll logs on once\n"),
            Released::NotBefore(next) => {
                let text = format!("this account was tried again a short while ago; it can be released at {next}\n");
                Reply::text(StatusCode::TOO_MANY_REQUESTS, text)
            }
            Released::NotWaiting => Reply::text(StatusCode::NOT_FOUND, format!("no target {target:?} is held\n")),
        }
    }

    fn ready(&self) -> Reply {
        match self.daemon.fleet().ready() {
            true => Reply::text(StatusCode::OK, "Rollcall is ready.\n"),
            false => Reply::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Rollcall is not ready: not every target was polled yet.\n",
            ),
        }
    }

    async fn reload(&self) -> Reply {
        match self.daemon.reload().await {
            Ok(()) => Reply::text(StatusCode::OK, "reloaded\n"),
            Err(error) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    async fn dispatch(&self, page: Page, request: &reply::Request) -> Reply {
        match page {
            Page::Metrics => self.scrape(request),
            Page::Overview => page::overview(&self.daemon, &self.options),
            Page::Targets => api::targets(&self.daemon),
            Page::Agents => api::agents(&self.daemon, request),
            Page::Alerts => api::alerts(&self.daemon, request),
            Page::Status => api::status(&self.daemon, self.started.elapsed()),
            Page::Config => Reply::yaml(self.daemon.config().to_yaml()),
            Page::Healthy => Reply::text(StatusCode::OK, "Rollcall is healthy.\n"),
            Page::Ready => self.ready(),
            Page::Reload | Page::Release if !self.options.enable_lifecycle => {
                Reply::text(StatusCode::FORBIDDEN, "this is off over HTTP; start with --web.enable-lifecycle\n")
            }
            Page::Reload => self.reload().await,
            Page::Release => self.release(request).await,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Page {
    Metrics,
    Overview,
    Targets,
    Agents,
    Alerts,
    Status,
    Config,
    Healthy,
    Ready,
    Reload,
    Release,
}

struct Route {
    path: &'static str,
    method: Method,
    page: Page,
    /// Whether the overview leads there.
    is_linked: bool,
}

impl Route {
    const fn linked(path: &'static str, page: Page) -> Route {
        Route { path, method: Method::GET, page, is_linked: true }
    }

    const fn get(path: &'static str, page: Page) -> Route {
        Route { path, method: Method::GET, page, is_linked: false }
    }

    const fn post(path: &'static str, page: Page) -> Route {
        Route { path, method: Method::POST, page, is_linked: false }
    }
}

static ROUTES: [Route; 11] = [
    Route::get("/", Page::Overview),
    Route::linked("/metrics", Page::Metrics),
    Route::linked("/config", Page::Config),
    Route::linked("/api/v1/targets", Page::Targets),
    Route::linked("/api/v1/agents", Page::Agents),
    Route::linked("/api/v1/alerts", Page::Alerts),
    Route::linked("/api/v1/status", Page::Status),
    Route::get("/-/healthy", Page::Healthy),
    Route::linked("/-/ready", Page::Ready),
    Route::post("/-/reload", Page::Reload),
    Route::post("/-/release", Page::Release),
];

/// Method and path of every route.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (method_label(&route.method), route.path))
}

/// Methods as a label: a bounded set, whatever a client makes up.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
