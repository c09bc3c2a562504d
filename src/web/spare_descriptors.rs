//! Descriptors that are kept back for this server: where the targets have taken all others, it can still be asked what is wrong.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

/// So many connections can be accepted when no other descriptor is left.
const SPARE: usize = 8;

/// What holds a descriptor and does nothing.
const NOTHING: &str = "/dev/null";

/// Descriptors that nobody else can take.
#[derive(Debug, Default)]
pub struct SpareDescriptors {
    files: Mutex<Vec<File>>,
    missing: AtomicUsize,
}

/// A descriptor that was lent to a connection. It is taken back when this is dropped, which must be after the connection.
#[derive(Debug)]
pub struct Lent(Arc<SpareDescriptors>);

impl SpareDescriptors {
    /// Keeps some back. Where there is no such file (Windows has no such limit either), none.
    pub fn new() -> Arc<SpareDescriptors> {
        let spare = Arc::new(SpareDescriptors { files: Mutex::default(), missing: AtomicUsize::new(SPARE) });
        spare.refill();
        spare
    }

    /// Frees one for a connection, as long as there are some.
    pub fn lend(self: &Arc<SpareDescriptors>) -> Option<Lent> {
        self.files().pop()?;
        self.missing.fetch_add(1, Ordering::Relaxed);
        Some(Lent(Arc::clone(self)))
    }

    /// Takes back what is missing, as far as there is any.
    pub fn refill(&self) {
        if self.missing.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut files = self.files();
        while files.len() < SPARE {
            match File::open(NOTHING) {
                Ok(file) => files.push(file),
                Err(_) => break,
            }
        }
        self.missing.store(SPARE - files.len(), Ordering::Relaxed);
    }

    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.refill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_lent_as_were_kept_back_and_come_back() {
        let spare = SpareDescriptors::new();
        let lent: Vec<Lent> = std::iter::from_fn(|| spare.lend()).collect();
        assert_eq!((lent.len(), spare.files().len()), (SPARE, 0));
        drop(lent);
        assert_eq!(spare.files().len(), SPARE);
        assert!(spare.lend().is_some());
    }
}
