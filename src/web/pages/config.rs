//! `/config`: the running configuration; YAML for programs, a page for browsers.

use hyper::StatusCode;
use maud::html;

use super::{Context, Document, text};
use crate::web::reply::Reply;

/// YAML, unless the request asks for HTML.
pub fn reply(cx: &Context<'_>) -> Reply {
    let config = cx.daemon.config();
    let yaml = config.to_yaml();
    let wants_html = cx.request.header("accept").is_some_and(|accept| accept.contains("text/html"));
    if !wants_html {
        return Reply::yaml(yaml).with_header("vary", "accept");
    }
    let body = html! {
        h1 { "Configuration" }
        dl.facts {
            dt { "File" } dd { (crate::printable::printable(&cx.daemon.config_file().display().to_string())) }
            dt { "Daemon started" } dd { (text::since(cx.daemon.started(), cx.now)) }
            dt { "Targets" } dd { (text::count(config.targets.len() as u64)) }
            @if let Some(shard) = cx.daemon.shard() { dt { "Shard" } dd { (shard) } }
            dt { "State file" } dd { @match &config.state_file {
                Some(file) => { (crate::printable::printable(&file.display().to_string())) }
                None => { "none: a restart forgets since when agents are as they are, and which log-ons are held" }
            } }
        }
        @if !config.warnings.is_empty() {
            h2 { "Doubtful" }
            ul { @for warning in &config.warnings { li { (crate::printable::printable(&warning.to_string())) } } }
        }
        h2 { "As it runs" }
        p.muted { "Secrets and the values of headers are left out. Programs get this as YAML: " code { "curl " (cx.link("/config")) } }
        pre tabindex="0" { code { (crate::printable::printable_lines(&yaml)) } }
    };
    let document =
        Document { title: "Configuration", place: "/config", level: None, live: false, fixed: html! {}, body };
    document.reply(cx, StatusCode::OK).with_header("vary", "accept")
}
