//! One odd item among good ones costs itself at most.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_sim::{Options, Quirk};

use crate::support::{Config, Daemon, Exposition, Folder, Sample, Sim, Target, VENDORS, frozen};

const NASTY: &str = "quote \" backslash \\ line\nfeed";

/// One daemon over a fleet that is well and the same fleet with a quirk in every vendor's answers.
struct Pair {
    quirk: Quirk,
    daemon: Daemon,
    now: Exposition,
    sims: [Sim; 2],
    _folder: Folder,
}

impl Pair {
    fn of(quirk: Quirk, client: usize) -> Pair {
        let (well, odd) =
            (Sim::start(Options { agents: 100, ..frozen() }), Sim::start(Options { agents: 100, ..frozen() }));
        for vendor in VENDORS {
            odd.world().set_quirk(vendor, quirk, true);
        }
        let folder = Folder::new();
        // Polled as seldom as the budget of requests is renewed: the first poll of a farm resolves all names, so that it does
        // not matter how often which of the two was polled.
        let mut config = Config::with_defaults("{ interval: 10s, timeout: 20s, stale_after: 60s }");
        for (kind, sim) in [("well", &well), ("odd", &odd)] {
            config = config.targets(VENDORS.map(|vendor| {
                let name = format!("{vendor}-{kind}");
                match vendor {
                    "parallels_ras" => Target::ras(&name, sim).set("resolve_names", "true").set("interval", "10s"),
                    "resilio" => Target::resilio(&name, sim, client),
                    _ => Target::of(vendor, &name, sim),
                }
                .set("stale_after", "60s")
            }));
        }
        let daemon = Daemon::start(&config.write(&folder));
        let names: Vec<String> =
            ["well", "odd"].iter().flat_map(|kind| VENDORS.map(|vendor| format!("{vendor}-{kind}"))).collect();
        let now = daemon.wait_until_up(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for name in &names {
            assert_eq!(now.failure(name), "", "{name}");
            assert_eq!(now.of(name, "rollcall_target_partial"), Some(0.0), "{name}");
        }
        Pair { quirk, daemon, now, sims: [well, odd], _folder: folder }
    }

    /// Those whose answers can show the quirk.
    fn vendors(&self) -> impl Iterator<Item = &'static str> {
        VENDORS.into_iter().filter(|vendor| self.sims[1].shows(vendor, self.quirk))
    }

    /// Oddities of this kind per poll; the target that is well must have none.
    fn warned(&self, vendor: &str, kind: &str) -> f64 {
        let count = |which: &str| {
            let target = format!("{vendor}-{which}");
            let labels = [("target", &*target), ("kind", kind)];
            let warnings = self.now.get("rollcall_decode_warnings_total", &labels).expect("it exists from the start");
            warnings / self.now.of(&target, "rollcall_polls_total").expect("it was polled")
        };
        assert_eq!(count("well"), 0.0, "{vendor}: {kind} without an oddity");
        count("odd")
    }

    /// The vendor's series of one of the two, by name and labels without `target`.
    fn data(&self, vendor: &str, which: &str) -> BTreeMap<String, f64> {
        let target = format!("{vendor}-{which}");
        // What goes by the daemon's own clock differs between any two targets.
        let by_clock = [
            "rollcall_agent_health_since",
            "rollcall_pool_last_success",
            "_since_timestamp_seconds",
            "_probe_duration_",
        ];
        let data =
            self.now.data(&target).into_iter().filter(|sample| !by_clock.iter().any(|part| sample.name.contains(part)));
        data.map(|sample| {
            let mut labels = sample.labels.clone();
            labels.remove("target");
            (format!("{}{labels:?}", sample.name), sample.value)
        })
        .collect()
    }

    /// The series that only one of the two has, or that differ.
    fn differences(&self, vendor: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let (well, odd) = (self.data(vendor, "well"), self.data(vendor, "odd"));
        assert!(!well.is_empty());
        let only = |here: &BTreeMap<String, f64>, there: &BTreeMap<String, f64>| {
            let differs = |(key, value): &(&String, &f64)| there.get(*key) != Some(*value);
            here.iter().filter(differs).map(|(key, _)| key.clone()).collect()
        };
        (only(&well, &odd), only(&odd, &well))
    }

    /// The agents of the odd fleet: every pool and agent with its class.
    fn agents(&self, vendor: &str, which: &str) -> BTreeMap<(String, String), String> {
        let target = format!("{vendor}-{which}");
        let present = self.now.all("rollcall_agent_health", &[("target", &target)]);
        let present = present.iter().filter(|sample| sample.value == 1.0);
        let key = |sample: &&Sample| (sample.label("pool").to_owned(), sample.label("agent").to_owned());
        present.map(|sample| (key(sample), sample.label("health").to_owned())).collect()
    }

    /// Agents that have another name in the odd fleet: (name there, name where all is well).
    fn renamed(&self, vendor: &str) -> Vec<(String, String)> {
        let (well, odd) = (self.agents(vendor, "well"), self.agents(vendor, "odd"));
        assert_eq!(well.len(), odd.len(), "{vendor}");
        let only = |here: &BTreeMap<(String, String), String>, there: &BTreeMap<(String, String), String>| {
            let names = here.keys().filter(|key| !there.contains_key(*key)).map(|(_, name)| name.clone());
            names.collect::<Vec<_>>()
        };
        only(&odd, &well).into_iter().zip(only(&well, &odd)).collect()
    }
}

#[test]
fn one_bad_item_costs_itself_and_is_counted() {
    let pair = Pair::of(Quirk::BadItem, 1);
    for vendor in pair.vendors() {
        assert_eq!(
            pair.differences(vendor),
            Default::default(),
            "{vendor}: good items are the same as without the bad one"
        );
        assert_eq!(pair.warned(vendor, "bad_item"), 1.0, "{vendor}");
        let target = format!("target={vendor}-odd ");
        let told = pair.daemon.log().lines().filter(|line| line.contains(&target) && line.contains("bad_item")).count();
        assert_eq!(told, 1, "{vendor}: it is told once");
    }
}

#[test]
fn an_unknown_state_is_unknown_health_and_leaves_the_rest_alone() {
    let pair = Pair::of(Quirk::UnknownState, 1);
    let state = |vendor: &str, family: &str, state: &str| {
        let target = format!("{vendor}-odd");
        pair.now
            .all(family, &[("target", &target), ("state", state)])
            .iter()
            .map(|s| s.label("agent").to_owned())
            .collect::<Vec<_>>()
    };
    for vendor in pair.vendors() {
        assert!(pair.warned(vendor, "unknown_state") >= 1.0, "{vendor}");
        let (well, odd) = (pair.agents(vendor, "well"), pair.agents(vendor, "odd"));
        let changed: Vec<_> = odd.iter().filter(|(key, health)| well.get(*key) != Some(health)).collect();
        let [((_, agent), health)] = changed[..] else { panic!("{vendor}: {changed:?}") };
        assert_eq!(health, "unknown", "{vendor}");
        match vendor {
            "parallels_ras" => assert_eq!(state(vendor, "parallels_ras_agent_state", "code_99"), [agent.as_str()]),
            "resilio" => assert_eq!(state(vendor, "resilio_client_state", "other"), [agent.as_str()]),
            "citrix_storefront" => assert_eq!(state(vendor, "citrix_machine_power_state", "other"), [agent.as_str()]),
            "azure_devops" => {
                let target = format!("{vendor}-odd");
                let of_agent = [("target", &*target), ("agent", agent)];
                assert_eq!(pair.now.get("azure_devops_agent_online", &of_agent), None, "its status is not known");
                assert!(pair.now.get("azure_devops_agent_enabled", &of_agent).is_some());
            }
            "parallels_ras_session" => {
                let of_probe = [("target", "parallels_ras_session-odd"), ("verdict", "unknown"), ("code", "9999")];
                assert_eq!(pair.now.get("parallels_ras_session_probe_error", &of_probe), Some(1.0));
            }
            // A vendor without a state metric has nothing more to show.
            _ => {}
        }
        // The rest of the fleet is as it was: what differs is about this agent, or counts its pool.
        let (gone, new) = pair.differences(vendor);
        let quoted = format!("\"agent\": {agent:?}");
        let about_it = |series: &String| series.contains(&quoted) || series.starts_with("rollcall_pool_agents");
        let others: Vec<&String> = gone.union(&new).filter(|series| !about_it(series)).collect();
        assert!(others.is_empty(), "{vendor}: {others:#?}");
    }
}

#[test]
fn of_two_agents_with_one_name_the_second_carries_its_id() {
    let pair = Pair::of(Quirk::DuplicateName, 1);
    for vendor in pair.vendors() {
        assert!(pair.warned(vendor, "duplicate") >= 1.0, "{vendor}");
        let renamed = pair.renamed(vendor);
        let [(odd, _)] = &renamed[..] else { panic!("{vendor}: {renamed:?}") };
        let (name, id) = odd.split_once('#').unwrap_or_else(|| panic!("{vendor}: {odd} has no id"));
        assert!(!id.is_empty());
        let names: Vec<String> = pair.agents(vendor, "odd").into_keys().map(|(_, agent)| agent).collect();
        assert!(names.iter().any(|other| other == name), "{vendor}: {name} is in {names:?}");
    }
}

#[test]
fn quotes_backslashes_and_line_feeds_survive_in_a_label() {
    let pair = Pair::of(Quirk::NastyName, 3);
    for vendor in pair.vendors() {
        let renamed = pair.renamed(vendor);
        let [(odd, _)] = &renamed[..] else { panic!("{vendor}: {renamed:?}") };
        assert_eq!(odd, NASTY, "{vendor}");
    }
}

#[test]
fn a_name_of_10_kb_is_cut_at_a_character_and_counted() {
    let pair = Pair::of(Quirk::LongName, 4);
    for vendor in pair.vendors() {
        assert!(pair.warned(vendor, "truncated_label") >= 1.0, "{vendor}");
        let renamed = pair.renamed(vendor);
        let [(odd, _)] = &renamed[..] else { panic!("{vendor}: {renamed:?}") };
        let two_bytes = odd.starts_with("long-ä");
        assert_eq!(odd.len(), if two_bytes { 255 } else { 256 }, "{vendor}: {odd}");
    }
    let longest = pair.now.samples.iter().flat_map(|sample| sample.labels.values()).map(String::len).max();
    assert_eq!(longest, Some(256));
}
