//! What the daemon tells the service manager: systemd's notify protocol.
//!
//! Datagrams of `NAME=VALUE` lines go to the socket that `$NOTIFY_SOCKET` names, a path or `@` and an abstract name:
//! `READY=1`, `RELOADING=1` with `MONOTONIC_USEC=`, `STOPPING=1`, `WATCHDOG=1` at half of `$WATCHDOG_USEC`, and
//! `STATUS=` for people. Without `$NOTIFY_SOCKET`, and on systems without such sockets, nothing happens. The daemon never
//! waits for the manager, and never fails because of it.

use std::{env, fmt::Write, sync::LazyLock, time::Duration};

/// The manager that started this process.
static MANAGER: LazyLock<Manager> = LazyLock::new(Manager::of_this_process);

/// The daemon is up: the configuration is loaded and its addresses are open. Also said after each reload, whatever came of it.
pub fn ready() {
    MANAGER.tell("READY=1");
}

/// A reload begins; `ready` ends it.
pub fn reloading() {
    MANAGER.tell(&reloading_message());
}

/// The daemon is about to end.
pub fn stopping() {
    MANAGER.tell("STOPPING=1\nSTATUS=Stopping.");
}

/// Tells the manager that this runtime lives, and what `status` says, until it is dropped.
///
/// This is a task of the runtime and nothing else: where its threads hang or its timer stands still, the watchdog starves,
/// and the manager starts the daemon anew.
pub async fn keep_alive(status: impl Fn() -> String) {
    let watchdog = watchdog_interval(|name| env::var(name).ok(), std::process::id());
    feed(&MANAGER, watchdog, status).await;
}

/// How often the status is told where nobody waits for a watchdog.
const STATUS_EVERY: Duration = Duration::from_secs(15);

async fn feed(manager: &Manager, watchdog: Option<Duration>, status: impl Fn() -> String) {
    if !manager.listens() {
        return;
    }
    let mut timer = tokio::time::interval(watchdog.map_or(STATUS_EVERY, |half| half.min(STATUS_EVERY)));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let mut message = String::from(if watchdog.is_some() { "WATCHDOG=1\n" } else { "" });
        // A line break would begin another assignment.
        let _ = write!(message, "STATUS={}", status().replace('\n', " "));
        manager.tell(&message);
    }
}

/// Half of the time after which the manager gives this process up.
fn watchdog_interval(variable: impl Fn(&str) -> Option<String>, pid: u32) -> Option<Duration> {
    // The variables are inherited; they mean only the process that they name.
    if variable("WATCHDOG_PID").is_some_and(|text| text.trim().parse() != Ok(pid)) {
        return None;
    }
    let microseconds: u64 = variable("WATCHDOG_USEC")?.trim().parse().ok()?;
    (microseconds > 1).then(|| Duration::from_micros(microseconds / 2))
}

/// The manager takes a reload for the one that it asked for only where this moment on CLOCK_MONOTONIC is not before its
/// signal.
fn reloading_message() -> String {
    #[cfg(unix)]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        format!("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1_000_000 + now.tv_nsec / 1000)
    }
    #[cfg(not(unix))]
    String::from("RELOADING=1")
}

#[cfg(unix)]
pub use unix::Manager;

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
    };

    /// The service manager's end of a socket, where there is one.
    #[derive(Debug)]
    pub struct Manager(Option<UnixDatagram>);

    impl Manager {
        /// The manager that `$NOTIFY_SOCKET` names.
        pub fn of_this_process() -> Manager {
            let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Manager(None) };
            match Manager::at(&name) {
                Ok(manager) => manager,
                Err(error) => {
                    tracing::warn!(%error, socket = ?name, "The service manager cannot be told anything.");
                    Manager(None)
                }
            }
        }

        /// The manager that listens at this path, or at this abstract name behind an `@`.
        pub(super) fn at(name: &OsStr) -> io::Result<Manager> {
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
            Ok(Manager(Some(socket)))
        }

        /// Whether there is anybody to tell.
        pub fn listens(&self) -> bool {
            self.0.is_some()
        }

        /// Sends one message. What cannot be sent is left out: the next one, or the watchdog, makes up for it.
        pub fn tell(&self, message: &str) {
            if let Some(socket) = &self.0
                && let Err(error) = socket.send(message.as_bytes())
            {
                tracing::debug!(%error, "The service manager was not told.");
            }
        }
    }
}

/// There is no such manager here.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct Manager;

#[cfg(not(unix))]
impl Manager {
    /// Nobody.
    pub fn of_this_process() -> Manager {
        Manager
    }

    /// Never.
    pub fn listens(&self) -> bool {
        false
    }

    /// Nothing.
    pub fn tell(&self, _message: &str) {}
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
    };

    use super::*;

    fn received(socket: &UnixDatagram) -> Vec<String> {
        socket.set_nonblocking(true).expect("sockets can be");
        let mut buffer = [0; 1024];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned()))
            .collect()
    }

    /// A socket that a manager reads, and the manager as the daemon sees it.
    fn pair() -> (tempfile::TempDir, UnixDatagram, Manager) {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a path of its own");
        let manager = Manager::at(path.as_os_str()).expect("a socket");
        (folder, socket, manager)
    }

    #[test]
    fn a_message_arrives_as_one_datagram_at_a_path() {
        let (_folder, socket, manager) = pair();
        manager.tell("READY=1");
        manager.tell("STOPPING=1\nSTATUS=Stopping.");
        assert_eq!(received(&socket), ["READY=1", "STOPPING=1\nSTATUS=Stopping."]);
    }

    #[test]
    fn a_message_arrives_at_an_abstract_name() {
        let name = format!("rollcall-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let socket = UnixDatagram::bind_addr(&address).expect("a name of its own");
        Manager::at(OsStr::new(&format!("@{name}"))).expect("a socket").tell("READY=1");
        assert_eq!(received(&socket), ["READY=1"]);
    }

    #[test]
    fn a_name_that_is_neither_is_refused() {
        assert!(Manager::at(OsStr::new("vsock:2:1234")).is_err());
        assert!(Manager::at(OsStr::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_manager_that_went_away_or_does_not_read_stops_nobody() {
        let (folder, socket, manager) = pair();
        for _ in 0..10_000 {
            manager.tell("WATCHDOG=1");
        }
        drop((folder, socket));
        manager.tell("WATCHDOG=1");
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_fed_at_half_of_its_time_and_starves_with_its_task() {
        let (_folder, socket, manager) = pair();
        let half = watchdog_interval(|name| (name == "WATCHDOG_USEC").then(|| "20000000".to_owned()), 1);
        assert_eq!(half, Some(Duration::from_secs(10)));
        let fed = feed(&manager, half, || String::from("2 targets,\n1 down"));
        assert!(tokio::time::timeout(Duration::from_secs(25), fed).await.is_err(), "it goes on for ever");
        assert_eq!(received(&socket), ["WATCHDOG=1\nSTATUS=2 targets, 1 down"; 3], "at 0, 10 and 20 s");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(received(&socket).is_empty(), "nothing feeds it behind the runtime's back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_status_is_told_without_a_watchdog_too() {
        let (_folder, socket, manager) = pair();
        let fed = feed(&manager, None, || String::from("fine"));
        assert!(tokio::time::timeout(Duration::from_secs(20), fed).await.is_err());
        assert_eq!(received(&socket), ["STATUS=fine"; 2]);
    }

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let variable = |name: &str| match name {
            "WATCHDOG_PID" => Some(String::from("41")),
            "WATCHDOG_USEC" => Some(String::from("1000000")),
            _ => None,
        };
        assert_eq!(watchdog_interval(variable, 42), None);
        assert_eq!(watchdog_interval(variable, 41), Some(Duration::from_millis(500)));
        assert_eq!(watchdog_interval(|_| None, 41), None);
    }

    #[test]
    fn a_reload_is_never_dated_before_the_signal_that_asked_for_it() {
        let monotonic = || {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1000).expect("a moment after boot")
        };
        let before = monotonic();
        let message = reloading_message();
        let now: u64 = message
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|now| now.parse().ok())
            .expect("a number of microseconds");
        assert!(before <= now && now <= monotonic(), "{before} {now}");
    }
}
