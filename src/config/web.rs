//! The web configuration, `--web.config.file`: the format of Prometheus' exporter-toolkit, in which every exporter is given
//! its certificate, its users and its headers.
//!
//! What that document allows is read here, with every error at once and its place, as in `rollcall.yml`. Where the two
//! differ, this one is stricter: a setting that would have no effect on who may come in is an error, and so is what rustls
//! does not have (TLS 1.1, CBC suites, P-521). Values of secrets are never shown.

mod basic_auth;
mod files;
mod headers;
mod names;
mod pem;
mod rate_limit;
mod tls;

pub use basic_auth::User;
pub use files::ReadFiles;
pub use rate_limit::RateLimit;
pub use tls::{ClientAuth, TlsSettings};

use std::path::Path;

use hyper::header::{HeaderName, HeaderValue};

use super::{
    problem::{Errors, Mark, sorted},
    read::{Context, Item},
    yaml,
};

/// Who may come in, and how they are answered.
#[derive(Debug)]
pub struct WebConfig {
    /// TLS, where there is a certificate; plain HTTP without.
    pub tls: Option<TlsSettings>,
    /// Whether HTTP/2 is offered; only within TLS.
    pub http2: bool,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who may ask; anybody where this is empty.
    pub users: Vec<User>,
    /// How many requests are answered, of all clients together.
    pub rate_limit: Option<RateLimit>,
    /// There is nothing in the file, as while an editor writes it.
    pub is_blank: bool,
    /// What has to be said about it although it is valid.
    pub warnings: Vec<String>,
}

impl WebConfig {
    /// Reads a file and those that it names. Relative paths start where the file stands. The files that were looked at are
    /// returned with it, whether it is valid or not: a change of one of them may change the outcome.
    pub fn load(path: &Path) -> (Result<WebConfig, Errors>, ReadFiles) {
        let name = path.display().to_string();
        let files = ReadFiles::default();
        let result = match files.read(path, yaml::MAX_BYTES) {
            Ok(bytes) => read(&bytes, &name, path.parent().unwrap_or(Path::new("")), &files),
            Err(message) => {
                let ctx = Context::new(Path::new(""), true);
                ctx.error(&Mark { file: name.as_str().into(), line: 1, column: 1 }, "", message);
                Err(Errors::new(ctx.errors.into_inner(), &name))
            }
        };
        (result, files)
    }

    /// Reads a text under the name of a file.
    pub fn parse(bytes: &[u8], name: &str, base_dir: &Path) -> Result<WebConfig, Errors> {
        read(bytes, name, base_dir, &ReadFiles::default())
    }

    /// Whether a file asks for TLS, also where it is broken otherwise; `None` where it cannot be told.
    pub fn asks_for_tls(path: &Path) -> Option<bool> {
        let bytes = ReadFiles::default().read(path, yaml::MAX_BYTES).ok()?;
        let (tree, _) = yaml::read(&bytes, "");
        let Some(tree) = tree else { return Some(false).filter(|_| bytes.trim_ascii().is_empty()) };
        let ctx = Context::new(Path::new(""), true);
        let root = Item { ctx: &ctx, node: &tree, path: String::new() }.section()?;
        Some(tls::is_enabled(&root.section("tls_server_config")))
    }
}

/// The configuration in a file, or everything that is wrong with it.
fn read(bytes: &[u8], name: &str, base_dir: &Path, files: &ReadFiles) -> Result<WebConfig, Errors> {
    let ctx = Context::new(base_dir, true);
    let (tree, problems) = yaml::read(bytes, name);
    let is_broken = !problems.is_empty();
    ctx.errors.borrow_mut().extend(problems);
    let node = tree.as_ref().filter(|node| !node.is_null());
    let root = node.and_then(|node| Item { ctx: &ctx, node, path: String::new() }.section());
    let config = match root {
        None if node.is_some() || is_broken => None,
        // A file without settings is valid, and asks for nothing.
        None => Some(WebConfig {
            tls: None,
            http2: true,
            headers: Vec::new(),
            users: Vec::new(),
            rate_limit: None,
            is_blank: true,
            warnings: Vec::new(),
        }),
        Some(root) => {
            let http = root.section("http_server_config");
            let http2 = http.bool("http2", true);
            let headers = headers::read(http.section("headers"));
            http.finish();
            let tls = tls::read(root.section("tls_server_config"), http2, files);
            let users = basic_auth::read(root.get("basic_auth_users"));
            let rate_limit = rate_limit::read(root.section("rate_limit"));
            root.finish();
            Some(WebConfig { tls, http2, headers, users, rate_limit, is_blank: false, warnings: Vec::new() })
        }
    };
    let errors = ctx.errors.into_inner();
    match config {
        Some(mut config) if errors.is_empty() => {
            config.warnings = sorted(ctx.warnings.into_inner(), name).iter().map(ToString::to_string).collect();
            Ok(config)
        }
        _ => Err(Errors::new(errors, name)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
