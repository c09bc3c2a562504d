//! The states of a machine as the vendor lists them, and the class of each combination as in section 4, Health,
//! of `deploy/docs/reference.md`.

/// Every power state of the machine control page.
pub(crate) const POWER: [&str; 12] = [
    "Unmanaged",
    "Unknown",
    "Unavailable",
    "Off",
    "On",
    "Suspended",
    "TurningOn",
    "TurningOff",
    "Suspending",
    "Resuming",
    "NotSupported",
    "VirtualMachineNotFound",
];

/// Every registration state of the same page.
pub(crate) const REGISTRATION: [&str; 4] = ["Registered", "Unregistered", "Initializing", "AgentError"];

/// The label of a state: itself, or `other` where the list does not have it.
pub(crate) fn label(list: &[&'static str], state: &str) -> &'static str {
    list.iter().find(|known| **known == state).copied().unwrap_or("other")
}

/// The class of a combination; the first line that matches.
pub(crate) fn health(power: &str, registration: &str, in_progress: bool, multi: bool) -> &'static str {
    match (power, registration) {
        _ if in_progress => "transitional",
        ("TurningOn" | "Resuming" | "TurningOff" | "Suspending", _) => "transitional",
        ("On", "Registered") => "healthy",
        ("On", "Unregistered") => "failed",
        ("On", "Initializing") => "transitional",
        ("Off" | "Suspended", "Unregistered" | "AgentError") => "disabled",
        ("Off" | "Suspended", _) => "unknown",
        (_, "AgentError") => "failed",
        ("Unmanaged" | "NotSupported", "Registered") => "healthy",
        ("Unmanaged" | "NotSupported", "Unregistered") if multi => "failed",
        ("Unmanaged" | "NotSupported", "Initializing") => "transitional",
        ("Unknown" | "Unavailable" | "VirtualMachineNotFound", "Registered") => "degraded",
        ("Unavailable", "Unregistered" | "Initializing") => "failed",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_without_registration_fails_and_off_is_on_purpose() {
        assert_eq!(health("On", "Unregistered", false, false), "failed");
        assert_eq!(health("On", "Unregistered", true, false), "transitional");
        assert_eq!(health("Off", "Unregistered", false, false), "disabled");
        assert_eq!(health("Unknown", "Registered", false, false), "degraded");
        assert_eq!(health("Unknown", "Unregistered", false, false), "unknown");
        assert_eq!(health("Unmanaged", "Unregistered", false, true), "failed");
        assert_eq!(health("Unmanaged", "Unregistered", false, false), "unknown");
    }
}
