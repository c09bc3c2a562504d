//! The state file: any bytes in its place cost no start, and what is read of them survives a restart.

use std::{cell::RefCell, path::Path, time::Duration};

use super::{answers::NOW, exposed};
use crate::{
    alert::{
        engine::{Engine, Rules},
        state::SavedAlerts,
    },
    api::{logon::Logons, memory::Memory},
    config::{Config, default_yaml},
    daemon::state::StateFile,
    snapshot::Snapshot,
    vendors::Vendor,
};

thread_local! {
    static FILE: RefCell<Option<(tempfile::TempDir, StateFile)>> = const { RefCell::new(None) };
}

/// Reads them, and goes on with what they say: holds, agents, pools, notes, alerts.
pub fn state_file(data: &[u8]) {
    FILE.with_borrow_mut(|file| {
        let (_, file) = file.get_or_insert_with(|| {
            let folder = tempfile::tempdir().expect("there is room for a file");
            let file = StateFile::new(folder.path().join("rollcall.state"));
            (folder, file)
        });
        std::fs::write(file.path(), data).expect("there is room for a file");
        let Ok(mut state) = file.read() else { return };
        file.save(&state).expect("there is room for a file");
        assert_eq!(file.read().expect("it was just written"), state, "what is saved comes back");
        state.limit(NOW);
        let logons = Logons::default();
        logons.restore(state.identities.clone(), NOW);
        assert!(logons.save().len() <= state.identities.len());
        let mut snapshots = Vec::new();
        for saved in state.targets.values().take(10) {
            let memory = Memory::default();
            memory.restore(saved.memory.clone());
            memory.restore_notes(saved.notes.clone());
            assert!(memory.save(NOW).len() <= saved.memory.len());
            let vendor = Vendor::ALL.iter().find(|vendor| vendor.as_str() == saved.vendor);
            let target = exposed::target(vendor.map_or("resilio", |vendor| vendor.as_str()));
            snapshots.push(exposed::comes_back(&target, saved.clone()));
        }
        goes_on(state.alerts, &snapshots);
    });
}

/// The engine goes on with saved alerts, and what it saves then comes back.
fn goes_on(saved: SavedAlerts, snapshots: &[Snapshot]) {
    let alerting = Config::parse(default_yaml(), "default.yml", Path::new(""));
    let alerting = alerting.expect("the annotated configuration is valid").alerting;
    let mut engine = Engine::new(Rules::new(&alerting, ""), saved);
    assert!(engine.alerts().is_empty(), "nothing is told of a target that was not seen");
    for minutes in 0..3 {
        for snapshot in snapshots {
            engine.evaluate(snapshot, NOW.plus(Duration::from_secs(60 * minutes)));
        }
    }
    let saved = engine.save();
    let json = serde_json::to_string(&saved).expect("texts and numbers have a JSON form");
    assert_eq!(serde_json::from_str::<SavedAlerts>(&json).expect("it was just written"), saved);
}
