//! What an answer to a scrape costs, small targets beside a large one; and lines beside the `prometheus` crate's collectors.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use rollcall::{
    api::{Observation, Part, Warnings},
    catalogue::azure_devops::{FAMILIES, POOL_JOB_DURATION, POOL_JOB_WAIT, POOL_JOBS},
    clock::UnixTime,
    config::{Config, Target},
    exposition::{Block, Encoding, Format, text},
    histogram::Histogram,
    snapshot::{Ledger, Slot, Snapshot, Store, scrape},
};

/// Families that the series of a target are spread over: those that every target has anyway.
fn target(name: &str) -> Arc<Target> {
    let config = format!("targets:\n  - name: {name}\n    vendor: resilio\n    url: http://127.0.0.1:1\n");
    let config = Config::parse(&config, "bench.yml", std::path::Path::new("/")).expect("a valid configuration");
    Arc::clone(&config.targets[0])
}

/// A snapshot of about this many series, whose values tell `turn`.
fn snapshot(target: &Arc<Target>, series: usize, turn: u64) -> Snapshot {
    let snapshot = Ledger::new(Arc::clone(target), false).publish(UnixTime::from_secs(1_768_464_000)).snapshot;
    let families = snapshot.blocks.len();
    let blocks = snapshot.blocks.iter().map(|(key, _)| {
        let mut lines = Vec::new();
        for n in 0..series.div_ceil(families) {
            let labels =
                format!("vendor=\"resilio\",target=\"{}\",pool=\"client\",agent=\"filer-{n:06}\"", target.name);
            text::line(&mut lines, "rollcall_agent_health_since_timestamp_seconds", labels.as_bytes(), turn as f64);
        }
        (*key, Block::new(lines))
    });
    Snapshot { blocks: blocks.collect(), series, ..snapshot }
}

/// This many targets of this many series each, joined.
fn store(targets: usize, series: usize) -> (Store, Vec<Arc<Slot>>) {
    let slots: Vec<Arc<Slot>> =
        (0..targets).map(|n| Arc::new(Slot::new(snapshot(&target(&format!("t{n}")), series, 1)))).collect();
    let store = Store::default();
    store.replace(slots.clone());
    store.join();
    (store, slots)
}

fn splice(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("splice");
    group.sample_size(20).throughput(Throughput::Elements(1_000_000));
    for (name, targets, series) in [("1_target", 1, 1_000_000), ("10000_targets", 10_000, 100)] {
        let (store, slots) = store(targets, series);
        for (encoding, what) in [(Encoding::Identity, "plain"), (Encoding::Gzip, "gzip")] {
            group.bench_function(format!("{name}/{what}"), |bencher| {
                bencher.iter(|| black_box(scrape(store.select(|_| true).blocks(), &[], Format::Text, encoding)));
            });
        }
        let (small, mut turn) = (target("small"), 1);
        group.bench_function(format!("{name}/update_of_a_small_target"), |bencher| {
            bencher.iter_batched(
                || {
                    turn += 1;
                    snapshot(&small, 100, turn)
                },
                |snapshot| {
                    slots[0].publish(snapshot);
                    store.join();
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A histogram is ready before the scrape like everything else: the first row is to be what the second one is, for as many
/// series. The third is what a poll takes to render the histograms of 500 pools anew.
fn histograms(criterion: &mut Criterion) {
    const POOLS: usize = 500;
    let config = "targets:\n- { name: builds, vendor: azure_devops, url: 'https://127.0.0.1:1', auth: { pat: x } }\n";
    let config = Config::parse(config, "bench.yml", std::path::Path::new("/")).expect("a valid configuration");
    let target = &config.targets[0];
    let now = UnixTime::from_secs(1_768_464_000);
    let observe = |ledger: &mut Ledger, turn: u64, as_histograms: bool| {
        let mut part = Part::new(FAMILIES);
        for index in 0..POOLS {
            let pool = part.described_pool(&format!("pool-{index:03}"));
            if as_histograms {
                let mut histogram = Histogram::new(&BOUNDS);
                (0..turn + index as u64).for_each(|n| histogram.observe((n % 4_000) as f64));
                let histogram = Arc::new(histogram);
                part.set_histogram(&POOL_JOB_WAIT, pool, &[], Arc::clone(&histogram));
                RESULTS.iter().for_each(|result| {
                    part.set_histogram(&POOL_JOB_DURATION, pool, &[result], Arc::clone(&histogram));
                });
            } else {
                // As many series of gauges.
                (0..(1 + RESULTS.len()) * (BOUNDS.len() + 3)).for_each(|n| {
                    part.set(&POOL_JOBS, pool, &[&format!("a state as long as a bound {n}")], (turn + n as u64) as f64);
                });
            }
        }
        ledger.apply(Observation::single(part), now, &Warnings::default()).expect("few agents");
        ledger.publish(now).snapshot
    };
    let mut group = criterion.benchmark_group("histograms");
    group.sample_size(20);
    for (name, as_histograms) in [("scrape_of_histograms", true), ("scrape_of_gauges", false)] {
        let snapshot = observe(&mut Ledger::new(Arc::clone(target), false), 1, as_histograms);
        group.throughput(Throughput::Elements(snapshot.series as u64));
        for (encoding, what) in [(Encoding::Identity, "plain"), (Encoding::Gzip, "gzip")] {
            group.bench_function(format!("{name}/{what}"), |bencher| {
                let blocks = || [&*snapshot.blocks].into_iter();
                bencher.iter(|| black_box(scrape(blocks(), &[], Format::Text, encoding)));
            });
        }
    }
    let (mut ledger, mut turn) = (Ledger::new(Arc::clone(target), false), 0);
    group.bench_function("render_of_500_pools", |bencher| {
        bencher.iter(|| {
            turn += 1;
            black_box(observe(&mut ledger, turn, true).series)
        });
    });
    group.finish();
}

/// As many as those of `azure_devops_pool_job_duration_seconds`.
const BOUNDS: [f64; 12] = [10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14_400.0, 43_200.0];
const RESULTS: [&str; 7] = ["succeeded", "succeededWithIssues", "failed", "canceled", "skipped", "abandoned", "other"];

fn render(criterion: &mut Criterion) {
    const SERIES: usize = 100_000;
    let mut group = criterion.benchmark_group("render");
    group.sample_size(20).throughput(Throughput::Elements(SERIES as u64));
    let names: Vec<String> = (0..SERIES).map(|n| format!("agent-{n:06}")).collect();
    let base = b"vendor=\"azure_devops\",target=\"builds\"";
    group.bench_function("lines", |bencher| {
        let mut lines = Vec::new();
        bencher.iter(|| {
            lines.clear();
            for name in &names {
                // As a target's samples are written: the labels of the target are ready, those of the agent are escaped.
                let mut labels = Vec::with_capacity(128);
                labels.extend_from_slice(base);
                text::label(&mut labels, "pool", "production-web");
                text::label(&mut labels, "agent", name);
                text::line(&mut lines, "azure_devops_agent_online", &labels, 1.0);
            }
            black_box(lines.len())
        });
    });
    group.bench_function("prometheus_crate", |bencher| {
        let opts = Opts::new("azure_devops_agent_online", "Whether the agent was online when it was polled.");
        let gauges = GaugeVec::new(opts, &["vendor", "target", "pool", "agent"]).expect("a valid metric");
        names.iter().for_each(|name| {
            gauges.with_label_values(&["azure_devops", "builds", "production-web", name.as_str()]).set(1.0);
        });
        let registry = Registry::new();
        registry.register(Box::new(gauges)).expect("it is the only one");
        let mut lines = Vec::new();
        bencher.iter(|| {
            lines.clear();
            TextEncoder::new().encode(&registry.gather(), &mut lines).expect("memory can be written to");
            black_box(lines.len())
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = splice, histograms, render
}
criterion_main!(benches);
