//! Alerts in the state file.
