//! What the program writes to stdout and stderr: by a thread of its own for each, so that whoever has something to say never
//! waits for a reader and never fails.
//!
//! A log whose reader is gone, whose disk is full or whose reader has stopped costs its lines, which are counted, and
//! nothing else. `println!` and `eprintln!` would panic, and `write` would wait. The library for this, `tracing-appender`,
//! counts only what does not fit into its queue, prints with `println!` itself, and can wait for ever at the end.
//!
//! What a command was asked for goes to stdout. No line of it is lost: the end of the command waits for the reader, as of any
//! program, and what could not be written is an error, unless the reader went away (`| head`).

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IsTerminal, Write},
    sync::{Condvar, LazyLock, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use crate::{event, printable::printable_lines};

/// What waits for a reader of stderr, in bytes: minutes of a log that says much.
const MAX_WAITING: usize = 4 << 20;

/// At its end the program waits so long for a reader that takes nothing.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// A descriptor that says "not now" is asked again so often.
const RETRY: Duration = Duration::from_millis(20);

static OUT: LazyLock<&'static Output> =
    LazyLock::new(|| Output::start("stdout", usize::MAX, || Box::new(io::stdout())));
static ERR: LazyLock<&'static Output> =
    LazyLock::new(|| Output::start("stderr", MAX_WAITING, || Box::new(io::stderr())));

/// Prints what was asked for, which may name what a vendor says: nothing in it commands a terminal. [`finish`] says whether it arrived. Where the two streams are one, as on a terminal, what was
/// said before stands before.
pub fn print(text: impl Into<String>) {
    flush_err();
    let text: String = text.into();
    show(printable_lines(&text));
}

/// Prints what programs read byte for byte; on a terminal as [`print`].
pub fn print_exact(text: String) {
    if io::stdout().is_terminal() {
        return print(text);
    }
    flush_err();
    show(text);
}

/// Prints what a daemon shows at its start. It does not matter whether anybody reads it.
pub fn show(text: impl Into<String>) {
    OUT.put(text.into().into_bytes());
}

/// Says something to people: a line on stderr. Nothing in it commands a terminal.
pub fn note(text: impl std::fmt::Display) {
    flush_out();
    write_err(format!("{}\n", printable_lines(&text.to_string())));
}

/// Writes to stderr as it is.
pub fn write_err(text: impl Into<Vec<u8>>) {
    ERR.put(text.into());
}

/// Waits until stdout has taken everything, as long as that takes. Fails where it did not, unless its reader went away.
pub fn finish() -> Result<(), String> {
    match OUT.wait(None) {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("cannot write to stdout: {error}")),
        _ => Ok(()),
    }
}

/// Waits until stdout has taken everything or its reader has taken nothing for a while; for one that still takes nothing
/// nobody waits again.
pub fn flush_out() {
    OUT.wait(Some(FLUSH_TIMEOUT));
}

/// The same for stderr.
pub fn flush_err() {
    ERR.wait(Some(FLUSH_TIMEOUT));
}

/// Flushes stderr at the end of the program, also where that is a panic.
pub struct FlushAtEnd;

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        flush_err();
    }
}

/// A writer of log lines, each given whole.
pub struct LogLines;

impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        ERR.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One stream and what waits for it.
struct Output {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// What may wait, in bytes. What is without a limit was asked for, the other is a log.
    limit: usize,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line is being written.
    is_writing: bool,
    /// Lines that were taken, written or not; it moves as long as there is a reader.
    done: u64,
    /// Lines that did not arrive since the last one that did.
    lost: u64,
    /// Why the first one did not.
    error: Option<io::Error>,
    /// What was taken when somebody last gave up waiting.
    given_up: Option<u64>,
}

impl Output {
    fn start(name: &str, limit: usize, open: fn() -> Box<dyn Write>) -> &'static Output {
        // It lives as long as the program, and its thread with it.
        let output: &'static Output = Box::leak(Box::new(Output::new(limit)));
        // Without a thread nothing is written, and nothing fails.
        let _ = thread::Builder::new().name(name.to_owned()).spawn(move || output.write_all(open()));
        output
    }

    fn new(limit: usize) -> Output {
        Output { queue: Mutex::default(), changed: Condvar::new(), limit }
    }

    /// Takes a line; neither waits nor fails.
    fn put(&self, line: Vec<u8>) {
        let mut queue = self.queue();
        if queue.bytes.saturating_add(line.len()) > self.limit {
            queue.lost += 1;
            event::log_line_dropped();
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        drop(queue);
        self.changed.notify_all();
    }

    /// Waits until everything was written or given up, or until for so long nothing was. Returns what went wrong first.
    fn wait(&self, limit: Option<Duration>) -> Option<io::Error> {
        let mut queue = self.queue();
        let (mut done, mut since) = (queue.done, Instant::now());
        while queue.is_writing || !queue.lines.is_empty() {
            if limit.is_some() && queue.given_up == Some(queue.done) {
                break;
            }
            let waited = self.changed.wait_timeout(queue, limit.unwrap_or(Duration::from_secs(60)));
            queue = waited.unwrap_or_else(|e| e.into_inner()).0;
            if queue.done != done {
                (done, since) = (queue.done, Instant::now());
            } else if limit.is_some_and(|limit| since.elapsed() >= limit) {
                queue.given_up = Some(done);
            }
        }
        queue.error.take()
    }

    /// The thread: writes line after line for ever.
    fn write_all(&self, mut stream: Box<dyn Write>) {
        let (mut torn, is_log) = (false, self.limit < usize::MAX);
        loop {
            let line = self.next();
            let result = write_line(&mut *stream, &line, &mut torn);
            let lost = {
                let mut queue = self.queue();
                queue.is_writing = false;
                queue.done += 1;
                match result {
                    Ok(()) => std::mem::take(&mut queue.lost),
                    Err(error) => {
                        queue.lost += 1;
                        queue.error.get_or_insert(error);
                        if is_log {
                            event::log_line_dropped();
                        }
                        0
                    }
                }
            };
            self.changed.notify_all();
            if is_log && lost > 0 {
                tracing::warn!(lines = lost, "Log lines are lost, they could not be written.");
            }
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut queue = self.queue();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.is_writing = true;
                return line;
            }
            queue = self.changed.wait(queue).unwrap_or_else(|e| e.into_inner());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Writes one line whole. Where the end of one is missing (`torn`), the next begins on a line of its own.
fn write_line(stream: &mut dyn Write, line: &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        write_bytes(stream, b"\n").map_err(|(error, _)| error)?;
        *torn = false;
    }
    write_bytes(stream, line).map_err(|(error, written)| {
        *torn = written > 0;
        error
    })?;
    stream.flush()
}

/// Writes everything; else says how much was written.
fn write_bytes(stream: &mut dyn Write, bytes: &[u8]) -> Result<(), (io::Error, usize)> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err((ErrorKind::WriteZero.into(), written)),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody who shares the descriptor has made it so. This thread has nothing else to do.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(RETRY),
            Err(error) => return Err((error, written)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
