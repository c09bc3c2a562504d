//! Reasons, classes and states in the words of whoever has to act.

use crate::{failure::Reason, health::Health};

/// Why a poll brought nothing, in one sentence.
pub const fn why(reason: Reason) -> &'static str {
    match reason {
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
pub const fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "Check the host in its url and the DNS of this machine.",
        Reason::Connect => "Check that the service runs and that no firewall is between.",
        Reason::Tls => "Check its certificate, and http.tls of the target.",
        Reason::Timeout => "Check its load and the network; raise the timeout where it is always slow.",
        Reason::Auth => "Check auth of the target: the secret may have expired.",
        Reason::Forbidden => "Give the account the right that the guide of the vendor names.",
        Reason::NotFound => "Check the path in its url, and the version of the product.",
        Reason::RateLimited => "It goes on by itself; lengthen the interval where it happens often.",
        Reason::HttpStatus => "Look at the product's own log and status page.",
        Reason::ContentType => "Open its url: what answers there?",
        Reason::Decode => "Look at its last answer below; report it where the product is supported.",
        Reason::TooLarge => "Raise max_response_size, max_agents or max_series where that is meant.",
        Reason::Partial => "Look below for the part that failed.",
        Reason::Held => {
            "Put the right secret in place; the change ends the hold. Unlock the account first where it is locked."
        }
        Reason::Internal => "Look at the log of Rollcall and report it.",
    }
}

/// What a class means.
pub const fn meaning(health: Health) -> &'static str {
    match health {
        Health::Healthy => "It works.",
        Health::Transitional => "It is changing, which ends by itself.",
        Health::Disabled => "It is out of service on purpose.",
        Health::Degraded => "It serves, but somebody should look.",
        Health::Failed => "It does not serve.",
        Health::Unknown => "The vendor does not know, or said something new.",
    }
}

/// A native state in words: `LogonDrain` is `logon drain`; one of several words stays as it is.
pub fn state(state: &str) -> String {
    if state.contains([' ', ',']) {
        return state.to_owned();
    }
    if state.len() > 3 && state.contains('_') && !state.contains(char::is_lowercase) {
        return state.replace('_', " ").to_lowercase();
    }
    let mut out = String::with_capacity(state.len() + 8);
    let mut before = ' ';
    for (index, c) in state.char_indices() {
        let follows = state[index + c.len_utf8()..].chars().next();
        let begins = c.is_uppercase()
            && (before.is_lowercase()
                || before.is_numeric()
                || before.is_uppercase() && follows.is_some_and(char::is_lowercase));
        if begins && before != ' ' {
            out.push(' ');
        }
        match c {
            '_' => out.push(' '),
            c if c.is_uppercase()
                && (follows.is_some_and(char::is_lowercase)
                    || !before.is_uppercase() && !follows.is_some_and(char::is_uppercase)) =>
            {
                out.extend(c.to_lowercase());
            }
            c => out.push(c),
        }
        before = if c == '_' { ' ' } else { c };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_become_words() {
        for (native, words) in [
            ("LogonDrain", "logon drain"),
            ("WAITING_FOR_INCOMING_CONNECTION", "waiting for incoming connection"),
            ("offline, Deallocated", "offline, Deallocated"),
            ("code_99", "code 99"),
            ("OK", "OK"),
            ("NeedsRDSRole", "needs RDS role"),
            ("", ""),
            ("Süd\u{202e}", "süd\u{202e}"),
        ] {
            assert_eq!(state(native), words);
        }
    }

    #[test]
    fn every_reason_has_a_sentence_and_a_remedy() {
        for reason in Reason::ALL {
            assert!(why(reason).ends_with('.') && remedy(reason).len() > 20, "{reason:?}");
        }
    }
}
