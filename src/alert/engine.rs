//! The daemon's own evaluation of the alert rules.
