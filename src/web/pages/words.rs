//! Reasons, classes and states in the words of whoever has to act.

use crate::health::Health;

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
}
