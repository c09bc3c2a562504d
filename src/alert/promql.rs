//! From the catalogue to Prometheus' rules.
