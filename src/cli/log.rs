//! Log lines on stderr.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::IsTerminal,
    panic::PanicHookInfo,
};

use tracing_subscriber::{EnvFilter, fmt};

use super::output;
use crate::event::panic_text;

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

/// Starts logging. Libraries are heard from `warn` on only: what they say at lower levels can carry headers. `cookie_store`, which
/// writes every cookie, is not heard at all.
pub fn start(level: Level, format: Format) {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let others = if level == "error" { "error" } else { "warn" };
    let filter = EnvFilter::new(format!("{others},cookie_store=off,rollcall={level}"));
    // The library would print its own errors with `eprintln!`, which panics where stderr is gone.
    let builder = fmt().with_env_filter(filter).with_target(false).log_internal_errors(false);
    let builder = builder.with_writer(|| output::LogLines);
    let result = match format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = result {
        output::note(format_args!("logging was started before: {error}"));
    }
}

/// Lets a panic be told without waiting for whoever reads stderr, as the hook of the standard library does; and only with a
/// fixed text, since one that was put together could carry anything.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let (at, message) = (place(panic), panic_text(panic.payload()));
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        if tracing::dispatcher::has_been_set() {
            tracing::error!(at, message, backtrace = backtrace.map(tracing::field::display), "A thread panicked.");
        } else {
            let backtrace = backtrace.map(|backtrace| backtrace.to_string()).unwrap_or_default();
            output::write_err(format!("panicked at {at}: {message}\n{backtrace}"));
        }
    }));
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::{env, hint::black_box, process::Command};

    use super::*;

    const SECRET: &str = "quagga-of-a-panic";

    #[test]
    #[ignore = "the test below runs it: the hook is that of the whole process"]
    fn panics_with_a_secret() {
        let _flush = output::FlushAtEnd;
        tell_panics();
        if let Some(format) = env::var_os("ROLLCALL_TEST_LOG") {
            start(Level::Trace, if format == "json" { Format::Json } else { Format::Text });
        }
        panic!("the password is {}", black_box(SECRET));
    }

    #[test]
    fn a_panic_that_quotes_a_secret_is_told_without_it() {
        for format in [None, Some("text"), Some("json")] {
            let mut command = Command::new(env::current_exe().expect("it runs"));
            command.args(["--exact", "cli::log::tests::panics_with_a_secret", "--ignored", "--nocapture"]);
            command.env("RUST_BACKTRACE", "full").env_remove("ROLLCALL_TEST_LOG");
            command.envs(format.map(|format| ("ROLLCALL_TEST_LOG", format)));
            let ended = command.output().expect("this very test");
            let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
            assert!(!ended.status.success() && said.contains("src/cli/log.rs"), "{said}");
            assert!(said.contains("a panic without a fixed text"), "{said}");
            assert!(!said.contains(SECRET), "{format:?}: {said}");
        }
    }
}
