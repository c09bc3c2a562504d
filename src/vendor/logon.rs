//! Log-on holds: a refused password is sent once, then its identity is held for all targets that share it.

use std::fmt;

use crate::{
    clock::UnixTime,
    config::{Target, secret::SecretText},
    failure::Failure,
};

/// All identities of the daemon, their holds and their locks.
#[derive(Default)]
pub struct Logons {}

impl fmt::Debug for Logons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logons")
    }
}

/// The right to send one log-on of an identity. While it lives, nobody else logs on with that identity.
#[derive(Debug)]
#[must_use = "tell how the log-on ended"]
pub struct Permit {}

impl Logons {
    /// Asks for the right to log on now as `username` with `secret`; waits while another log-on of this identity is under
    /// way. While the identity is held: a failure of reason `held` that says since when and until when.
    pub async fn acquire(
        &self,
        _target: &Target,
        _username: &str,
        _secret: &SecretText,
        _now: UnixTime,
    ) -> Result<Permit, Failure> {
        todo!("integration")
    }

    /// Whether the identity is held now, for vendors whose session would go on without a log-on.
    pub fn held(&self, _target: &Target, _username: &str, _secret: &SecretText, _now: UnixTime) -> Option<Failure> {
        todo!("integration")
    }
}

impl Permit {
    /// The vendor took the credentials.
    pub fn accepted(self) {}

    /// The vendor refused the credentials: the identity is held from now on. Returns the failure (reason `auth`) to end
    /// the poll with.
    pub fn refused(self, message: &str) -> Failure {
        Failure::new(crate::failure::Reason::Auth, message)
    }

    /// It is not known whether the credentials are good (no answer, a server error): nothing is held.
    pub fn unknown(self) {}
}
