//! Events of the daemon as a whole, counted with the `prometheus` crate: a bounded set without `target` label.

use std::sync::LazyLock;

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry, proto::MetricFamily};

use super::{alert, notification};
use crate::{
    catalogue::{Family, daemon as family},
    clock::UnixTime,
};

pub(super) struct Metrics {
    pub(super) alerts: alert::Metrics,
    pub(super) notifications: notification::Metrics,
    registry: Registry,
    reload_successful: IntGauge,
    reload_success_time: Gauge,
    http_requests: IntCounterVec,
    panics: IntCounter,
}

pub(super) static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let registry = Registry::new();
    let opts = |family: &Family| Opts::new(family.name, family.help);
    let valid = "the catalogue's names and labels are valid, a test registers them all";
    let build_info = prometheus::IntGaugeVec::new(opts(&family::BUILD_INFO), family::BUILD_INFO.labels).expect(valid);
    build_info
        .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("ROLLCALL_REVISION"), env!("ROLLCALL_RUSTC")])
        .set(1);
    let metrics = Metrics {
        alerts: alert::Metrics::register(&registry).expect(valid),
        notifications: notification::Metrics::register(&registry).expect(valid),
        reload_successful: IntGauge::with_opts(opts(&family::CONFIG_LAST_RELOAD_SUCCESSFUL)).expect(valid),
        reload_success_time: Gauge::with_opts(opts(&family::CONFIG_LAST_RELOAD_SUCCESS)).expect(valid),
        http_requests: IntCounterVec::new(opts(&family::HTTP_REQUESTS), family::HTTP_REQUESTS.labels).expect(valid),
        panics: IntCounter::with_opts(opts(&family::PANICS)).expect(valid),
        registry,
    };
    let registered = [
        metrics.registry.register(Box::new(build_info)),
        metrics.registry.register(Box::new(metrics.reload_successful.clone())),
        metrics.registry.register(Box::new(metrics.reload_success_time.clone())),
        metrics.registry.register(Box::new(metrics.http_requests.clone())),
        metrics.registry.register(Box::new(metrics.panics.clone())),
    ];
    registered.into_iter().for_each(|result| result.expect("each family is registered once"));
    #[cfg(target_os = "linux")]
    metrics
        .registry
        .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
        .expect("no other collector has these names");
    metrics
});

/// Everything that is counted without a target, as of now.
pub fn gather() -> Vec<MetricFamily> {
    let mut families = METRICS.registry.gather();
    // The crate counts whole seconds only, of which `rate()` makes stairs.
    #[cfg(target_os = "linux")]
    if let Some(cpu) = families.iter_mut().find(|family| family.name() == "process_cpu_seconds_total") {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        let mut counter = prometheus::proto::Counter::default();
        counter.set_value(seconds);
        cpu.mut_metric().iter_mut().for_each(|metric| metric.set_counter(counter.clone()));
    }
    families
}

/// The configuration was read, at the start or for a reload.
#[derive(Debug)]
pub struct Reloaded<'a> {
    /// Why it was refused.
    pub error: Option<&'a str>,
    /// When.
    pub now: UnixTime,
}

impl Reloaded<'_> {
    /// Notes the outcome.
    pub fn emit(self) {
        METRICS.reload_successful.set(i64::from(self.error.is_none()));
        match self.error {
            None => {
                METRICS.reload_success_time.set(self.now.as_secs_f64());
                tracing::info!("Configuration loaded.");
            }
            Some(error) => tracing::error!(error, "Configuration refused, the one before stays."),
        }
    }
}

/// A request was answered.
#[derive(Debug)]
pub struct HttpRequest<'a> {
    /// The route's path, `other` for an unknown one.
    pub route: &'a str,
    /// Method; unusual ones are `other`.
    pub method: &'a str,
    /// Status code.
    pub code: u16,
}

impl HttpRequest<'_> {
    /// Counts it.
    pub fn emit(self) {
        let code = self.code.to_string();
        METRICS.http_requests.with_label_values(&[self.route, self.method, &code]).inc();
        tracing::debug!(route = self.route, method = self.method, code, "Request answered.");
    }
}

/// What a panic says, where it is a fixed text; one that was put together could carry anything.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("a panic without a fixed text")
}

/// A task panicked and was caught.
#[derive(Debug)]
pub struct Panicked<'a> {
    /// Which one.
    pub task: &'static str,
    /// The target or Alertmanager that it was working on, where it was one.
    pub subject: Option<&'a str>,
    /// What it said, without anything that could be a secret.
    pub message: &'a str,
}

impl Panicked<'_> {
    /// Counts it.
    pub fn emit(self) {
        METRICS.panics.inc();
        let Panicked { task, subject, message } = self;
        tracing::error!(task, subject, message, "Task panicked and starts again; please report this.");
    }
}
