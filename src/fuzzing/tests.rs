//! Every property under mutated seeds; a fuzzer goes on from the same seeds (`fuzz/run`).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestRunner};

use super::TARGETS;

/// So many inputs of each target, besides the seeds themselves: a minute of a processor for all targets together. With
/// `PROPTEST_CASES` there are as many as that says.
const CASES: u32 = 2500;

/// What decoders stumble over.
const WORDS: &[&str] = &[
    "\0",
    "\u{fffd}",
    "\u{feff}",
    "\u{2028}",
    "\r\n",
    "\n\n",
    "\u{1b}[31m",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    ",",
    ":",
    "null",
    "true",
    "-",
    "-1",
    "0",
    "1e309",
    "-0.0",
    "NaN",
    "18446744073709551616",
    "9007199254740993",
    "9223372036854775807",
    "<",
    ">",
    "</",
    "<a>",
    "/>",
    "&amp;",
    "&#0;",
    "&#x10ffff;",
    "&b;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "<?xml version=\"1.0\" encoding=\"utf-16\"?>",
    "xmlns:",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60.9999999+23:59",
    "http://evil.example.com/",
    "//evil.example.com",
    "@",
    "|",
    "*",
    "&a",
    "<<: ",
    "? ",
    "- ",
    "---\n",
    "#",
    "0x7f",
    "1y",
    "PT1S",
    "=",
    "~",
    "!!str ",
    "%",
    "é",
];

/// A change to an input. Places are parts of whatever length there is.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Word(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize, u8),
    End(Index),
    /// The rest is that of another seed.
    Splice(Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        4 => (at(), prop::sample::select(WORDS)).prop_map(|(at, word)| Edit::Word(at, word)),
        3 => (at(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        2 => (at(), 1..60_usize, 1..40_u8).prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
        1 => at().prop_map(Edit::End),
        2 => (at(), at(), at()).prop_map(|(at, seed, from)| Edit::Splice(at, seed, from)),
    ]
}

fn apply(input: &mut Vec<u8>, edit: &Edit, seeds: &[Vec<u8>]) {
    let place = |at: &Index, input: &Vec<u8>| at.index(input.len() + 1);
    match edit {
        Edit::Set(at, byte) => {
            let at = place(at, input);
            if let Some(old) = input.get_mut(at) {
                *old = *byte;
            }
        }
        Edit::Insert(at, bytes) => {
            let at = place(at, input);
            input.splice(at..at, bytes.iter().copied());
        }
        Edit::Word(at, word) => {
            let at = place(at, input);
            input.splice(at..at, word.bytes());
        }
        Edit::Remove(at, count) => {
            let at = place(at, input);
            input.drain(at..(at + count).min(input.len()));
        }
        Edit::Repeat(at, length, times) => {
            let at = place(at, input);
            let piece = input[at..(at + length).min(input.len())].repeat(usize::from(*times));
            input.splice(at..at, piece);
        }
        Edit::End(at) => {
            let at = place(at, input);
            input.truncate(at);
        }
        Edit::Splice(at, seed, from) => {
            let at = place(at, input);
            input.truncate(at);
            let other = seed.get(seeds);
            input.extend_from_slice(&other[place(from, other)..]);
        }
    }
}

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The seeds of a target: its own, and the fixtures of what it reads.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = files(&root.join("fuzz/seeds").join(target));
    if ["config", "yaml"].contains(&target) {
        paths.extend(files(&root.join("src/config/fixtures")));
    }
    assert!(!paths.is_empty(), "fuzz/seeds/{target} has no seed");
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}

/// Called by the test of each target.
pub fn holds_for_mutated_seeds(target: &str, property: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| property(seed));
    let inputs = (any::<Index>(), vec(edit(), 1..8)).prop_map({
        let seeds = seeds.clone();
        move |(seed, edits)| {
            let mut input = seed.get(&seeds).clone();
            edits.iter().for_each(|edit| apply(&mut input, edit, &seeds));
            input.truncate(1 << 16);
            input
        }
    });
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { CASES };
    let config = ProptestConfig { cases, failure_persistence: None, ..default };
    let outcome = TestRunner::new(config).run(&inputs, |input| {
        property(&input);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{target}: {error}");
    }
}

#[test]
fn every_property_has_a_target_and_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).expect("the folder is there");
        let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        entries.filter_map(|entry| stem(entry.expect("it can be listed").path())).collect::<BTreeSet<_>>()
    };
    assert_eq!(stems("fuzz_targets"), names, "a file for each target");
    assert_eq!(stems("seeds"), names, "a folder of seeds for each target");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    for name in &names {
        let calls = format!("rollcall::fuzzing::{name}(data)");
        let target = fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs"))).expect("it is there");
        assert!(target.contains(&calls), "{name}: {target}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

/// A decoder of a new vendor is not to be forgotten.
#[test]
fn every_vendor_has_a_target() {
    for vendor in crate::vendors::Vendor::ALL {
        let prefix = vendor.metric_prefix();
        assert!(TARGETS.iter().any(|(name, _)| name.starts_with(prefix)), "no target begins with {prefix}");
    }
}
