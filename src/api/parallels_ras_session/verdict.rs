//! Verdicts on a probe, and what each means for the probed endpoint.

use strum::IntoStaticStr;

use crate::health::Health;

/// What a probe showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// The broker handed out a link to the session.
    Ok,
    /// The endpoint cannot be reached, or not in time.
    Endpoint,
    /// The account of the session is refused; the same password is not sent again until the hold ends.
    Account,
    /// No RD licence.
    License,
    /// The broker itself is at fault.
    Broker,
    /// The application could not be started.
    App,
    /// The priming token or secret is not valid.
    Priming,
    /// The broker does not take our request.
    Request,
    /// The API token is refused.
    Token,
    /// The endpoint's certificate is expired or invalid.
    Certificate,
    /// A smart card or a credential policy is in the way.
    Policy,
    /// The broker gave no answer.
    Unreachable,
    /// Something new, or an answer that cannot be read.
    Unknown,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 13] = [
        Verdict::Ok,
        Verdict::Endpoint,
        Verdict::Account,
        Verdict::License,
        Verdict::Broker,
        Verdict::App,
        Verdict::Priming,
        Verdict::Request,
        Verdict::Token,
        Verdict::Certificate,
        Verdict::Policy,
        Verdict::Unreachable,
        Verdict::Unknown,
    ];

    /// The label `verdict`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The class of the probed endpoint. Where the fault lies in what we sent, nothing is known of it.
    pub const fn health(self) -> Health {
        use Verdict::{
            Account, App, Broker, Certificate, Endpoint, License, Ok, Policy, Priming, Request, Token, Unknown,
            Unreachable,
        };
        match self {
            Ok => Health::Healthy,
            Endpoint | Broker | License | App | Certificate | Unreachable => Health::Failed,
            Priming => Health::Degraded,
            Token | Account | Request | Policy | Unknown => Health::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_the_class_of_the_reference() {
        for (verdict, word, health) in [
            (Verdict::Ok, "ok", Health::Healthy),
            (Verdict::Endpoint, "endpoint", Health::Failed),
            (Verdict::Broker, "broker", Health::Failed),
            (Verdict::License, "license", Health::Failed),
            (Verdict::App, "app", Health::Failed),
            (Verdict::Certificate, "certificate", Health::Failed),
            (Verdict::Unreachable, "unreachable", Health::Failed),
            (Verdict::Priming, "priming", Health::Degraded),
            (Verdict::Token, "token", Health::Unknown),
            (Verdict::Account, "account", Health::Unknown),
            (Verdict::Request, "request", Health::Unknown),
            (Verdict::Policy, "policy", Health::Unknown),
            (Verdict::Unknown, "unknown", Health::Unknown),
        ] {
            assert_eq!((verdict.as_str(), verdict.health()), (word, health));
        }
    }
}
