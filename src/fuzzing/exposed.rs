//! What is observed is exposed so that another parser reads the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    sync::{Arc, LazyLock},
};

use flate2::read::GzDecoder;

use super::{
    answers::NOW,
    input::Input,
    read_back::{self, Sample},
};
use crate::{
    api::{Agent, Id, Observation, Part, Subject, Warnings},
    catalogue::{self, Family, Kind, Scope},
    config::{Config, Target, default_yaml},
    exposition::{Encoding, Format, text},
    health::Health,
    histogram::Histogram,
    snapshot::{Ledger, SavedTarget, Snapshot, of_target, scrape},
};

/// The target of this vendor in the annotated configuration.
pub fn target(vendor: &str) -> Arc<Target> {
    static TARGETS: LazyLock<Vec<Arc<Target>>> = LazyLock::new(|| {
        let config = Config::parse(default_yaml(), "default.yml", Path::new(""));
        config.expect("the annotated configuration is valid").targets
    });
    let target = TARGETS.iter().find(|target| target.vendor() == vendor);
    Arc::clone(target.expect("the annotated configuration has every vendor"))
}

/// Takes up an observation, and reads back what is exposed of it, with and without full sets of states.
pub fn reads_back(target: &Arc<Target>, observation: Observation) -> Vec<Sample> {
    let mut ledger = Ledger::new(Arc::clone(target), false);
    if ledger.apply(observation, NOW, &Warnings::default()).is_err() {
        return Vec::new();
    }
    let saved = ledger.save();
    let snapshot = ledger.publish(NOW).snapshot;
    let (series, agents) = (snapshot.series, snapshot.agents.len());
    let blocks = snapshot.blocks.clone();
    let plain = of_target(snapshot);
    let whole = |format, encoding| scrape([&*blocks].into_iter(), &[], format, encoding).concat();
    assert!(whole(Format::Text, Encoding::Identity) == plain, "alone it is as among others");
    let mut unpacked = Vec::new();
    let packed = whole(Format::OpenMetrics, Encoding::Gzip);
    GzDecoder::new(&*packed).read_to_end(&mut unpacked).expect("it is one gzip member");
    assert!(whole(Format::OpenMetrics, Encoding::Identity) == unpacked, "packed it is as plain");
    let lines = |body: &[u8]| {
        body.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")).collect::<Vec<_>>().concat()
    };
    assert!(lines(&plain) == lines(&unpacked), "both formats have the same samples");

    let samples = read_back::samples(std::str::from_utf8(&plain).expect("an exposition is UTF-8"));
    assert_eq!(samples.len(), series, "as many series as are counted");
    check(&samples);
    let health = samples.iter().filter(|sample| sample.name == "rollcall_agent_health").count();
    assert_eq!(health, agents * Health::ALL.len(), "each agent has a class");
    comes_back(target, saved);
    samples
}

/// Every series once, with the labels of its family, none longer than it may be.
fn check(samples: &[Sample]) {
    static LABELS: LazyLock<BTreeMap<&'static str, BTreeSet<&'static str>>> =
        LazyLock::new(|| catalogue::all().map(|family| (family.name, family.all_labels().collect())).collect());
    let mut series = BTreeSet::new();
    for sample in samples {
        assert!(series.insert((&sample.name, &sample.labels)), "twice: {sample:?}");
        let suffixes = ["", "_bucket", "_sum", "_count"].into_iter();
        let names = suffixes.filter_map(|suffix| sample.name.strip_suffix(suffix));
        let mut labels = names.filter_map(|name| LABELS.get(name));
        let labels = labels.next().expect("every family is in the catalogue");
        for (label, value) in &sample.labels {
            // An id stands behind the name of an agent that has it in common with another one.
            let longest = text::LONGEST_VALUE + if label == "agent" { 2 * 65 } else { 0 };
            assert!(value.len() <= longest, "{label} has {} bytes", value.len());
            // The labels that the configuration puts on the info.
            let of_target = sample.name == "rollcall_target_info" || label == "le";
            assert!(of_target || labels.contains(&**label), "{} has no {label}", sample.name);
        }
    }
}

/// What is saved of a target is the same behind JSON, and a ledger goes on with it.
pub fn comes_back(target: &Arc<Target>, saved: SavedTarget) -> Snapshot {
    let json = serde_json::to_string(&saved).expect("texts and numbers have a JSON form");
    let read: SavedTarget = serde_json::from_str(&json).expect("it was just written");
    assert_eq!(read, saved);
    let mut ledger = Ledger::new(Arc::clone(target), true);
    ledger.restore(read, NOW);
    let snapshot = ledger.publish(NOW).snapshot;
    let text = of_target(snapshot.clone());
    check(&read_back::samples(std::str::from_utf8(&text).expect("an exposition is UTF-8")));
    snapshot
}

/// Any agents with any samples of a vendor's families: what is read back is what was set.
pub fn any_samples(mut input: Input<'_>) {
    let vendor = input.one_of(crate::vendors::Vendor::ALL).as_str();
    let target = target(vendor);
    let families = catalogue::of(vendor).expect("every vendor has a table");
    let mut part = Part::new(families);
    let mut expected = Vec::new();
    let mut subjects = BTreeSet::new();
    let states: Arc<str> = "state".into();
    while !input.is_empty() && part.agents.len() < 50 {
        let pool = part.pool(&input.text(), input.byte().is_multiple_of(2));
        let id =
            if input.byte().is_multiple_of(2) { Id::from(&*input.text()) } else { Id::Number(input.byte().into()) };
        let health = (!input.byte().is_multiple_of(8)).then(|| input.one_of(&Health::ALL));
        let agent = Agent { pool, name: input.text().into(), id, health, state: Arc::clone(&states) };
        let Some(agent) = part.agent(agent) else { continue };
        for _ in 0..input.byte() % 8 {
            let family = input.one_of(families);
            let (subject, key) = match family.scope {
                Scope::Target | Scope::Daemon => (Subject::Target, String::new()),
                Scope::Pool => (Subject::Pool(pool), text::cut(&part.pools[pool.0 as usize].name).0.to_owned()),
                Scope::Agent => (Subject::Agent(agent), agent.0.to_string()),
            };
            // A vendor sets each series once.
            if !subjects.insert((family.name, key)) {
                continue;
            }
            let labels: Vec<String> = family.labels.iter().map(|_| input.text()).collect();
            let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
            let shown = family.labels.iter().zip(&labels);
            let shown: BTreeSet<String> = shown.map(|(name, value)| format!("{name}={}", text::cut(value).0)).collect();
            if family.kind == Kind::Histogram {
                let mut histogram = Histogram::new(&[1.0, 60.0]);
                (0..input.byte() % 4).for_each(|_| histogram.observe(f64::from(input.byte())));
                let lines = histogram.cumulative().map(|(bound, count)| (format!("_bucket {bound:?}"), count as f64));
                let lines = lines
                    .chain([("_sum".to_owned(), histogram.sum()), ("_count".to_owned(), histogram.count() as f64)]);
                expected
                    .extend(lines.map(|(line, value)| (format!("{}{line}", family.name), shown.clone(), bits(value))));
                part.set_histogram(family, subject, &labels, Arc::new(histogram));
            } else {
                let value = input.number();
                part.set(family, subject, &labels, value);
                expected.push((family.name.to_owned(), shown, bits(value)));
            }
        }
    }
    part.shrink();
    let read = reads_back(&target, Observation::single(part));
    let mut found: Vec<_> = read
        .iter()
        .filter_map(|sample| {
            let is_of = |family: &&&Family| match family.kind {
                Kind::Histogram => ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|suffix| sample.name.strip_suffix(suffix) == Some(family.name)),
                Kind::Gauge | Kind::Counter => family.name == sample.name,
            };
            families.iter().find(is_of).map(|family| (*family, sample))
        })
        .map(|(family, sample)| {
            let labels = family.labels.iter().map(|name| format!("{name}={}", sample.label(name)));
            let bound: f64 = sample.label("le").parse().unwrap_or(f64::INFINITY);
            let name = match sample.name.strip_suffix("_bucket") {
                Some(_) => format!("{} {bound:?}", sample.name),
                None => sample.name.clone(),
            };
            (name, labels.collect::<BTreeSet<_>>(), bits(sample.value))
        })
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "what is read back is what was set");
}

/// Every NaN is one, and there is one zero.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}
