//! What all pages have in common: head, header, navigation, and the part that a script renews.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use hyper::{StatusCode, header::HeaderValue};
use maud::{DOCTYPE, Markup, html};

use super::{Context, text, trouble::Level};
use crate::{exposition::Body, web::reply::Reply};

/// The style of all pages.
pub const STYLE: &str = include_str!("style.css");

/// Renews pages while they are looked at.
pub const SCRIPT: &str = include_str!("live.js");

/// A page may use its own style, script and pictures, ask for itself again and send its own forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Tells one version of style and script from another, so that a browser may keep them.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let both = [STYLE, SCRIPT].concat();
    digest(&SHA256, both.as_bytes()).as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
});

/// Where the pages are, in the order of the navigation.
const NAVIGATION: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/agents", "Agents"),
    ("/alerts", "Alerts"),
    ("/runbooks/", "Runbooks"),
    ("/catalogue", "Metrics"),
    ("/config", "Config"),
];

/// What a page is.
pub struct Document<'a> {
    /// Its title, without the name of the program.
    pub title: &'a str,
    /// The place in the navigation that it belongs to.
    pub place: &'a str,
    /// How bad it is, for the favicon; `None`: the page says nothing about that.
    pub level: Option<Level>,
    /// Whether it is renewed while somebody looks at it.
    pub live: bool,
    /// What stands above the part that is renewed: a form keeps what is typed into it.
    pub fixed: Markup,
    /// The rest.
    pub body: Markup,
}

impl Document<'_> {
    /// The page as an answer.
    pub fn reply(self, cx: &Context<'_>, status: StatusCode) -> Reply {
        let page = self.render(cx).into_string();
        Reply::new(status, "text/html; charset=utf-8", Body::whole(page))
            .with_value("content-security-policy", HeaderValue::from_static(POLICY))
    }

    fn render(self, cx: &Context<'_>) -> Markup {
        let Document { title, place, level, live, fixed, body } = self;
        let level = level.unwrap_or_else(|| super::trouble::level(cx));
        let asset = |name: &str| format!("{}/assets/{name}?v={}", cx.prefix, *VERSION);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (level.sign()) " " (title) " · Rollcall" }
                    link rel="icon" id="icon" href=(asset(level.icon()));
                    link rel="stylesheet" href=(asset("style.css"));
                    @if live {
                        script src=(asset("live.js")) defer {}
                        noscript { meta http-equiv="refresh" content="30"; }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        a.brand href=(cx.link("/")) { "Rollcall" }
                        nav aria-label="Pages" {
                            @for (path, name) in NAVIGATION {
                                a href=(cx.link(path)) aria-current=[(path == place).then_some("page")] { (name) }
                            }
                        }
                        form.find action=(cx.link("/agents")) role="search" {
                            label.vh for="find" { "Find an agent" }
                            input #find type="search" name="q" placeholder="Find an agent" maxlength="200";
                        }
                    }
                    @if cx.simulated() {
                        aside.simulated aria-label="Simulated" { strong { "Simulated." } " This is a demo: no agent here exists." }
                    }
                    main #main tabindex="-1" {
                        (fixed)
                        div #live data-live=[live.then_some("10")] { (body) }
                    }
                    footer {
                        p {
                            "As of " (text::exact(cx.now)) span #told role="status" {} " · "
                            a href=(cx.link("/metrics")) { "/metrics" } " · "
                            a href=(cx.link("/api/v1/targets")) { "JSON: targets" } ", "
                            a href=(cx.link("/api/v1/agents")) { "agents" } ", "
                            // Where Prometheus pages there are none.
                            @if cx.is_direct() { a href=(cx.link("/api/v1/alerts")) { "alerts" } ", " }
                            a href=(cx.link("/api/v1/status")) { "status" } " · "
                            a href=(cx.link("/-/ready")) { "ready?" }
                        }
                        p { "Rollcall " (env!("CARGO_PKG_VERSION")) " (" (env!("ROLLCALL_REVISION")) ")" }
                    }
                }
            }
        }
    }
}
