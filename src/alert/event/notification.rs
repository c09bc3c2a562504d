//! Events on the way to the Alertmanagers. `alertmanager` is the label: the peer's URL without credentials.

use std::{sync::LazyLock, time::Duration};

use prometheus::{GaugeVec, HistogramVec, IntCounterVec, IntGaugeVec};

use crate::{catalogue::daemon as family, clock::UnixTime, event, failure::Failure, http::stats::BUCKETS};

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    sent: event::counter_vec(&family::NOTIFICATIONS_SENT),
    failed: event::counter_vec(&family::NOTIFICATIONS_FAILED),
    dropped: event::counter_vec(&family::NOTIFICATIONS_DROPPED),
    queue: event::int_gauge_vec(&family::NOTIFICATIONS_QUEUE),
    last_success: event::gauge_vec(&family::NOTIFICATIONS_LAST_SUCCESS),
    duration: event::histogram_vec(&family::NOTIFICATION_DURATION, &BUCKETS),
});

struct Metrics {
    sent: IntCounterVec,
    failed: IntCounterVec,
    dropped: IntCounterVec,
    queue: IntGaugeVec,
    last_success: GaugeVec,
    duration: HistogramVec,
}

/// An Alertmanager is one from now on.
#[derive(Debug)]
pub struct PeerAdded<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
}

impl PeerAdded<'_> {
    /// Its series begin, at 0.
    pub fn emit(self) {
        let (metrics, label) = (&*METRICS, &[self.alertmanager]);
        metrics.sent.with_label_values(label);
        metrics.failed.with_label_values(label);
        metrics.dropped.with_label_values(label);
        metrics.queue.with_label_values(label);
        metrics.last_success.with_label_values(label);
        metrics.duration.with_label_values(label);
        tracing::debug!(alertmanager = self.alertmanager, "Alerts go to this Alertmanager.");
    }
}

/// An Alertmanager is none any more.
#[derive(Debug)]
pub struct PeerRemoved<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
}

impl PeerRemoved<'_> {
    /// Its series end.
    pub fn emit(self) {
        let (metrics, label) = (&*METRICS, &[self.alertmanager]);
        // An error says that there is none.
        let _ = metrics.sent.remove_label_values(label);
        let _ = metrics.failed.remove_label_values(label);
        let _ = metrics.dropped.remove_label_values(label);
        let _ = metrics.queue.remove_label_values(label);
        let _ = metrics.last_success.remove_label_values(label);
        let _ = metrics.duration.remove_label_values(label);
        tracing::debug!(alertmanager = self.alertmanager, "Alerts do not go to this Alertmanager any more.");
    }
}

/// A request with alerts was accepted.
#[derive(Debug)]
pub struct NotificationsSent<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
    /// How many alerts.
    pub alerts: usize,
    /// How long the request took.
    pub duration: Duration,
    /// When it was accepted.
    pub now: UnixTime,
    /// How many requests in a row had failed before.
    pub failures: u64,
}

impl NotificationsSent<'_> {
    /// The recovery is worth a line.
    pub fn emit(self) {
        let (metrics, alertmanager, alerts) = (&*METRICS, self.alertmanager, self.alerts);
        metrics.sent.with_label_values(&[alertmanager]).inc_by(alerts as u64);
        metrics.last_success.with_label_values(&[alertmanager]).set(self.now.as_secs_f64());
        metrics.duration.with_label_values(&[alertmanager]).observe(self.duration.as_secs_f64());
        if self.failures > 0 {
            tracing::info!(alertmanager, alerts, failures = self.failures, "Alertmanager takes alerts again.");
        } else {
            tracing::debug!(alertmanager, alerts, "Alerts sent.");
        }
    }
}

/// A request with alerts failed, or was refused for what it holds.
#[derive(Debug)]
pub struct NotificationsFailed<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
    /// How many alerts.
    pub alerts: usize,
    /// How long the request took.
    pub duration: Duration,
    /// Why.
    pub failure: &'a Failure,
    /// Whether the answer was about the alerts, which no repetition mends.
    pub refused: bool,
    /// Whether this is known and needs no line.
    pub known: bool,
}

impl NotificationsFailed<'_> {
    /// The first of a row is worth a warning, the rest is for who looks closely.
    pub fn emit(self) {
        let (metrics, alertmanager, alerts) = (&*METRICS, self.alertmanager, self.alerts);
        metrics.failed.with_label_values(&[alertmanager]).inc_by(alerts as u64);
        metrics.duration.with_label_values(&[alertmanager]).observe(self.duration.as_secs_f64());
        let (error, reason) = (self.failure, self.failure.reason());
        match (self.refused, self.known) {
            (true, false) => tracing::warn!(alertmanager, alerts, reason, %error, "Alertmanager refused alerts."),
            (true, true) => tracing::debug!(alertmanager, alerts, reason, %error, "Alertmanager refused alerts again."),
            (false, false) => tracing::warn!(alertmanager, alerts, reason, %error, "Alerts could not be sent."),
            (false, true) => tracing::debug!(alertmanager, alerts, reason, %error, "Alerts could not be sent again."),
        }
    }
}

/// States of alerts were given up without the Alertmanager having been told.
#[derive(Debug)]
pub struct NotificationsDropped<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
    /// How many.
    pub alerts: u64,
    /// Why.
    pub why: &'static str,
}

impl NotificationsDropped<'_> {
    /// Each is worth a warning.
    pub fn emit(self) {
        METRICS.dropped.with_label_values(&[self.alertmanager]).inc_by(self.alerts);
        tracing::warn!(alertmanager = self.alertmanager, alerts = self.alerts, why = self.why, "Alerts dropped.");
    }
}

/// The length of a queue changed.
#[derive(Debug)]
pub struct NotificationsWaiting<'a> {
    /// The Alertmanager.
    pub alertmanager: &'a str,
    /// How many alerts it is still to be told.
    pub alerts: usize,
}

impl NotificationsWaiting<'_> {
    /// Notes the length.
    pub fn emit(self) {
        METRICS.queue.with_label_values(&[self.alertmanager]).set(self.alerts as i64);
    }
}
