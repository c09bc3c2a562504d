//! The daemon's own HTTP server.
//!
//! `GET /metrics` -- every series, or those of `?target=` and `?vendor=`; always 200 but for an unknown name (400) and for
//! more than `--web.max-requests` scrapes at once (503). `GET /` and the other pages -- the same for people, `/api/v1/*` for
//! programs. `GET /-/healthy`, `/-/ready` -- 200, or 503 while not ready. `POST /-/reload` -- 200, or 500 with the reason;
//! `POST /-/release?target=` -- 200, 404 where no such target waits, or 429 within 15 minutes of the last one of its account; both
//! 403 without `--web.enable-lifecycle`, and where a page of another site asks.
//!
//! Whether the daemon is healthy and ready is always answered at once, and so is one scrape: connections, scrapes and pages have
//! their limits, in which whoever takes nothing gives way; large answers are made beside the tasks of the server and sent in
//! pieces; the targets leave some descriptors ([`crate::descriptors`]).

mod api;
mod browser_guard;
mod connection;
mod connection_limit;
mod door;
mod event;
mod head_timeout;
mod listener;
mod metrics;
mod paced_body;
mod page_limit;
mod pages;
mod reply;
mod scrape_limit;
mod server;
mod write_timeout;

pub use door::Door;
pub use listener::Listener;
pub use server::{Server, bind};

use std::{sync::Arc, time::Instant};

use hyper::{Method, StatusCode};
use tokio::sync::Semaphore;

use crate::{api::logon::Released, blocking::block_in_place_if, daemon::Daemon};
use browser_guard::{BrowserGuard, Exposure};
use connection::Connection;
use connection_limit::{ActiveRequest, ConnectionLimit};
use page_limit::PageLimit;
use pages::View;
use reply::Reply;
use scrape_limit::{ScrapeLimit, scrape_timeout};

/// From this many targets on, a scrape takes milliseconds, and is put together aside.
const MANY_TARGETS: usize = 200;

/// Reloads that may be under way or waiting for each other; more would find the same.
const MAX_RELOADS: usize = 2;

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
    /// Names under which browsers reach this server, beside that of the external URL; a port behind one is passed over.
    pub hosts: Vec<String>,
    /// Whether all data are simulated, which pages say.
    pub simulated: bool,
    /// TLS, users, headers and a limit, as the web configuration has them.
    pub door: Arc<Door>,
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
    browser_guard: BrowserGuard,
    scrape_limit: Arc<ScrapeLimit>,
    /// Scrapes of many targets are put together one after the other.
    scrape_turn: Semaphore,
    page_limit: Arc<PageLimit>,
    connection_limit: Arc<ConnectionLimit>,
    reloads: Semaphore,
    started: Instant,
}

impl State {
    /// The routes of a daemon.
    pub fn new(daemon: Arc<Daemon>, options: Options) -> State {
        State {
            daemon,
            browser_guard: BrowserGuard::new(&options.hosts, &options.external_url),
            scrape_limit: ScrapeLimit::new(options.max_requests),
            scrape_turn: Semaphore::new(1),
            page_limit: PageLimit::new(),
            connection_limit: ConnectionLimit::new(options.max_connections),
            reloads: Semaphore::new(MAX_RELOADS),
            started: Instant::now(),
            options,
        }
    }

    /// Answers one request, for which this connection is active.
    async fn answer(&self, request: &reply::Request, active: &ActiveRequest) -> Reply {
        #[cfg(test)]
        assert!(request.path != server::PLANTED, "a planted fault");
        let Some((route, rest)) = self.route(request) else { return unknown_path(request) };
        let is_read = route.method == Method::GET && request.method == Method::HEAD;
        let reply = if request.query.len() > reply::MAX_PARAMETERS {
            let most = reply::MAX_PARAMETERS;
            Reply::text(StatusCode::BAD_REQUEST, format!("more than {most} parameters\n"))
        } else if route.method != request.method && !is_read {
            Reply::text(StatusCode::METHOD_NOT_ALLOWED, format!("{} takes {}\n", route.path, route.method))
                .with_header("allow", if route.method == Method::GET { "GET, HEAD" } else { "POST" })
        } else if let Err(message) = self.browser_guard.check(request, route.page.exposure()) {
            Reply::text(StatusCode::FORBIDDEN, message)
        } else {
            self.dispatch(route.page, request, rest, active.connection()).await
        };
        count(route.path, request, &reply);
        reply
    }

    /// Answers a request whose body is larger than any that means something.
    fn too_large(&self, request: &reply::Request) -> Reply {
        let reply = Reply::text(StatusCode::PAYLOAD_TOO_LARGE, "no request here needs a body\n");
        count(self.route(request).map_or(OTHER, |(route, _)| route.path), request, &reply);
        reply
    }

    /// The route of a path, and what follows it where it leads to one of many.
    fn route<'r>(&self, request: &'r reply::Request) -> Option<(&'static Route, &'r str)> {
        let path = match request.path.strip_prefix(self.options.route_prefix.as_str()) {
            Some("") => "/",
            Some(path) if path.starts_with('/') => path,
            _ if matches!(&*request.path, "/-/healthy" | "/-/ready") => &request.path,
            _ => "",
        };
        let rest_of = |route: &Route| match route.path.split_once('<') {
            Some((before, _)) => path.strip_prefix(before).filter(|rest| !rest.is_empty() && !rest.contains('/')),
            None => (route.path == path).then_some(""),
        };
        ROUTES.iter().find_map(|route| Some((route, rest_of(route)?)))
    }

    /// A scrape lasts until its answer was taken: it is the slow readers that pile up.
    async fn scrape(&self, request: &reply::Request, connection: &Arc<Connection>) -> Reply {
        let Some(permit) = self.scrape_limit.try_begin(connection, scrape_timeout(request)) else {
            let limit = self.options.max_requests;
            return Reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("more than {limit} scrapes at once\n"));
        };
        let is_large = self.daemon.fleet().store().list().slots().len() >= MANY_TARGETS;
        let _turn = match is_large {
            true => self.scrape_turn.acquire().await.ok(),
            false => None,
        };
        block_in_place_if(is_large, || metrics::answer(&self.daemon, request)).holding(permit)
    }

    /// Whoever has unlocked an account need not wait for the next try.
    async fn release(&self, request: &reply::Request) -> Reply {
        let Some(target) = request.all("target").last() else {
            return Reply::text(StatusCode::BAD_REQUEST, "which target? give it as ?target=NAME\n");
        };
        match self.daemon.fleet().release(target).await {
            Released::Yes => {
                let done = Reply::text(StatusCode::OK, "the next poll logs on once\n");
                // The button of a page: its reader wants to see the page again.
                let wants_page = request.header("accept").is_some_and(|accept| accept.contains("text/html"));
                match pages::back(&self.options, target).filter(|_| wants_page) {
                    Some(page) => done.with_value("location", page).with_status(StatusCode::SEE_OTHER),
                    None => done,
                }
            }
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
        let Ok(_permit) = self.reloads.try_acquire() else {
            return Reply::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "a reload is under way, and another one waits for it\n",
            )
            .with_header("retry-after", "1");
        };
        match self.daemon.reload().await {
            Ok(()) => Reply::text(StatusCode::OK, "reloaded\n"),
            Err(error) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    async fn dispatch(&self, page: Page, request: &reply::Request, rest: &str, connection: &Arc<Connection>) -> Reply {
        let daemon = &self.daemon;
        let make = || match page {
            Page::View(view) => pages::answer(view, daemon, &self.options, request, rest),
            Page::Targets => api::targets(daemon),
            Page::Agents => api::agents(daemon, request),
            Page::Alerts => api::alerts(daemon, request),
            _ => api::status(daemon, self.started.elapsed()),
        };
        match page {
            Page::Healthy => Reply::text(StatusCode::OK, "Rollcall is healthy.\n"),
            Page::Ready => self.ready(),
            Page::Metrics => self.scrape(request, connection).await,
            Page::Reload | Page::Release if !self.options.enable_lifecycle => {
                Reply::text(StatusCode::FORBIDDEN, "this is off over HTTP; start with --web.enable-lifecycle\n")
            }
            Page::Reload => self.reload().await,
            Page::Release => self.release(request).await,
            // It is at hand, and a page without its style would be of no use.
            Page::View(View::Asset) => make(),
            Page::View(_) | Page::Targets | Page::Agents | Page::Alerts | Page::Status => {
                self.page_limit.make(connection, make).await
            }
        }
    }
}

/// What paths are counted as that are no routes.
const OTHER: &str = "other";

fn unknown_path(request: &reply::Request) -> Reply {
    let reply = Reply::text(StatusCode::NOT_FOUND, "not found\n");
    count(OTHER, request, &reply);
    reply
}

fn count(route: &str, request: &reply::Request, reply: &Reply) {
    event::HttpRequest { route, method: method_label(&request.method), code: reply.status.as_u16() }.emit();
}

#[derive(Debug, Clone, Copy)]
enum Page {
    Metrics,
    /// One for people.
    View(View),
    Targets,
    Agents,
    Alerts,
    Status,
    Healthy,
    Ready,
    Reload,
    Release,
}

impl Page {
    /// What a browser needs to be ours for.
    fn exposure(self) -> Exposure {
        match self {
            Page::Healthy | Page::Ready => Exposure::Public,
            Page::Reload | Page::Release => Exposure::Changes,
            Page::Metrics | Page::View(_) | Page::Targets | Page::Agents | Page::Alerts | Page::Status => {
                Exposure::Shows
            }
        }
    }
}

struct Route {
    path: &'static str,
    method: Method,
    page: Page,
}

impl Route {
    const fn get(path: &'static str, page: Page) -> Route {
        Route { path, method: Method::GET, page }
    }

    const fn post(path: &'static str, page: Page) -> Route {
        Route { path, method: Method::POST, page }
    }
}

/// What stands in pointed brackets is one of many.
static ROUTES: [Route; 21] = [
    Route::get("/", Page::View(View::Overview)),
    Route::get("/agents", Page::View(View::Agents)),
    Route::get("/agents/agent", Page::View(View::Agent)),
    Route::get("/targets/", Page::View(View::Target)),
    Route::get("/targets/<name>", Page::View(View::Target)),
    Route::get("/alerts", Page::View(View::Alerts)),
    Route::get("/alerts/<fingerprint>", Page::View(View::Alert)),
    Route::get("/runbooks/", Page::View(View::Runbooks)),
    Route::get("/runbooks/<Alert>", Page::View(View::Runbook)),
    Route::get("/catalogue", Page::View(View::Catalogue)),
    Route::get("/config", Page::View(View::Config)),
    Route::get("/assets/<file>", Page::View(View::Asset)),
    Route::get("/metrics", Page::Metrics),
    Route::get("/api/v1/targets", Page::Targets),
    Route::get("/api/v1/agents", Page::Agents),
    Route::get("/api/v1/alerts", Page::Alerts),
    Route::get("/api/v1/status", Page::Status),
    Route::get("/-/healthy", Page::Healthy),
    Route::get("/-/ready", Page::Ready),
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
