//! Log lines on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// Least severity.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Level {
    /// Only what is broken.
    Error,
    /// And what is odd.
    Warn,
    /// And what changed.
    Info,
    /// And every poll.
    Debug,
    /// And every request.
    Trace,
}

/// Form of the lines.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. Libraries are heard from `warn` on only: what they say at lower levels can carry headers.
pub fn start(level: Level, format: Format) {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let others = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{others},rollcall={level}"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let result = match format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = result {
        eprintln!("logging was started before: {error}");
    }
}
