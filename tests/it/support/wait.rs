//! Waiting for a condition, and a folder for a test's files.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Asks every 50 ms until there is an answer, and returns it. Panics with what was said last when the time is over. Where
/// asking takes long, it rests for as long in between: whoever waits leaves the machine to those who are waited for.
#[track_caller]
pub fn wait_until<T>(what: &str, timeout: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        match ask() {
            Ok(answer) => return answer,
            Err(said) if begun.elapsed() > timeout => panic!("not within {timeout:?}: {what}\n{said}"),
            Err(_) => std::thread::sleep(asked.elapsed().clamp(Duration::from_millis(50), Duration::from_secs(1))),
        }
    }
}

/// A temporary folder, removed with its content when it is dropped.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// A new one.
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("the temporary folder can be written"))
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, folders and all, as an editor does: beside it and renamed.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        let folder = path.parent().expect("a file in a folder");
        fs::create_dir_all(folder).expect("a folder of ours");
        let beside = path.with_extension("new");
        fs::write(&beside, text).expect("a folder of ours");
        fs::rename(&beside, &path).expect("a folder of ours");
        path
    }

    /// The text of a file in it.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}
