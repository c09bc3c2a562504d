//! Direct mode.
