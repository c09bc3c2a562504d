//! Sockets in the file system, and those that systemd hands over.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::Listener;

/// Whoever does not take a connection within this time lives all the same: only a refusal says that nobody listens.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket in the file system. Its file goes with it, if it is still ours.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file that we made; nothing where somebody else made it.
    made: Option<(u64, u64)>,
}

impl UnixSocket {
    /// Listens on this path. The file of a socket on which nobody listens is replaced: a daemon that was killed leaves it.
    /// One on which somebody listens is not, and neither is a file of another kind.
    pub async fn bind(path: &Path) -> io::Result<UnixSocket> {
        if let Ok(meta) = fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                let message = "a file is there that is no socket; take it away, or name another path";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            match tokio::time::timeout(PROBE_TIMEOUT, UnixStream::connect(path)).await {
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(Err(error)) => return Err(error),
                Ok(Ok(_)) | Err(_) => {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it"));
                }
            }
        }
        let listener = UnixListener::bind(path)?;
        let made = fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        Ok(UnixSocket { listener, path: path.to_owned(), made })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.path).ok().map(|meta| (meta.dev(), meta.ino()));
        if self.made.is_some() && self.made == now {
            // What is left behind is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Every socket of `LISTEN_FDS`, in their order.
pub(super) fn from_systemd() -> io::Result<Vec<Listener>> {
    let mut given = listenfd::ListenFd::from_env();
    (0..given.len())
        .map(|index| {
            if let Ok(Some(listener)) = given.take_tcp_listener(index) {
                listener.set_nonblocking(true)?;
                return TcpListener::from_std(listener).map(Listener::Tcp);
            }
            let Ok(Some(listener)) = given.take_unix_listener(index) else {
                let message = format!("socket {index} of systemd is no stream of TCP or of the file system");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            };
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let path = address.as_pathname().unwrap_or(Path::new("")).to_owned();
            Ok(Listener::Unix(UnixSocket { listener: UnixListener::from_std(listener)?, path, made: None }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("the temporary folder can be written")
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let folder = folder();
        let path = folder.path().join("rollcall.sock");
        // As of a process that was killed: dropping a listener of the standard library leaves the file.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a free path"));
        assert!(path.exists());
        let living = UnixSocket::bind(&path).await.expect("nobody listens there");
        let refused = UnixSocket::bind(&path).await.expect_err("somebody does now");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).await.expect("it was left alone");
        drop(living);
        assert!(!path.exists(), "it goes with its listener");
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let folder = folder();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").expect("it can be written");
        let refused = UnixSocket::bind(&path).await.expect_err("it is a file");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");
        // Not through a link either: it is the link that is looked at.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("it can be made");
        UnixSocket::bind(&link).await.expect_err("it is a link");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");
    }

    #[tokio::test]
    async fn the_file_of_another_one_that_took_the_path_stays() {
        let folder = folder();
        let path = folder.path().join("rollcall.sock");
        let first = UnixSocket::bind(&path).await.expect("a free path");
        fs::remove_file(&path).expect("an admin does so");
        let second = UnixSocket::bind(&path).await.expect("the path is free again");
        drop(first);
        UnixStream::connect(&path).await.expect("it is the second one's");
        drop(second);
    }
}
