//! What people write: configurations, durations, sizes, globs, labels.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    config::{self, Config},
    duration,
    exposition::{Encoding, Format},
    glob::Glob,
    rules::promql::labels,
    shard::Shard,
};

/// Files that a text names are not read: there is no such folder, and an absolute path is none of ours.
const FOLDER: &str = "no-such-folder";

/// Problems with their places, or a configuration that prints as one that is the same.
pub fn config(text: &str) {
    if text.contains("target_files") || text.contains("_file: /") || text.contains("\"/") || text.contains("'/") {
        return;
    }
    let parse = |text: &str| Config::parse(text, "fuzz.yml", Path::new(FOLDER));
    let config = match parse(text) {
        Ok(config) => config,
        Err(errors) => {
            for problem in errors.iter() {
                let line = problem.to_string();
                assert!(line.starts_with("fuzz.yml:") && !problem.message.is_empty(), "{line:?}");
            }
            return;
        }
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
