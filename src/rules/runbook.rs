//! The shipped runbooks, as they stand in `deploy/runbooks/`.

/// Name of the alert and text, by name.
static RUNBOOKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runbooks.rs"));

/// The runbook of an alert, in Markdown.
pub fn of(alert: &str) -> Option<&'static str> {
    let at = RUNBOOKS.binary_search_by_key(&alert, |(name, _)| name).ok()?;
    Some(RUNBOOKS[at].1)
}
