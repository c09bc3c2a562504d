//! What a poll costs, but for the network: decoding, rendering beside the `prometheus` crate's collectors.

use std::{hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rollcall::{
    clock::UnixTime,
    config::Target,
    sim::{AzureDevops, Options, Request, Service, World},
    snapshot::Ledger,
    vendor::{Observation, Warnings, measure},
};

const NOW: UnixTime = UnixTime::from_secs(1_768_464_000);

/// Targets with every default, as a configuration of three lines makes them.
fn target(vendor: &str, rest: &str) -> Arc<Target> {
    let text = format!(
        "targets:\n  - name: {vendor}\n    vendor: {vendor}\n    url: http://127.0.0.1:1/x\n    max_agents: 2000000\n    max_response_size: 1GiB\n{rest}"
    );
    let config =
        rollcall::config::Config::parse(&text, "bench.yml", std::path::Path::new("/")).expect("a valid configuration");
    Arc::clone(&config.targets[0])
}

fn azure() -> Arc<Target> {
    target("azure_devops", "    auth: { pat: x }\n")
}

fn citrix() -> Arc<Target> {
    target("citrix_storefront", "    auth: { username: 'A\\b', password: x }\n")
}

/// The agents of the largest pool as the simulated service sends them, and how many there are.
fn azure_agents(last: bool) -> (Bytes, u64) {
    let world = World::new(Options { agents: 200_000, frozen: true, ..Options::default() });
    let service = AzureDevops::new(Arc::new(world));
    let ask = format!(
        "/contoso/_apis/distributedtask/pools/10/agents?includeAssignedRequest=true&includeLastCompletedRequest={last}"
    );
    let pat = rollcall::sim::AzureDevops::PAT;
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!(":{pat}"));
    let request = Request::get(&ask).with_header("authorization", &format!("Basic {basic}"));
    let body = service.answer(request).into_bytes();
    let head = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
    let count = head.split(['{', ':', ',']).find_map(|word| word.parse().ok());
    (body, count.unwrap_or_else(|| panic!("no list of agents: {head}")))
}

/// A chunk of machines as the simulated store sends it.
fn citrix_machines(count: usize) -> Bytes {
    let mut body = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<machinecontrolstatusresult status=\"success\" \
         xmlns=\"http://citrix.com/delivery-services/1-0/machinecontrolstatusresult\">\n<machinestatus>",
    );
    for index in 0..count {
        let id = format!("Controller.S-1-5-21-2118527732-1454119201-3862754-{}", 10_000 + index);
        let (registration, power) = if index % 9 == 0 { ("Unregistered", "Off") } else { ("Registered", "On") };
        body += &format!(
            "<status><machineid>{id}</machineid><resourceid>Controller.Desktop {index}</resourceid>\
             <maxLastUpdatedTime>2026-01-15T07:59:04.1250000Z</maxLastUpdatedTime><machinedata>\
             <lastUpdatedTime>2026-01-15T07:59:50.3750000Z</lastUpdatedTime><machinename>CORP\\VDI-{index:05}</machinename>\
             <machineid>{id}</machineid><registrationstate>{registration}</registrationstate><powerstate>{power}</powerstate>\
             <sessionsupport>SingleSession</sessionsupport><shutdownsupported>true</shutdownsupported>\
             <turnoffsupported>true</turnoffsupported><suspendsupported>true</suspendsupported>\
             <poweractioninprogress>false</poweractioninprogress></machinedata></status>\n"
        );
    }
    body += "</machinestatus>\n</machinecontrolstatusresult>";
    body.into()
}

fn decoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for (name, last) in [("azure_devops", false), ("azure_devops_last_job", true)] {
        let (target, (body, agents)) = (azure(), azure_agents(last));
        group.throughput(Throughput::Elements(agents));
        group.bench_function(name, |b| b.iter_with_large_drop(|| measure::azure_devops(black_box(&body), &target)));
    }
    let (target, body) = (citrix(), citrix_machines(200));
    group.throughput(Throughput::Elements(200));
    group.bench_function("citrix_storefront", |b| {
        b.iter_with_large_drop(|| measure::citrix_storefront(black_box(&body), NOW, &target));
    });
}

fn rendering(c: &mut Criterion) {
    let (target, (body, _)) = (azure(), azure_agents(true));
    let make = || Observation::single(measure::azure_devops(&body, &target));
    let mut ledger = Ledger::new(Arc::clone(&target), false);
    ledger.apply(make(), NOW, &Warnings::default()).expect("few agents");
    let snapshot = ledger.publish(NOW).snapshot;
    let bytes: usize = snapshot.blocks.iter().map(|(_, block)| block.plain().len()).sum();
    eprintln!("{} series, {bytes} bytes", snapshot.series);
    let mut group = c.benchmark_group("render");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    group.throughput(Throughput::Elements(snapshot.series as u64));
    group.bench_function("ledger", |b| {
        b.iter_batched(
            make,
            |observation| ledger.apply(observation, NOW, &Warnings::default()).expect("few agents"),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("ledger_and_blocks", |b| {
        b.iter_batched(
            || (Ledger::new(Arc::clone(&target), false), make()),
            |(mut ledger, observation)| {
                ledger.apply(observation, NOW, &Warnings::default()).expect("few agents");
                ledger.publish(NOW)
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, decoding, rendering);
criterion_main!(benches);
