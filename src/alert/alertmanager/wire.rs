//! A batch as Alertmanager reads it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::unwritable;
use crate::{
    alert::queue::{Batch, Labels, Notification},
    clock::UnixTime,
    failure::Failure,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a Labels,
    starts_at: String,
    ends_at: String,
    /// Alertmanager checks that it is a URL, so an empty one is left out.
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
}

/// The body of the request.
pub(super) fn encode(batch: &Batch, external: &Labels) -> Result<Vec<u8>, Failure> {
    let alerts: Vec<Alert<'_>> = batch.alerts.iter().map(|(_, alert)| wire(alert, batch, external)).collect();
    serde_json::to_vec(&alerts).map_err(unwritable)
}

fn wire<'a>(alert: &'a Notification, batch: &Batch, external: &'a Labels) -> Alert<'a> {
    // What lies ahead is from before the clock was set back; an end that is still to come would be none.
    let starts_at = alert.starts_at.min(batch.at);
    let ends_at = alert.ends_at.map_or(batch.lapses_at, |ended| ended.min(batch.at));
    // The alert's own labels come last: they win.
    let labels = external.iter().chain(&alert.labels).filter(|(_, value)| !value.is_empty());
    Alert {
        labels: labels.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        annotations: &alert.annotations,
        starts_at: rfc3339(starts_at),
        // An end before the start is refused.
        ends_at: rfc3339(ends_at.max(starts_at)),
        generator_url: &alert.generator_url,
    }
}

/// RFC 3339 in UTC, with milliseconds.
fn rfc3339(time: UnixTime) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    format!("{time:.3}")
}
