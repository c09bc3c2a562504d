//! Everything that logs on with a secret of its own, and what it shows while it is held.

use std::{fs, path::PathBuf};

use rollcall_sim::{AzureDevops, CitrixSite, CitrixStorefront, ParallelsRas, ParallelsRasSession};

use crate::support::{Config, Daemon, Exposition, Folder, Sim, Target};

/// Something that logs on: its target with the secret in a file, and the secret that is right.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub vendor: &'static str,
    pub right: &'static str,
    pub target: fn(&str, &Sim, &str) -> Target,
}

pub const KINDS: [Kind; 7] = [
    Kind {
        name: "ras",
        vendor: "parallels_ras",
        right: ParallelsRas::PASSWORD,
        target: |name, sim, file| Target::ras(name, sim).auth_file(ParallelsRas::USERNAME, file),
    },
    Kind {
        name: "citrix-form",
        vendor: "citrix_storefront",
        right: CitrixStorefront::PASSWORD,
        target: |name, sim, file| {
            Target::citrix(name, sim).citrix_method("explicit_forms", &format!("password_file: {file}"))
        },
    },
    Kind {
        name: "citrix-basic",
        vendor: "citrix_storefront",
        right: CitrixStorefront::PASSWORD,
        target: |name, sim, file| {
            Target::citrix(name, sim).citrix_method("http_basic", &format!("password_file: {file}"))
        },
    },
    Kind {
        name: "site",
        vendor: "citrix_site",
        right: CitrixSite::PASSWORD,
        target: |name, sim, file| Target::of("citrix_site", name, sim).auth_file(CitrixSite::USERNAME, file),
    },
    Kind {
        name: "daas",
        vendor: "citrix_site",
        right: CitrixSite::CLIENT_SECRET,
        target: |name, sim, file| Target::site_in_cloud(name, sim, &format!("client_secret_file: {file}")),
    },
    Kind {
        name: "entra",
        vendor: "azure_devops",
        right: AzureDevops::CLIENT_SECRET,
        target: |name, sim, file| Target::azure(name, sim).entra(sim, &format!("client_secret_file: {file}")),
    },
    Kind {
        name: "session",
        vendor: "parallels_ras_session",
        right: ParallelsRasSession::PASSWORD,
        target: |name, sim, file| Target::session(name, sim).session_password(&format!("password_file: {file}")),
    },
];

/// Every kind with two targets that share the refused secret, each kind with a simulation of its own.
pub struct HoldFixture {
    pub folder: Folder,
    sims: Vec<Sim>,
}

impl HoldFixture {
    pub fn new() -> HoldFixture {
        let fixture = HoldFixture { folder: Folder::new(), sims: KINDS.iter().map(|_| Sim::frozen()).collect() };
        for (kind, sim) in fixture.each() {
            // Of its own: one vendor, user and secret are one identity, whatever the way to log on.
            fixture.folder.write(&secret(kind), &format!("wrong-{}\n", kind.name));
            if kind.vendor == "parallels_ras_session" {
                // A light probe is refused only where the broker says so.
                sim.parallels_ras_session().set_session_code(Some(5_155));
            }
        }
        fixture
    }

    pub fn each(&self) -> impl Iterator<Item = (&'static Kind, &Sim)> {
        KINDS.iter().zip(&self.sims)
    }

    /// `edit` may change each target.
    pub fn configure(&self, edit: impl Fn(Target) -> Target) -> PathBuf {
        let mut config = Config::quick().head("state_file: rollcall.state");
        for (kind, sim) in self.each() {
            for name in names(kind) {
                let target = (kind.target)(&name, sim, &secret(kind));
                // Light probes do not wait for each other: the second one comes when the first has long been answered.
                let target = match name.as_str() {
                    "session-b" => target.set("interval", "3s").set("stale_after", "16s"),
                    _ => target,
                };
                config = config.target(edit(target));
            }
        }
        config.write(&self.folder)
    }

    /// How often each kind's secret was sent.
    pub fn sent(&self) -> Vec<(&'static str, usize)> {
        self.each().map(|(kind, sim)| (kind.name, sim.secrets_seen(kind.vendor))).collect()
    }

    /// The same number for every kind.
    pub fn all_sent(times: usize) -> Vec<(&'static str, usize)> {
        KINDS.iter().map(|kind| (kind.name, times)).collect()
    }

    /// Waits until every target was held at two more due polls.
    #[track_caller]
    pub fn wait_until_held(&self, daemon: &Daemon) -> Exposition {
        let held = |now: &Exposition, name: &str| {
            (now.of(name, "rollcall_login_held") == Some(1.0)).then(|| now.failures(name, "held"))
        };
        let first =
            daemon.wait_for("everything is held", |now| all_names().iter().all(|name| held(now, name).is_some()));
        daemon.wait_for("held polls are counted", |now| {
            all_names().iter().all(|name| held(now, name) >= Some(first.failures(name, "held") + 2.0))
        })
    }
}

pub fn secret(kind: &Kind) -> String {
    format!("secrets/{}", kind.name)
}

pub fn names(kind: &Kind) -> [String; 2] {
    ["a", "b"].map(|which| format!("{}-{which}", kind.name))
}

pub fn all_names() -> Vec<String> {
    KINDS.iter().flat_map(names).collect()
}

/// How many holds are written down.
pub fn saved_holds(folder: &Folder) -> usize {
    let file = fs::read_to_string(folder.file("rollcall.state.logons")).unwrap_or_default();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap_or_default();
    let identities = file["identities"].as_array().into_iter().flatten();
    identities.filter(|identity| !identity["hold"].is_null()).count()
}

/// Whether a target has to wait until it may log on.
pub fn waits(now: &Exposition, name: &str) -> bool {
    now.of(name, "rollcall_login_next_attempt_timestamp_seconds").is_some()
}

/// What a held target shows.
#[track_caller]
pub fn assert_held(now: &Exposition) {
    for name in all_names() {
        assert_eq!(now.failure(&name), "held", "{name}");
        assert_eq!(now.of(&name, "rollcall_target_up"), Some(0.0), "{name}");
        assert_eq!(now.of(&name, "rollcall_login_held"), Some(1.0), "{name}");
        assert!(waits(now, &name), "{name}");
    }
}
