//! What polls cost: decoding, rendering beside the `prometheus` crate's collectors, and whole polls.
//!
//! All of it in CPU time of the thread that does it, so that what else the machine does counts little. The service that is
//! polled answers from another thread, with ready bytes.

use std::{
    collections::HashMap,
    hint::black_box,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use criterion::{
    BatchSize, Criterion, Throughput, criterion_group, criterion_main,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use rollcall::{
    api::{self, Api, Context, Observation, Warnings, measure, memory::Memory},
    clock::UnixTime,
    config::{Config, Target},
    http::Client,
    snapshot::{Ledger, Snapshot},
};
use rollcall_sim::{AzureDevops, Options, Request, Service, World};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// CPU time of the thread.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        CpuTime::now()
    }

    fn end(&self, start: Duration) -> Duration {
        CpuTime::now() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

const NOW: UnixTime = UnixTime::from_secs(1_768_464_000);

/// A target at a port of this machine, with nearly every other default.
fn target(vendor: &str, port: u16, rest: &str) -> Arc<Target> {
    let text = format!(
        "targets:\n  - name: {vendor}\n    vendor: {vendor}\n    url: http://127.0.0.1:{port}/contoso\n    \
         max_agents: 2000000\n    max_response_size: 1GiB\n{rest}"
    );
    let config = Config::parse(&text, "bench.yml", std::path::Path::new("/")).expect("a valid configuration");
    Arc::clone(&config.targets[0])
}

fn azure(port: u16) -> Arc<Target> {
    target("azure_devops", port, "    auth: { pat: x }\n    job_requests: false\n")
}

fn citrix() -> Arc<Target> {
    target("citrix_storefront", 1, "    auth: { username: 'A\\b', password: x }\n")
}

/// The simulated organisation, standing still.
fn organisation(agents: usize) -> (AzureDevops, Arc<World>) {
    let world = Arc::new(World::new(Options { agents, frozen: true, ..Options::default() }));
    (AzureDevops::new(Arc::clone(&world)), world)
}

/// What the simulated service answers below `_apis/distributedtask/`.
fn ask(service: &AzureDevops, what: &str) -> Bytes {
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!(":{}", AzureDevops::PAT));
    let request = Request::get(&format!("/contoso/_apis/distributedtask/{what}"));
    service.answer(request.with_header("authorization", &format!("Basic {basic}"))).into_bytes()
}

/// The agents of a large pool, and how many there are.
fn azure_agents(last: bool) -> (Bytes, u64) {
    let query = format!("includeAssignedRequest=true&includeLastCompletedRequest={last}");
    let body = ask(&organisation(200_000).0, &format!("pools/10/agents?{query}"));
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

fn decoding(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("decode");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for (name, last) in [("azure_devops", false), ("azure_devops_last_job", true)] {
        let (target, (body, agents)) = (azure(1), azure_agents(last));
        group.throughput(Throughput::Elements(agents));
        group.bench_function(name, |b| b.iter_with_large_drop(|| measure::azure_devops(black_box(&body), &target)));
    }
    let (target, body) = (citrix(), citrix_machines(200));
    group.throughput(Throughput::Elements(200));
    group.bench_function("citrix_storefront", |b| {
        b.iter_with_large_drop(|| measure::citrix_storefront(black_box(&body), NOW, &target));
    });
}

fn rendering(c: &mut Criterion<CpuTime>) {
    let (target, (body, _)) = (azure(1), azure_agents(true));
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
    let registry = registry(&snapshot);
    group.bench_function("prometheus_crate", |b| {
        b.iter_with_large_drop(|| {
            let mut text = Vec::new();
            TextEncoder::new().encode(&registry.gather(), &mut text).expect("memory takes everything");
            assert!(text.len() >= bytes);
            text
        });
    });
}

/// The same series as collectors of the `prometheus` crate.
fn registry(snapshot: &Snapshot) -> Registry {
    let registry = Registry::new();
    for (_, block) in &snapshot.blocks {
        let text = std::str::from_utf8(block.plain()).expect("text");
        let mut gauge: Option<GaugeVec> = None;
        for line in text.lines() {
            let (name, rest) = line.split_once('{').expect("every series of a target has labels");
            let (labels, value) = rest.rsplit_once("} ").expect("labels end before the value");
            // The values of the simulation have neither quotes nor commas behind quotes.
            let pairs = labels.trim_end_matches('"').split("\",").filter_map(|pair| pair.split_once("=\""));
            let labels: HashMap<&str, &str> = pairs.collect();
            if gauge.is_none() {
                let names: Vec<&str> = labels.keys().copied().collect();
                let made = GaugeVec::new(Opts::new(name, "help"), &names).expect("a valid family");
                // A histogram's series have names of their own; there are few of them.
                gauge = registry.register(Box::new(made.clone())).is_ok().then_some(made);
            }
            if let Some(series) = gauge.as_ref().and_then(|gauge| gauge.get_metric_with(&labels).ok()) {
                series.set(value.parse().expect("a number"));
            }
        }
    }
    registry
}

/// Answers every request with ready bytes: those of the list of pools, or of the agents of a pool. What is answered
/// alternates between two moments where `turn` is moved.
fn serve(moments: [HashMap<String, Bytes>; 2], turn: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    let moments = Arc::new(moments);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (moments, turn) = (Arc::clone(&moments), Arc::clone(&turn));
            std::thread::spawn(move || _ = answer(&stream, &moments, &turn));
        }
    });
    port
}

fn answer(stream: &TcpStream, moments: &[HashMap<String, Bytes>; 2], turn: &AtomicUsize) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(first) = lines.next().transpose()? {
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let path = first.split([' ', '?']).nth(1).unwrap_or_default();
        let body = moments[turn.load(Ordering::Relaxed) % 2].get(path).cloned().unwrap_or_default();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body)?;
    }
    Ok(())
}

/// Everything that the service answers at this moment, by path, and how many agents these are.
fn moment(service: &AzureDevops) -> HashMap<String, Bytes> {
    let base = "/contoso/_apis/distributedtask/pools";
    let pools = ask(service, "pools");
    let list: serde_json::Value = serde_json::from_slice(&pools).expect("JSON");
    let ids = list["value"].as_array().expect("a list").iter().filter_map(|pool| pool["id"].as_i64());
    let query = "includeAssignedRequest=true&includeLastCompletedRequest=true";
    let agents = ids.map(|id| (format!("{base}/{id}/agents"), ask(service, &format!("pools/{id}/agents?{query}"))));
    agents.chain([(base.to_owned(), pools.clone())]).collect()
}

/// A poll as the daemon makes it: requests, decoding, health, rendering, deflating.
fn poll(runtime: &tokio::runtime::Runtime, api: &mut dyn Api, ledger: &mut Ledger) -> Snapshot {
    let (memory, warnings, known) = (Memory::default(), Warnings::default(), ledger.fingerprints());
    let deadline = Instant::now() + Duration::from_secs(60);
    let cx = Context { now: NOW, deadline, memory: &memory, warnings: &warnings, known: &known };
    let observation = runtime.block_on(api.poll(&cx)).expect("the service answers");
    ledger.apply(observation, NOW, &warnings).expect("few agents");
    ledger.publish(NOW).snapshot
}

fn polling(c: &mut Criterion<CpuTime>) {
    rollcall::http::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let (service, world) = organisation(125_000);
    let before = moment(&service);
    world.advance(Duration::from_secs(60));
    let turn = Arc::new(AtomicUsize::new(0));
    let target = azure(serve([before, moment(&service)], Arc::clone(&turn)));
    let client = Client::new(&target).expect("a client");
    let mut api = api::open(Arc::clone(&target), client, Arc::default());
    let mut ledger = Ledger::new(Arc::clone(&target), false);
    let snapshot = poll(&runtime, &mut *api, &mut ledger);
    eprintln!("{} agents, {} series", snapshot.agents.len(), snapshot.series);
    let mut group = c.benchmark_group("poll");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    group.throughput(Throughput::Elements(snapshot.agents.len() as u64));
    group.bench_function("unchanged", |b| b.iter(|| poll(&runtime, &mut *api, &mut ledger)));
    group.bench_function("changed", |b| {
        b.iter(|| {
            turn.fetch_add(1, Ordering::Relaxed);
            poll(&runtime, &mut *api, &mut ledger)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = decoding, rendering, polling
}
criterion_main!(benches);
