//! What the daemon tells the service manager: systemd's notify protocol.
//!
//! `READY=1`, `RELOADING=1` with `MONOTONIC_USEC=`, `STOPPING=1`, `WATCHDOG=1` at half of `$WATCHDOG_USEC`, and `STATUS=` for
//! people go to the socket that `$NOTIFY_SOCKET` names, a path or `@` and an abstract name. Without `$NOTIFY_SOCKET`, and on
//! systems without such sockets, nothing happens. The daemon never waits for the manager, and never fails because of it.
//!
//! The messages, their clock and the watchdog's time are those of the `sd-notify` crate. The socket is our own: that of the
//! crate waits for a manager that does not read, and takes an abstract name for a path.

#[cfg(not(unix))]
pub use elsewhere::*;
#[cfg(unix)]
pub use unix::*;

/// There is no such manager here.
#[cfg(not(unix))]
mod elsewhere {
    /// Nothing.
    pub fn ready() {}

    /// Nothing.
    pub fn reloading() {}

    /// Nothing.
    pub fn stopping() {}

    /// Nothing.
    pub async fn keep_alive(_lives: impl Fn() -> bool, _status: impl Fn() -> String) {}
}

#[cfg(unix)]
mod unix {
    use std::{
        env,
        ffi::OsStr,
        io,
        os::unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
        sync::LazyLock,
        time::Duration,
    };

    use sd_notify::NotifyState;

    /// The manager that started this process.
    static MANAGER: LazyLock<NotifySocket> = LazyLock::new(NotifySocket::of_this_process);

    /// How often the status is told where nobody waits for a watchdog.
    const STATUS_EVERY: Duration = Duration::from_secs(15);

    /// The daemon is up: the configuration is loaded and its addresses are open. Also said after each reload, whatever came of it.
    pub fn ready() {
        MANAGER.send(&[NotifyState::Ready]);
    }

    /// A reload begins; `ready` ends it.
    pub fn reloading() {
        // The manager takes it for the reload that it asked for only where this moment is not before its signal.
        let now = NotifyState::monotonic_usec_now();
        MANAGER.send(&[Some(NotifyState::Reloading), now.ok()].into_iter().flatten().collect::<Vec<_>>());
    }

    /// The daemon is about to end.
    pub fn stopping() {
        MANAGER.send(&[NotifyState::Stopping, NotifyState::Status("Stopping.")]);
    }

    /// Tells the manager that this runtime lives, as long as what it is there for `lives` as well, and what `status` says,
    /// until it is dropped.
    ///
    /// This is a task of the runtime and nothing else: where its threads hang or its timer stands still, the watchdog starves,
    /// and the manager starts the daemon anew.
    pub async fn keep_alive(lives: impl Fn() -> bool, status: impl Fn() -> String) {
        feed(&MANAGER, sd_notify::watchdog_enabled(), lives, status).await;
    }

    /// `watchdog` is the time after which the manager gives this process up.
    pub(super) async fn feed(
        manager: &NotifySocket,
        watchdog: Option<Duration>,
        lives: impl Fn() -> bool,
        status: impl Fn() -> String,
    ) {
        if manager.0.is_none() {
            return;
        }
        let watchdog = watchdog.map(|limit| limit / 2).filter(|half| !half.is_zero());
        let mut timer = tokio::time::interval(watchdog.map_or(STATUS_EVERY, |half| half.min(STATUS_EVERY)));
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            // A line break would begin another assignment.
            let status = status().replace('\n', " ");
            let alive = watchdog.filter(|_| lives()).map(|_| NotifyState::Watchdog);
            manager.send(&alive.into_iter().chain([NotifyState::Status(&status)]).collect::<Vec<_>>());
        }
    }

    /// The service manager's end of a socket, where there is one.
    #[derive(Debug)]
    pub(super) struct NotifySocket(Option<UnixDatagram>);

    impl NotifySocket {
        /// The manager that `$NOTIFY_SOCKET` names.
        fn of_this_process() -> NotifySocket {
            let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
                return NotifySocket(None);
            };
            NotifySocket::at(&name).unwrap_or_else(|error| {
                tracing::warn!(%error, socket = ?name, "The service manager cannot be told anything.");
                NotifySocket(None)
            })
        }

        /// The manager that listens at this path, or at this abstract name behind an `@`.
        pub(super) fn at(name: &OsStr) -> io::Result<NotifySocket> {
            let address = match name.as_bytes() {
                #[cfg(target_os = "linux")]
                [b'@', name @ ..] => {
                    use std::os::linux::net::SocketAddrExt;
                    SocketAddr::from_abstract_name(name)?
                }
                [b'/', ..] => SocketAddr::from_pathname(name)?,
                _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "neither a path nor an abstract name")),
            };
            let socket = UnixDatagram::unbound()?;
            // A manager that does not read must not stop the daemon.
            socket.set_nonblocking(true)?;
            socket.connect_addr(&address)?;
            Ok(NotifySocket(Some(socket)))
        }

        /// Sends one message. What cannot be sent is left out: the next one, or the watchdog, makes up for it.
        pub(super) fn send(&self, states: &[NotifyState<'_>]) {
            let Some(socket) = &self.0 else { return };
            let message = states.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            if let Err(error) = socket.send(message.as_bytes()) {
                tracing::debug!(%error, "The service manager was not told.");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::{
        ffi::OsStr,
        os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixDatagram},
        },
        time::Duration,
    };

    use sd_notify::NotifyState;

    use super::unix::*;

    fn received(socket: &UnixDatagram) -> Vec<String> {
        socket.set_nonblocking(true).expect("sockets can be");
        let mut buffer = [0; 1024];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned()))
            .collect()
    }

    /// A socket that a manager reads, and the manager as the daemon sees it.
    fn pair() -> (tempfile::TempDir, UnixDatagram, NotifySocket) {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a path of its own");
        let manager = NotifySocket::at(path.as_os_str()).expect("a socket");
        (folder, socket, manager)
    }

    #[test]
    fn a_message_arrives_as_one_datagram_at_a_path() {
        let (_folder, socket, manager) = pair();
        manager.send(&[NotifyState::Ready]);
        manager.send(&[NotifyState::Stopping, NotifyState::Status("Stopping.")]);
        assert_eq!(received(&socket), ["READY=1", "STOPPING=1\nSTATUS=Stopping."]);
    }

    #[test]
    fn a_message_arrives_at_an_abstract_name() {
        let name = format!("rollcall-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let socket = UnixDatagram::bind_addr(&address).expect("a name of its own");
        NotifySocket::at(OsStr::new(&format!("@{name}"))).expect("a socket").send(&[NotifyState::Ready]);
        assert_eq!(received(&socket), ["READY=1"]);
    }

    #[test]
    fn a_name_that_is_neither_is_refused() {
        assert!(NotifySocket::at(OsStr::new("vsock:2:1234")).is_err());
        assert!(NotifySocket::at(OsStr::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_manager_that_went_away_or_does_not_read_stops_nobody() {
        let (folder, socket, manager) = pair();
        for _ in 0..10_000 {
            manager.send(&[NotifyState::Watchdog]);
        }
        drop((folder, socket));
        manager.send(&[NotifyState::Watchdog]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_at_half_of_its_time_and_starves_with_its_task() {
        let (_folder, socket, manager) = pair();
        let fed = feed(&manager, Some(Duration::from_secs(20)), || true, || String::from("2 targets,\n1 down"));
        assert!(tokio::time::timeout(Duration::from_secs(25), fed).await.is_err(), "it goes on for ever");
        assert_eq!(received(&socket), ["WATCHDOG=1\nSTATUS=2 targets, 1 down"; 3], "at 0, 10 and 20 s");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(received(&socket).is_empty(), "nothing feeds it behind the runtime's back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_starves_where_the_work_has_stopped_although_the_runtime_lives() {
        let (_folder, socket, manager) = pair();
        let fed = feed(&manager, Some(Duration::from_secs(20)), || false, || String::from("stopped"));
        assert!(tokio::time::timeout(Duration::from_secs(25), fed).await.is_err(), "it goes on for ever");
        assert_eq!(received(&socket), ["STATUS=stopped"; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_status_is_told_without_a_watchdog_too() {
        let (_folder, socket, manager) = pair();
        let fed = feed(&manager, None, || true, || String::from("fine"));
        assert!(tokio::time::timeout(Duration::from_secs(20), fed).await.is_err());
        assert_eq!(received(&socket), ["STATUS=fine"; 2]);
    }
}
