//! What is told of an alert: the same labels and texts that Prometheus makes of the shipped rules.

use super::{rules::EvalSettings, target_alerts::ActiveAlert};
use crate::{
    alert::queue::{Fingerprint, Labels, Notification},
    clock::UnixTime,
    rules::{links::escaped, template},
};

/// All labels of an alert.
pub fn labels(active: &ActiveAlert) -> Labels {
    let own = [("alertname", active.alert.name), ("severity", active.alert.severity.as_str())];
    let all = own.into_iter().chain(active.labels.iter());
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Its annotations.
pub fn annotations(active: &ActiveAlert, settings: &EvalSettings) -> Labels {
    let alert = active.alert;
    let description =
        template::render(alert.description, |name| active.labels.get(name), active.value.unwrap_or(f64::NAN));
    let dashboard = settings.links.dashboard(alert, |name| escaped(active.labels.get(name)));
    let all = [
        ("summary", alert.summary.to_owned()),
        ("description", description),
        ("runbook_url", settings.links.runbook(alert.name)),
        ("dashboard_url", dashboard),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is told of an alert that began to fire at `fired`.
pub fn notification(active: &ActiveAlert, fired: UnixTime, settings: &EvalSettings) -> Notification {
    let (labels, annotations) = (labels(active), annotations(active, settings));
    let generator_url = settings.links.alert(Fingerprint::of(&labels));
    Notification { labels, annotations, starts_at: fired, ends_at: None, generator_url }
}
