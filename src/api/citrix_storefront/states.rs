//! The states of machines, and what they mean together.
//!
//! The vendor's page names the values and defines none of them; the classes are our reading of the names, and
//! make section 4, Health, of `deploy/docs/reference.md`.

use crate::{api::table, health::Health};

use Health::{Degraded, Disabled, Failed, Healthy, Transitional, Unknown};

/// What the broker says of a machine, as it was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Registration {
    Registered,
    Unregistered,
    Initializing,
    AgentError,
    /// Nothing, or something new.
    Unlisted,
}

/// Registration states: wire value, and what it is.
pub const REGISTRATIONS: [(&str, Registration); 4] = [
    ("Registered", Registration::Registered),
    ("Unregistered", Registration::Unregistered),
    ("Initializing", Registration::Initializing),
    ("AgentError", Registration::AgentError),
];
/// The names of [`REGISTRATIONS`].
pub static REGISTRATION_NAMES: [&str; REGISTRATIONS.len()] = table::names(&REGISTRATIONS);

/// Health of a machine in a power state by its registration: Registered, Unregistered, Initializing, AgentError, and
/// one that is unlisted.
type Row = [Health; 5];

/// Runs: who is not registered is lost to users at once; how long one may take to boot is the alerts' business.
const RUNS: Row = [Healthy, Failed, Transitional, Failed, Unknown];
/// Is off on purpose; a registration besides is a contradiction, mostly the server's cache of power states.
const RESTS: Row = [Unknown, Disabled, Unknown, Disabled, Unknown];
/// On its way up or down.
const CHANGES: Row = [Transitional; 5];
/// Has no hypervisor to ask: a PC that is simply off looks like a broken one.
const UNMANAGED: Row = [Healthy, Unknown, Transitional, Failed, Unknown];
/// The hypervisor cannot be asked; sessions are still brokered to machines that are registered.
const NOT_KNOWN: Row = [Degraded, Unknown, Unknown, Failed, Unknown];
/// Cannot be reached.
const UNAVAILABLE: Row = [Degraded, Failed, Failed, Failed, Failed];
/// On-demand machines do not exist while they are off.
const NOT_FOUND: Row = [Degraded, Unknown, Unknown, Failed, Unknown];
/// A state that no table knows, or none.
const UNLISTED: Row = [Unknown, Unknown, Unknown, Failed, Unknown];

/// Power states: wire value, and the health that they mean.
pub const POWERS: [(&str, Row); 12] = [
    ("Unmanaged", UNMANAGED),
    ("Unknown", NOT_KNOWN),
    ("Unavailable", UNAVAILABLE),
    ("Off", RESTS),
    ("On", RUNS),
    ("Suspended", RESTS),
    ("TurningOn", CHANGES),
    ("TurningOff", CHANGES),
    ("Suspending", CHANGES),
    ("Resuming", CHANGES),
    ("NotSupported", UNMANAGED),
    ("VirtualMachineNotFound", NOT_FOUND),
];
/// The names of [`POWERS`].
pub static POWER_NAMES: [&str; POWERS.len()] = table::names(&POWERS);

/// The vendor's spelling of a power state; `None` for one that is not listed. Case does not count: `resuming` was seen.
pub fn power(text: &str) -> Option<&'static str> {
    table::find(&POWERS, text).map(|(name, _)| name)
}

/// The vendor's spelling of a registration state; `None` for one that is not listed.
pub fn registration(text: &str) -> Option<&'static str> {
    table::find(&REGISTRATIONS, text).map(|(name, _)| name)
}

/// The vendor's spelling of a session support; another one as it is.
pub fn sessions(text: &str) -> &str {
    ["SingleSession", "MultiSession"].into_iter().find(|name| name.eq_ignore_ascii_case(text)).unwrap_or(text)
}

/// The health of a machine.
///
/// `power` and `registration` as the vendor wrote them, empty where nothing was said; `acting`: a power action is in
/// progress; `multi`: several users share the machine, so that it is no PC that somebody has switched off.
pub fn health(power: &str, registration: &str, acting: bool, multi: bool) -> Health {
    if acting {
        return Transitional;
    }
    let row = table::find(&POWERS, power).map_or(UNLISTED, |(_, row)| row);
    let state = table::find(&REGISTRATIONS, registration).map_or(Registration::Unlisted, |(_, state)| state);
    if row == UNMANAGED && state == Registration::Unregistered && multi {
        return Failed;
    }
    row[state as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules once more, in the order in which they apply, with the numbers that our notes give them; `*` is any state.
    fn by_the_page(power: &str, registration: &str, acting: bool, session: &str) -> &'static str {
        let power = if POWER_NAMES.contains(&power) { power } else { "unlisted" };
        type Rule = (&'static [&'static str], &'static [&'static str], &'static str);
        let rules: &[Rule] = &[
            // 10, 11
            (&["TurningOn", "Resuming", "TurningOff", "Suspending"], &["*"], "transitional"),
            // 3, 4, 5
            (&["On"], &["Registered"], "healthy"),
            (&["On"], &["Unregistered"], "failed"),
            (&["On"], &["Initializing"], "transitional"),
            // 7, 8, 9
            (&["Off", "Suspended"], &["Unregistered", "AgentError"], "disabled"),
            (&["Off", "Suspended"], &["Registered", "Initializing"], "unknown"),
            // 6: all that are neither off nor suspended
            (&["*"], &["AgentError"], "failed"),
            // 12, 13, 14
            (&["Unmanaged", "NotSupported"], &["Registered"], "healthy"),
            (&["Unmanaged", "NotSupported"], &["Initializing"], "transitional"),
            // 15, 16
            (&["Unknown"], &["Registered"], "degraded"),
            // 17, 18
            (&["Unavailable"], &["Registered"], "degraded"),
            (&["Unavailable"], &["*"], "failed"),
            // 19
            (&["VirtualMachineNotFound"], &["Registered"], "degraded"),
        ];
        if acting {
            return "transitional";
        }
        if matches!(power, "Unmanaged" | "NotSupported") && registration == "Unregistered" {
            return if session == "MultiSession" { "failed" } else { "unknown" };
        }
        let matches = |names: &[&str], name: &str| names.contains(&"*") || names.contains(&name);
        let rule = rules.iter().find(|(powers, states, _)| matches(powers, power) && matches(states, registration));
        rule.map_or("unknown", |(_, _, health)| health)
    }

    #[test]
    fn every_combination_is_as_the_page_says() {
        for power in POWER_NAMES.iter().chain(&["Hibernating", ""]) {
            for registration in REGISTRATION_NAMES.iter().chain(&["Quarantined", ""]) {
                for acting in [false, true] {
                    for session in ["SingleSession", "MultiSession", ""] {
                        let found = health(power, registration, acting, session == "MultiSession");
                        let expected = by_the_page(power, registration, acting, session);
                        assert_eq!(found.as_str(), expected, "{power}, {registration}, {acting}, {session}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_stand_where_their_states_point_and_case_does_not_count() {
        for (index, (_, state)) in REGISTRATIONS.iter().enumerate() {
            assert_eq!(*state as usize, index);
        }
        assert_eq!(power("resuming"), Some("Resuming"));
        assert_eq!(registration("AGENTERROR"), Some("AgentError"));
        assert_eq!((power("Hibernating"), registration("")), (None, None));
        assert_eq!((sessions("multisession"), sessions("NoSession")), ("MultiSession", "NoSession"));
        assert_eq!(health("on", "REGISTERED", false, false), Healthy);
    }
}
