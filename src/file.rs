//! Reading the files that somebody names: a file that is no regular one is refused, and nothing waits for it.
//!
//! To open a named pipe waits until somebody writes into it, and a device may do anything. So a file is opened without
//! waiting, looked at, and read to a limit. Links are followed: Kubernetes mounts a configuration as one. What only Rollcall
//! writes is in [`private`], which follows none.

pub mod private;
pub mod text;

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    path::Path,
};

/// A longer configuration is none.
pub const LONGEST_CONFIGURATION: u64 = 64 << 20;

/// A longer secret, certificate or key is none.
pub const LONGEST_SECRET: u64 = 4 << 20;

/// Reads a regular file of at most `longest` bytes. Fails on a pipe, a device and a socket, and says which of them it is.
pub fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: opening alone rewinds a tape.
    refuse(fs::metadata(path)?.file_type())?;
    let file = options().open(path)?;
    // It may be another one by now.
    refuse(file.metadata()?.file_type())?;
    limited(file, longest)
}

/// The same, as text: in UTF-8, or in UTF-16 with a byte order mark, which is dropped.
pub fn read_text(path: &Path, longest: u64) -> io::Result<String> {
    let bytes = read(path, longest)?;
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    Ok(text::decode(&bytes).map_err(no_text)?.text.into_owned())
}

/// Reads a file of certificates or of a key, which an editor may have given a byte order mark.
pub fn read_pem(path: &Path) -> io::Result<Vec<u8>> {
    read(path, LONGEST_SECRET).map(text::unmarked)
}

fn limited(file: File, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > longest {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {longest} bytes"))),
        false => Ok(bytes),
    }
}

/// Opens for reading, without waiting for a writer.
#[cfg(unix)]
fn options() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).custom_flags(flags(rustix::fs::OFlags::NONBLOCK));
    options
}

#[cfg(not(unix))]
fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true);
    options
}

/// As the standard library takes them.
#[cfg(unix)]
fn flags(flags: rustix::fs::OFlags) -> i32 {
    // None of them is the sign.
    flags.bits() as i32
}

/// Fails unless it is a regular file.
#[cfg(unix)]
fn refuse(kind: FileType) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_dir() {
        return Err(rustix::io::Errno::ISDIR.into());
    }
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "something else",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}

#[cfg(not(unix))]
fn refuse(kind: FileType) -> io::Result<()> {
    match kind.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::fs::symlink, os::unix::net::UnixListener};

    use super::*;

    /// Makes a named pipe that nobody writes into.
    pub(super) fn pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("every Unix has mkfifo").success());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once_and_named() {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let path = |name: &str| folder.path().join(name);
        pipe(&path("pipe"));
        let _listener = UnixListener::bind(path("socket")).expect("Unix has sockets");
        symlink(path("pipe"), path("link")).expect("Unix has links");
        for (name, what) in [
            (path("pipe"), "it is a named pipe, not a regular file"),
            (path("link"), "it is a named pipe, not a regular file"),
            (path("socket"), "it is a socket, not a regular file"),
            ("/dev/zero".into(), "it is a device, not a regular file"),
            (path(""), "Is a directory (os error 21)"),
        ] {
            let error = read(&name, 100).expect_err("it is no regular file");
            assert_eq!(error.to_string(), what, "{name:?}");
        }
    }

    #[test]
    fn a_regular_file_is_read_through_links_and_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "12345").expect("a folder of ours");
        symlink(&file, &link).expect("Unix has links");
        assert_eq!(read_text(&link, 5).expect("it is just as long"), "12345");
        assert_eq!(read(&link, 4).expect_err("it is longer").to_string(), "it is longer than 4 bytes");
        fs::write(&file, b"\xff").expect("a folder of ours");
        assert_eq!(read_text(&file, 5).expect_err("no text").to_string(), "it is not UTF-8");
    }
}
