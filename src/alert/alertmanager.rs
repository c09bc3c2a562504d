//! The client of Alertmanager's API.
