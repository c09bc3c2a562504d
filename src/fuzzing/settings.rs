//! What people write: configurations, durations, sizes, globs, labels.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    config::{self, Config, Errors, web::WebConfig},
    duration,
    exposition::{Encoding, Format},
    glob::Glob,
    rules::promql::labels,
    shard::Shard,
};

/// Files that a text names are not read: there is no such folder, and an absolute path is none of ours.
const FOLDER: &str = "no-such-folder";

/// Each problem names the file and says something.
fn have_places(errors: &Errors, file: &str) {
    for problem in errors.iter() {
        let line = problem.to_string();
        assert!(line.starts_with(&format!("{file}:")) && !problem.message.is_empty(), "{line:?}");
    }
}

/// Problems with their places, or a configuration that prints as one that is the same.
pub fn config(text: &str) {
    if text.contains("target_files") || text.contains("_file: /") || text.contains("\"/") || text.contains("'/") {
        return;
    }
    let parse = |text: &str| Config::parse(text, "fuzz.yml", Path::new(FOLDER));
    let config = match parse(text) {
        Ok(config) => config,
        Err(errors) => return have_places(&errors, "fuzz.yml"),
    };
    let shown = config.to_yaml();
    // Relative paths are shown from where the program stands; read again they would begin at the folder once more.
    let read = Config::parse(&shown, "shown.yml", &PathBuf::new());
    let read = read.unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    assert_eq!(read.to_yaml(), shown, "what is shown reads as the same");
    let names = |config: &Config| config.targets.iter().map(|target| target.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&read), names(&config));
    for target in &config.targets {
        assert!(target.interval >= Duration::from_secs(1) && target.timeout > Duration::ZERO, "{target:?}");
        assert!(target.url.password().is_none() && target.url.has_host(), "{}", target.url);
    }
}

/// Problems with their places, or a web configuration that can be served.
pub fn web_config(bytes: &[u8]) {
    // Files that it names are not read.
    let names_files = bytes.windows(5).any(|word| word == b"_file");
    if names_files && bytes.contains(&b'/') {
        return;
    }
    let web = match WebConfig::parse(bytes, "web.yml", Path::new(FOLDER)) {
        Ok(web) => web,
        Err(errors) => return have_places(&errors, "web.yml"),
    };
    assert!(web.users.iter().all(|user| !user.name.contains(':') && (4..=31).contains(&user.cost)), "{:?}", web.users);
    assert!(web.rate_limit.is_none_or(|limit| !limit.interval.is_zero()));
    assert!(web.headers.len() <= 5, "{:?}", web.headers);
    if let Some(tls) = &web.tls {
        assert!(!tls.versions.is_empty() && !tls.cipher_suites.is_empty() && !tls.curves.is_empty());
        assert!(!tls.client_auth.verifies() || tls.client_ca.is_some());
    }
}

/// Words of a setting, a flag or a header: what is read prints as what reads the same.
pub fn words(text: &str) {
    if let Ok(duration) = duration::parse(text) {
        assert_eq!(duration::parse(&duration::print(duration)), Ok(duration), "{text:?}");
    }
    config::fuzz::size(text);
    if let Ok(shard) = text.parse::<Shard>() {
        assert!(text.starts_with("auto/") || shard.to_string().parse() == Ok(shard), "{text:?}");
    }
    if let Ok(glob) = Glob::new(text) {
        let _ = glob.matches(text);
    }
    for label in [labels::rule_label(text), labels::metadata_label(text)] {
        assert!(label.is_err() || text.contains('='), "{text:?}");
    }
    let (format, encoding) = (Format::negotiate(Some(text)), Encoding::negotiate(Some(text)));
    let lower = text.to_ascii_lowercase();
    assert!(format == Format::Text || lower.contains("application/openmetrics-text"), "{text:?}");
    assert!(encoding == Encoding::Identity || lower.contains("gzip") || lower.contains('*'), "{text:?}");
}
