use std::sync::{
    Arc,
    mpsc::{Receiver, Sender, channel},
};

use super::*;

/// A stream that writes what it is told to, and says what it was given.
struct Scripted {
    told: Receiver<io::Result<usize>>,
    given: Sender<Vec<u8>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whoever tells no more is a reader that has stopped.
        let told = self.told.recv().unwrap_or_else(|_| {
            loop {
                thread::park()
            }
        })?;
        let n = told.min(bytes.len());
        self.given.send(bytes[..n].to_vec()).expect("the test listens");
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream, who tells it what to do, and what it was given.
fn scripted(limit: usize) -> (Arc<Output>, Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
    let ((tell, told), (given, written)) = (channel(), channel());
    let output = Arc::new(Output::new(limit));
    let thread = Arc::clone(&output);
    thread::spawn(move || thread.write_all(Box::new(Scripted { told, given })));
    (output, tell, written)
}

const ALL: usize = usize::MAX;

#[test]
fn a_reader_that_has_stopped_costs_lines_and_no_time() {
    let (output, tell, written) = scripted(10);
    output.put(b"1234\n".to_vec());
    // It is with the stream, and waits there.
    while !output.queue().is_writing {
        thread::yield_now();
    }
    for line in ["1\n", "2\n", "3\n", "4\n", "5\n", "6\n", "7\n"] {
        output.put(line.into());
    }
    let (lost, waiting) = {
        let queue = output.queue();
        (queue.lost, queue.lines.len())
    };
    assert_eq!((lost, waiting), (2, 5));
    assert!(output.wait(Some(Duration::ZERO)).is_none(), "nobody waits for it");
    (0..6).for_each(|_| tell.send(Ok(ALL)).expect("it listens"));
    assert!(output.wait(None).is_none());
    let all: Vec<u8> = written.try_iter().flatten().collect();
    assert_eq!(all, b"1234\n1\n2\n3\n4\n5\n");
    assert_eq!(output.queue().lost, 0, "it was told");
}

#[test]
fn a_line_that_could_not_be_written_to_its_end_does_not_spoil_the_next() {
    let (output, tell, written) = scripted(ALL);
    ["full\n", "lost\n", "good\n"].into_iter().for_each(|line| output.put(line.into()));
    let full = || Err(ErrorKind::StorageFull.into());
    // Two bytes of the first line; then nothing, also no line break; then there is room again.
    [Ok(2), full(), full(), Err(ErrorKind::Interrupted.into()), Err(ErrorKind::WouldBlock.into()), Ok(ALL), Ok(ALL)]
        .into_iter()
        .for_each(|told| tell.send(told).expect("it listens"));
    let error = output.wait(None).expect("the first error");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(written.try_iter().flatten().collect::<Vec<u8>>(), b"fu\ngood\n");
    assert!(output.wait(None).is_none(), "it was told once");
}
