//! What is told of an alert: the same labels and texts that Prometheus makes of the shipped rules.

use super::{rules::EvalSettings, target_alerts::ActiveAlert};
use crate::{
    alert::queue::{Labels, Notification},
    clock::UnixTime,
    rules::{
        promql::{dashboard_url, runbook_url},
        template,
    },
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
    let dashboard =
        dashboard_url(alert.dashboard, alert.labels.names(), |name| template::query(active.labels.get(name)));
    let all = [
        ("summary", alert.summary.to_owned()),
        ("description", description),
        ("runbook_url", runbook_url(&settings.runbook_url, alert.name)),
        ("dashboard_url", dashboard),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is told of an alert that began to fire at `fired`.
pub fn notification(active: &ActiveAlert, fired: UnixTime, settings: &EvalSettings) -> Notification {
    let (labels, annotations) = (labels(active), annotations(active, settings));
    let generator_url = generator_url(&settings.external_url, &labels);
    Notification { labels, annotations, starts_at: fired, ends_at: None, generator_url }
}

/// The link to the alert itself.
fn generator_url(base: &str, labels: &Labels) -> String {
    if base.is_empty() {
        return String::new();
    }
    let query: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", template::query(value))).collect();
    format!("{base}/api/v1/alerts?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_names_the_alert() {
        let labels = Labels::from([("alertname".to_owned(), "A".to_owned()), ("pool".to_owned(), "a&b".to_owned())]);
        assert_eq!(generator_url("http://r", &labels), "http://r/api/v1/alerts?alertname=A&pool=a%26b");
        assert_eq!(generator_url("", &labels), "");
    }
}
