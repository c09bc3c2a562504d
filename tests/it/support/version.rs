//! Which Prometheus and which Alertmanager a test drives: people run both kinds.

use std::path::PathBuf;

/// A version of Prometheus, promtool, Alertmanager and amtool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// What is installed: of Debian's stable suite where `tests/run` has installed it.
    Stable,
    /// What `tests/newer` has unpacked: Prometheus 3 and a current Alertmanager.
    Current,
}

/// Where those of [`Version::Current`] are; `tests/run` sets it.
const NEWER: &str = "ROLLCALL_TEST_NEWER";

impl Version {
    /// Both, but for the newer one where it could not be had. That is said.
    pub fn all() -> Vec<Version> {
        [Version::Stable, Version::Current].into_iter().filter(|version| version.is_here()).collect()
    }

    /// Whether it can be driven here. Where not, that is said, and the test is to do without.
    pub fn is_here(self) -> bool {
        let here = self == Version::Stable || std::env::var_os(NEWER).is_some();
        if !here {
            println!("skipped: {self:?}, as {NEWER} is not set; ./tests/run unpacks it");
        }
        here
    }

    /// Where a program is: `prometheus`.
    pub fn program(self, name: &str) -> PathBuf {
        match self {
            Version::Stable => PathBuf::from(name),
            Version::Current => {
                PathBuf::from(std::env::var_os(NEWER).expect("it was asked for before")).join("usr/bin").join(name)
            }
        }
    }
}
