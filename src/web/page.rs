//! `GET /`: the targets and the links, plain.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{StatusCode, header::HeaderValue};
use maud::{DOCTYPE, PreEscaped, html};

use super::{Options, ROUTES, reply::Reply};
use crate::{daemon::Daemon, exposition::Body, health::Health, snapshot::Snapshot};

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:95rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .4rem;border-bottom:1px solid #8884}\
td,th{white-space:nowrap}td.v{white-space:normal;overflow-wrap:anywhere;min-width:12rem}\
td.n{text-align:right;font-variant-numeric:tabular-nums}nav a{margin-right:1rem}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}";

/// A page may use this one style, told by its hash, and load, run, embed and send nothing.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("Base64 and what stands around it are printable")
});

/// The targets and the links.
pub fn overview(daemon: &Daemon, options: &Options) -> Reply {
    let snapshots = daemon.fleet().store().load();
    let prefix = options.link_prefix();
    let links = ROUTES.iter().filter(|route| route.is_linked).map(|route| route.path);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Rollcall" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Rollcall" }
                nav { @for link in links { a href=(format!("{prefix}{link}")) { (link) } } }
                h2 { (snapshots.len()) " targets" }
                table {
                    thead { tr {
                        th { "target" } th { "vendor" } th { "last poll" } th { "agents" }
                        @for health in Health::ALL { th { (health.as_str()) } }
                        th { "last success" }
                    } }
                    tbody { @for snapshot in &snapshots { (row(snapshot)) } }
                }
                p { "Version " (env!("CARGO_PKG_VERSION")) " (" (env!("ROLLCALL_REVISION")) ")" }
            }
        }
    };
    Reply::new(StatusCode::OK, "text/html; charset=utf-8", Body::whole(page.into_string()))
        .with_value("content-security-policy", POLICY.clone())
}

fn row(snapshot: &Snapshot) -> maud::Markup {
    let status = &snapshot.status;
    let verdict = match (status.up, &status.failure) {
        (None, _) => "not polled yet".to_owned(),
        (Some(true), None) => "complete".to_owned(),
        (Some(_), Some(failure)) => format!("{}: {failure}", failure.reason()),
        (Some(false), None) => "failed".to_owned(),
    };
    let count = |health: Health| snapshot.pools.iter().map(|pool| pool.agents[health as usize]).sum::<u32>();
    html! {
        tr {
            td { (snapshot.target.name) }
            td { (snapshot.target.vendor()) }
            td.v { (verdict) }
            td.n { (snapshot.agents.len()) }
            @for health in Health::ALL { td.n { (count(health)) } }
            td { @if let Some(at) = status.last_success { (at.to_string()) } @else { "never" } }
        }
    }
}
