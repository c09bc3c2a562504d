//! Why a poll, or a part of it, failed.

use std::{borrow::Cow, fmt, time::Duration};

use strum::{EnumCount, IntoStaticStr, VariantArray};

use crate::printable::printable;

/// The label `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)]
pub enum Reason {
    Dns,
    Connect,
    Tls,
    Timeout,
    Auth,
    Forbidden,
    NotFound,
    RateLimited,
    HttpStatus,
    ContentType,
    Decode,
    TooLarge,
    Partial,
    Held,
    Internal,
}

impl Reason {
    /// All reasons, in the order in which they are exposed.
    pub const ALL: [Reason; Reason::COUNT] = *Reason::VARIANTS.first_chunk().expect("there are as many as are counted");

    /// As in the metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Why a poll brought nothing, in one sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Reason::Dns => "Its name cannot be resolved.",
            Reason::Connect => "Nothing answers at its address.",
            Reason::Tls => "No trusted TLS connection can be made.",
            Reason::Timeout => "It did not answer in time.",
            Reason::Auth => "It refuses our credentials.",
            Reason::Forbidden => "Our account lacks a right.",
            Reason::NotFound => "It does not know the path that we ask for.",
            Reason::RateLimited => "It asks us to wait.",
            Reason::HttpStatus => "It answers with an error.",
            Reason::ContentType => "Something else answers: a proxy, or a page for people.",
            Reason::Decode => "Its answer cannot be read.",
            Reason::TooLarge => "Its answer is larger than the configuration allows.",
            Reason::Partial => "A part of the data could not be read.",
            Reason::Held => "Its password was refused, so log-ons wait: more of them would lock the account.",
            Reason::Internal => "Rollcall itself has failed; this is a bug.",
        }
    }

    /// What to do about it, in one sentence.
    pub const fn remedy(self) -> &'static str {
        match self {
            Reason::Dns => "Check the host in its url and the DNS of this machine.",
            Reason::Connect => "Check that the service runs and that no firewall is between.",
            Reason::Tls => "Check its certificate, and http.tls of the target.",
            Reason::Timeout => "Check its load and the network; raise the timeout where it is always slow.",
            Reason::Auth => "Check auth of the target, or cloud: the secret may be wrong, or have expired.",
            Reason::Forbidden => "Give the account the right that the guide of the vendor names.",
            Reason::NotFound => "Check host, port and path in its url, and the version of the product.",
            Reason::RateLimited => "It goes on by itself; lengthen the interval where it happens often.",
            Reason::HttpStatus => "Look at the product's own log and status page.",
            Reason::ContentType => "Check its url: something else than the product answers there.",
            Reason::Decode => "Look at its last answer; report it where the product is supported.",
            Reason::TooLarge => "Raise max_response_size, max_agents or max_series where that is meant.",
            Reason::Partial => "Look at the part that failed.",
            Reason::Held => {
                "Put the right secret in place; the change ends the hold. Unlock the account first where it is locked."
            }
            Reason::Internal => "Look at the log of Rollcall and report it.",
        }
    }
}

/// A failed poll, request or part: a reason for the metrics, a sentence for people. Never a secret, never a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// For the metrics.
    pub reason: Reason,
    /// What failed, in lower case, e.g. `GET /api/Agent: 500 Internal Server Error`; nothing in it commands a terminal.
    pub message: String,
    /// When the vendor wants to be asked again, at the earliest.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a `Retry-After`. What the vendor said in the message is made [`printable`].
    pub fn new(reason: Reason, message: impl Into<String>) -> Failure {
        let message = message.into();
        let message = match printable(&message) {
            Cow::Borrowed(_) => message,
            Cow::Owned(shown) => shown,
        };
        Failure { reason, message, retry_after: None }
    }

    /// Puts what was being done in front of the message.
    pub fn context(mut self, what: &str) -> Failure {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// As in the metrics.
    pub fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// The longest pause that is asked for in one of these. That of a hold is none: its secret may change before.
    pub fn max_retry_after<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> Option<Duration> {
        let failures = failures.into_iter().filter(|failure| failure.reason != Reason::Held);
        failures.filter_map(|failure| failure.retry_after).max()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_sentence_and_a_remedy() {
        for reason in Reason::ALL {
            assert!(reason.why().ends_with('.') && reason.remedy().len() > 20, "{reason:?}");
        }
    }

    #[test]
    fn what_a_vendor_says_forges_no_line() {
        let failure =
            Failure::new(Reason::Auth, "400: invalid\n2026 INFO forged\x1b[31m \u{202e}").context("POST /token");
        assert_eq!(failure.message, r"POST /token: 400: invalid\n2026 INFO forged\u{1b}[31m \u{202e}");
    }

    #[test]
    fn the_longest_pause_counts_and_that_of_a_hold_does_not() {
        let failure =
            |reason, seconds| Failure { retry_after: Some(Duration::from_secs(seconds)), ..Failure::new(reason, "no") };
        let failures = [
            Failure::new(Reason::HttpStatus, "500"),
            failure(Reason::RateLimited, 30),
            failure(Reason::HttpStatus, 90),
            failure(Reason::Held, 6 * 3600),
        ];
        assert_eq!(Failure::max_retry_after(&failures), Some(Duration::from_secs(90)));
        assert_eq!(Failure::max_retry_after(&failures[..1]), None);
    }
}
