//! The account that logs on: its password, and the lock-out.

use super::CitrixStorefront;

/// How a log-on with the right password ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogOn {
    /// With a token.
    #[default]
    Usual,
    /// With the form for an expired password: `update-credentials`.
    PasswordExpired,
    /// With the result `fail`.
    Fail,
    /// With a page that only has a button, and then with a token.
    Notice,
    /// With a page that asks whether the terms are accepted, by a box to tick.
    Terms,
    /// With the status `error-service-unavailable`.
    Unavailable,
}

/// Wrong passwords in a row that lock the account.
const LOCKED_AFTER: u32 = 5;

/// The account.
#[derive(Debug)]
pub(super) struct Account {
    /// The password that is accepted.
    pub(super) password: String,
    /// What happens to a log-on with it.
    pub(super) log_on: LogOn,
    /// Submissions of a password, right or wrong.
    pub(super) submissions: u64,
    /// Wrong ones since the last right one.
    pub(super) refusals: u32,
}

impl Default for Account {
    fn default() -> Account {
        Account { password: CitrixStorefront::PASSWORD.to_owned(), log_on: LogOn::Usual, submissions: 0, refusals: 0 }
    }
}

impl Account {
    /// Counts, and locks the account after too many; a locked one refuses the right password too.
    pub(super) fn accepts(&mut self, user: &str, password: &str) -> bool {
        self.submissions += 1;
        let locked = self.refusals >= LOCKED_AFTER;
        let known = user.eq_ignore_ascii_case(CitrixStorefront::USERNAME)
            || user.eq_ignore_ascii_case(CitrixStorefront::USER_PRINCIPAL_NAME);
        let fits = known && password == self.password && !locked;
        self.refusals = if fits { 0 } else { self.refusals.saturating_add(1) };
        fits
    }

    /// Whether too many wrong passwords came.
    pub(super) fn locked(&self) -> bool {
        self.refusals >= LOCKED_AFTER
    }
}
