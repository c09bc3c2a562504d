//! The shipped configuration of Alertmanager.
