use super::*;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rollcall-state-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

#[test]
fn what_is_saved_comes_back() {
    let folder = folder("back");
    let file = StateFile::new(folder.join("rollcall.state"));
    assert_eq!(file.load().expect("no file is an empty state"), State::default());
    let targets =
        BTreeMap::from([("t".to_owned(), SavedTarget { vendor: "resilio".to_owned(), ..Default::default() })]);
    let state =
        State::new(UnixTime::from_secs(5), SavedFleet { targets, ..SavedFleet::default() }, SavedAlerts::default());
    file.save(&state).expect("it can be written");
    assert_eq!(file.load().expect("it can be read"), state);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(file.path()).expect("it is there"));
        assert_eq!(mode & 0o777, 0o600);
    }
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn one_process_at_a_time_may_write() {
    let folder = folder("lock");
    let file = StateFile::new(folder.join("rollcall.state"));
    let lock = file.lock().expect("nobody else has it");
    let other = StateFile::new(file.path()).lock().expect_err("it is taken");
    assert!(matches!(other, StateError::InUse { .. }), "{other}");
    drop(lock);
    file.lock().expect("it is free again");
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn a_file_from_before_there_were_alerts_is_taken_up() {
    let folder = folder("earlier");
    let file = StateFile::new(folder.join("rollcall.state"));
    let text = r#"{"version":1,"saved_at":5000,"identities":[],"targets":{}}"#;
    fs::write(file.path(), text).expect("it can be written");
    assert_eq!(file.load().expect("it is whole").saved_at, UnixTime(5000));
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn a_damaged_file_is_set_aside_and_said() {
    let folder = folder("damaged");
    let file = StateFile::new(folder.join("rollcall.state"));
    for damage in ["{\"version\":1,", "{\"version\":0,\"saved_at\":0,\"identities\":[],\"targets\":{}}", "\0\0\0"] {
        fs::write(file.path(), damage).expect("it can be written");
        let error = file.read().expect_err("it is damaged");
        assert!(matches!(error, StateError::Damaged { .. }), "{error}");
        assert!(file.path().exists(), "a look moves nothing");
        let error = file.load().expect_err("it is damaged");
        assert!(matches!(error, StateError::SetAside { .. }), "{error}");
        assert!(!file.path().exists());
        assert_eq!(fs::read_to_string(folder.join("rollcall.state.damaged")).expect("it is kept"), damage);
        assert_eq!(file.load().expect("the next start is clean"), State::default());
    }
    fs::remove_dir_all(folder).expect("it is ours");
}

/// A state with something of everything.
fn full() -> Value {
    serde_json::json!({
        "version": VERSION,
        "saved_at": 5000,
        "identities": [
            {
                "vendor": "parallels_ras", "username": "mon\u{ef}tor", "secret_bcrypt": "$2b$06$x", "last_accepted": 4000,
                "hold": {
                    "since": 4500, "refusals": 1, "retry_at": 9000, "worked": true, "message": "401 \"no\"",
                    "targets": {"farm": "https://ras.example.com/ monitor"},
                },
            },
            {"vendor": "azure_devops", "username": "app", "secret_bcrypt": "$2b$06$y", "last_accepted": 4000, "hold": null},
        ],
        "targets": {
            "farm": {"vendor": "parallels_ras", "agents": [], "pools": [], "last_success": 4900, "memory": []},
        },
        "alerts": {"targets": {"farm": {"vendor": "parallels_ras", "alerts": [
            {
                "alert": "RollcallTargetDown", "severity": "critical", "labels": {"target": "farm"}, "since": 4000,
                "fired": 4100, "clearing": null, "value": 0.0,
            },
        ]}}},
    })
}

/// Whatever a disk has left of it: the daemon starts, and what was left is kept for whoever can read more of it.
#[test]
fn a_file_that_was_cut_anywhere_costs_no_start_and_is_kept() {
    let folder = folder("cut");
    let file = StateFile::new(folder.join("rollcall.state"));
    let whole = serde_json::to_string_pretty(&full()).expect("it is JSON").into_bytes();
    fs::write(file.path(), &whole).expect("it can be written");
    assert_eq!(file.load().expect("it is whole").identities.len(), 2);
    for length in 0..whole.len() {
        fs::write(file.path(), &whole[..length]).expect("it can be written");
        assert!(matches!(file.read(), Err(StateError::Damaged { .. })), "{length}: a look leaves it");
        let error = file.load().expect_err("it was cut");
        assert!(matches!(error, StateError::SetAside { .. }), "{length}: {error}");
        assert_eq!(fs::read(folder.join("rollcall.state.damaged")).expect("it is kept"), &whole[..length]);
        assert_eq!(file.load().expect("the next start is clean"), State::default());
    }
    fs::remove_dir_all(folder).expect("it is ours");
}

proptest::proptest! {
    /// A disk may bring back anything; nothing of it ends the daemon.
    #[test]
    fn no_bytes_make_it_panic(at in 0..800_usize, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..8)) {
        let mut whole = full().to_string().into_bytes();
        let at = at.min(whole.len());
        let end = (at + bytes.len()).min(whole.len());
        whole.splice(at..end, bytes);
        let _ = parse(&whole);
    }
}

#[test]
fn of_a_newer_version_what_is_understood_is_taken_up_and_a_copy_stays() {
    let folder = folder("newer");
    let file = StateFile::new(folder.join("rollcall.state"));
    let mut newer = full();
    newer["version"] = 7.into();
    newer["what"] = "nobody knows yet".into();
    newer["identities"][1]["secret_bcrypt"] = 7.into();
    newer["targets"]["other"] = "of another kind".into();
    newer["alerts"]["targets"]["other"] = 7.into();
    let text = newer.to_string();
    fs::write(file.path(), &text).expect("it can be written");
    let state = file.load().expect("it is understood");
    let identities = serde_json::to_value(&state.identities).expect("it has a JSON form");
    assert!(state.identities.len() == 1 && !identities[0]["hold"].is_null(), "the hold is kept");
    assert_eq!(state.saved_at, UnixTime(5000));
    assert!(state.targets.keys().eq(["farm"]) && state.alerts.targets.keys().eq(["farm"]));
    let written = State::new(UnixTime(6000), SavedFleet::default(), SavedAlerts::default());
    file.save(&written).expect("it can be written");
    assert_eq!(file.load().expect("of this version"), written);
    assert_eq!(fs::read_to_string(folder.join("rollcall.state.version-7")).expect("the copy"), text);

    // Where no copy can be made, it is not written over.
    fs::write(file.path(), &text).expect("it can be written");
    fs::remove_file(folder.join("rollcall.state.version-7")).expect("it is ours");
    fs::create_dir(folder.join("rollcall.state.version-7")).expect("it is ours");
    assert!(matches!(file.load(), Err(StateError::Io { what: "copy", .. })));
    fs::remove_dir_all(folder).expect("it is ours");
}

/// Root looks with `probe` into a folder that is not its own: what its owner plants there is left alone.
#[cfg(unix)]
#[test]
fn planted_links_are_neither_followed_nor_handed_over() {
    use std::os::unix::fs::symlink;
    let folder = folder("planted");
    let file = StateFile::new(folder.join("rollcall.state"));
    let (precious, new) = (folder.join("precious"), folder.join("new"));
    fs::write(&precious, "precious").expect("it can be written");
    symlink(&precious, folder.join("rollcall.state.tmp")).expect("Unix has links");
    file.save(&State::default()).expect("that name is not used");
    drop(file.lock().expect("nobody else has it"));
    fs::remove_file(folder.join("rollcall.state.lock")).expect("it is ours");
    symlink(&new, folder.join("rollcall.state.lock")).expect("Unix has links");
    let error = file.lock().expect_err("a link is no lock");
    assert!(error.to_string().ends_with("it is a symbolic link, not a regular file"), "{error}");
    assert!(!new.exists());
    fs::remove_file(folder.join("rollcall.state.lock")).expect("it is ours");
    fs::remove_file(file.path()).expect("it is ours");
    symlink(&precious, file.path()).expect("Unix has links");
    assert!(matches!(file.read(), Err(StateError::Io { what: "read", .. })));
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
    fs::remove_dir_all(folder).expect("it is ours");
}
