//! Log lines on stderr. Each event is one line, whatever a vendor has put into a field of it.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt::Debug,
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
};

use tracing::field::Field;
use tracing_subscriber::{EnvFilter, field::MakeExt, fmt, fmt::format};

use super::output;
use crate::{
    event::panic_text,
    printable::{printable, printable_json},
};

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
    start_with(&format!("{others},cookie_store=off,rollcall={level}"), format);
}

/// Starts logging for a demo, whose story is on stdout: what is odd, and what the command line itself has to say.
pub fn start_beside_story(format: Format) {
    start_with("warn,cookie_store=off,rollcall::cli=info", format);
}

fn start_with(directives: &str, format: Format) {
    let filter = EnvFilter::new(directives);
    // The library would print its own errors with `eprintln!`, which panics where stderr is gone.
    let builder = fmt().with_env_filter(filter).with_target(false).log_internal_errors(false);
    let result = match format {
        Format::Text => {
            let fields = format::debug_fn(write_field).delimited(" ");
            let builder = builder.with_writer(|| output::LogLines).fmt_fields(fields);
            builder.with_ansi(io::stderr().is_terminal()).try_init()
        }
        Format::Json => builder.with_writer(|| JsonLines).json().flatten_event(true).try_init(),
    };
    if let Err(error) = result {
        output::note(format_args!("logging was started before: {error}"));
    }
}

/// Writes a field as `name=value`, and the message alone; neither can begin a line of its own nor command a terminal.
fn write_field(writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let value = format!("{value:?}");
    let value = printable(&value);
    match field.name() {
        "message" => write!(writer, "{value}"),
        name if writer.has_ansi_escapes() => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        name => write!(writer, "{name}={value}"),
    }
}

/// A writer of lines of JSON, each given whole. JSON itself lets marks of direction pass.
struct JsonLines;

impl Write for JsonLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        output::LogLines.write_all(printable_json(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    use std::{
        env,
        hint::black_box,
        process::Command,
        sync::{Arc, Mutex},
    };

    use super::*;

    const SECRET: &str = "quagga-of-a-panic";

    /// What is logged inside, by a subscriber with these fields.
    fn logged(ansi: bool, log: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl Write for Lines {
            fn write(&mut self, line: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("nothing panics with it").extend_from_slice(line);
                Ok(line.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let writer = lines.clone();
        let fields = format::debug_fn(write_field).delimited(" ");
        let builder = fmt().with_target(false).without_time().with_writer(move || writer.clone());
        tracing::subscriber::with_default(builder.fmt_fields(fields).with_ansi(ansi).finish(), log);
        let bytes = lines.0.lock().expect("nothing panics with it").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_field_begins_no_line_and_commands_no_terminal() {
        let nasty = "x\n2026-01-01T00:00:00Z  INFO forged \x1b[31m \u{202e}";
        let log = || tracing::warn!(error = %nasty, what = nasty, "Poll failed: {nasty}");
        let text = logged(false, log);
        let shown = r"x\n2026-01-01T00:00:00Z  INFO forged \u{1b}[31m \u{202e}";
        assert_eq!(text, format!(" WARN Poll failed: {shown} error={shown} what=\"{shown}\"\n"));
        let coloured = logged(true, log);
        assert_eq!(coloured.lines().count(), 1, "{coloured:?}");
        assert!(!coloured.contains("\x1b[31m") && coloured.contains("\x1b[3merror\x1b[0m"), "{coloured:?}");
    }

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
