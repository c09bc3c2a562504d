//! The registry of what is counted without a target, and the one event that every room emits: a panic.
//!
//! An event that is worth a log line is a type; emitting it writes the line and moves the counter, so the two cannot
//! disagree. Events live beside those who emit them; their metrics are made here, each in a `LazyLock`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector, proto::MetricFamily,
};

use crate::catalogue::{Family, daemon as family};

/// Why making and registering a metric cannot fail.
const VALID: &str = "the catalogue's names and labels are valid, and each family is made once";

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::new();
    let build_info = IntGaugeVec::new(opts(&family::BUILD_INFO), family::BUILD_INFO.labels).expect(VALID);
    build_info
        .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("ROLLCALL_REVISION"), env!("ROLLCALL_RUSTC")])
        .set(1);
    registry.register(Box::new(build_info)).expect(VALID);
    #[cfg(target_os = "linux")]
    registry
        .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
        .expect("no other collector has these names");
    registry
});

static PANICS: LazyLock<IntCounter> = LazyLock::new(|| int_counter(&family::PANICS));

static STATE_WRITE_FAILURES: LazyLock<IntCounter> = LazyLock::new(|| int_counter(&family::STATE_WRITE_FAILURES));

static LOG_LINES_DROPPED: LazyLock<IntCounter> = LazyLock::new(|| int_counter(&family::LOG_LINES_DROPPED));

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn registered<C: Collector + Clone + 'static>(made: prometheus::Result<C>) -> C {
    let metric = made.expect(VALID);
    REGISTRY.register(Box::new(metric.clone())).expect(VALID);
    metric
}

/// A gauge of the catalogue, registered.
pub fn gauge(family: &Family) -> Gauge {
    registered(Gauge::with_opts(opts(family)))
}

/// A gauge of whole numbers, registered.
pub fn int_gauge(family: &Family) -> IntGauge {
    registered(IntGauge::with_opts(opts(family)))
}

/// A counter of the catalogue, registered.
pub fn int_counter(family: &Family) -> IntCounter {
    registered(IntCounter::with_opts(opts(family)))
}

/// A gauge with the labels of the catalogue, registered.
pub fn gauge_vec(family: &Family) -> GaugeVec {
    registered(GaugeVec::new(opts(family), family.labels))
}

/// A gauge of whole numbers with the labels of the catalogue, registered.
pub fn int_gauge_vec(family: &Family) -> IntGaugeVec {
    registered(IntGaugeVec::new(opts(family), family.labels))
}

/// A counter with the labels of the catalogue, registered.
pub fn counter_vec(family: &Family) -> IntCounterVec {
    registered(IntCounterVec::new(opts(family), family.labels))
}

/// A histogram with the labels of the catalogue and these buckets, registered.
pub fn histogram_vec(family: &Family, buckets: &[f64]) -> HistogramVec {
    let opts = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    registered(HistogramVec::new(opts, family.labels))
}

/// Everything that is counted without a target, as of now.
pub fn gather() -> Vec<MetricFamily> {
    LazyLock::force(&PANICS);
    LazyLock::force(&LOG_LINES_DROPPED);
    let mut families = REGISTRY.gather();
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

/// Counts a line that the log did not take. There is nowhere to say so.
pub fn log_line_dropped() {
    LOG_LINES_DROPPED.inc();
}

/// From now on the counter of failed writes is there: something is to be kept.
pub fn count_state_write_failures() {
    LazyLock::force(&STATE_WRITE_FAILURES);
}

/// Counts a time that the state file, or the file of log-ons beside it, could not be written. Its writer says so in the log.
pub fn state_write_failed() {
    STATE_WRITE_FAILURES.inc();
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
    /// Counts it. Whoever starts a task again must not die of telling so: a panic of the log ends here.
    pub fn emit(self) {
        PANICS.inc();
        let Panicked { task, subject, message } = self;
        let _ = catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(task, subject, message, "Task panicked and starts again; please report this.");
        }));
    }
}

/// Metrics are those of the process: tests whose alerts are counted take turns.
#[cfg(test)]
pub static COUNTING_ALERTS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
