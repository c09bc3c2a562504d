//! A secret file that is not there: the command that makes it, and where systemd has put it instead.

use std::path::{Path, PathBuf};

#[cfg(not(windows))]
use crate::file::read_text;

/// Where systemd hands secrets over, each unit's in a folder of its own.
const CREDENTIALS: &str = "/run/credentials";
/// Where the shipped unit takes them from, and what it calls them.
const SOURCE: &str = "/etc/rollcall/secrets";
const PREFIX: &str = "secret_";

/// What to do.
pub fn remedy(path: &Path) -> String {
    if let Some(name) = credential(path) {
        return match name.strip_prefix(PREFIX) {
            Some(name) => format!(
                "systemd puts it there while the unit runs, from {SOURCE}/{name}, which this makes: {}; to check before the first \
                 start: systemd-run, see deploy/systemd/README.md",
                command(&Path::new(SOURCE).join(name))
            ),
            None => "systemd puts it there while the unit runs, from what its LoadCredential= names".to_owned(),
        };
    }
    format!("write the secret into it: {}; or give another path", command(path))
}

/// The same credential of the unit that this process belongs to, where the path is that of another unit: so `check` runs under
/// `systemd-run` with the configuration of the service.
pub fn of_this_unit(path: &Path) -> Option<PathBuf> {
    let ours = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?);
    Some(ours.join(credential(path)?)).filter(|ours| ours != path)
}

/// The name of a credential, where it is one.
fn credential(path: &Path) -> Option<&str> {
    let mut parts = path.strip_prefix(CREDENTIALS).ok()?.components();
    let (_unit, name) = (parts.next()?, parts.next()?);
    name.as_os_str().to_str()
}

/// The command that makes a file that nobody else reads, and waits for the secret to be typed.
#[cfg(not(windows))]
fn command(path: &Path) -> String {
    let is_ours = path.starts_with(SOURCE);
    let owner =
        if !is_ours && rustix::process::geteuid().is_root() && has_user("rollcall") { " -o rollcall" } else { "" };
    format!("install -D -m 0600{owner} /dev/stdin {}  (type it, then Enter and Ctrl-D)", quoted(path))
}

/// The same in PowerShell or cmd, which cannot make one that nobody else reads: it is closed before it is written.
#[cfg(windows)]
fn command(path: &Path) -> String {
    let path = path.display();
    format!(
        "type nul > \"{path}\" & icacls \"{path}\" /inheritance:r /grant:r \"%USERNAME%:F\" *S-1-5-18:F \"NT SERVICE\\Rollcall:R\" \
         & notepad \"{path}\""
    )
}

/// As a shell reads it back.
#[cfg(not(windows))]
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@:,".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Whether the system has this user. One that is not in the file is one that systemd makes for the time that it runs.
#[cfg(not(windows))]
fn has_user(name: &str) -> bool {
    let users = read_text(Path::new("/etc/passwd"), 16 << 20).unwrap_or_default();
    users.lines().any(|line| line.split(':').next() == Some(name))
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_secret_comes_with_the_command_that_makes_it() {
        let said = remedy(Path::new("/srv/my secrets/o'brien"));
        assert!(said.contains(r"/dev/stdin '/srv/my secrets/o'\''brien'  (type it"), "{said}");
        assert!(said.starts_with("write the secret into it: install -D -m 0600"), "{said}");
        let said = remedy(Path::new("/run/credentials/rollcall.service/secret_ras"));
        assert!(
            said.contains("from /etc/rollcall/secrets/ras, which this makes: install -D -m 0600 /dev/stdin"),
            "{said}"
        );
        assert!(said.contains("systemd-run"), "{said}");
        let said = remedy(Path::new("/run/credentials/rollcall.service/ras"));
        assert!(said.contains("LoadCredential="), "{said}");
    }
}
