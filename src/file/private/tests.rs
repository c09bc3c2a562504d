use std::{os::unix::fs::MetadataExt, os::unix::fs::symlink};

use super::*;
use crate::file::tests::pipe;

const LONGEST: u64 = 1000;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for temporary files")
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    write(path, |file| file.write_all(text.as_bytes()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of ours");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_whole_and_for_nobody_else() {
    let folder = folder();
    let file = folder.path().join("state");
    put(&file, "one").expect("a folder of ours");
    put(&file, "two").expect("a folder of ours");
    assert_eq!(read(&file, LONGEST).expect("it was written"), b"two");
    assert_eq!(fs::metadata(&file).expect("it is there").mode() & 0o7777, 0o600);
    let failed = write(&file, |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("the disk is full"))
    });
    assert_eq!(failed.expect_err("it was told").to_string(), "the disk is full");
    assert_eq!(read(&file, LONGEST).expect("the old one"), b"two");
    assert_eq!(names(folder.path()), ["state"]);
}

/// Whoever owns the folder may know the name of the file, and links it and its lock to what they want to have.
#[test]
fn a_planted_link_is_neither_read_nor_written_nor_locked() {
    let (folder, elsewhere) = (folder(), folder());
    let (precious, new) = (elsewhere.path().join("shadow"), elsewhere.path().join("new"));
    fs::write(&precious, "precious").expect("a folder of ours");
    let before = fs::metadata(&precious).expect("it is there");
    for to in [&precious, &new] {
        for name in ["state", "state.tmp", "state.lock"] {
            let link = folder.path().join(name);
            let _ = fs::remove_file(&link);
            symlink(to, &link).expect("Unix has links");
        }
        let (state, lock_file) = (folder.path().join("state"), folder.path().join("state.lock"));
        let refused = "it is a symbolic link, not a regular file";
        assert_eq!(read(&state, LONGEST).expect_err("a link").to_string(), refused);
        match lock(&lock_file) {
            Err(LockError::Io(error)) => assert_eq!(error.to_string(), refused),
            other => panic!("{other:?}"),
        }
        put(&state, "ours").expect("it takes the link's place");
        assert!(fs::symlink_metadata(&state).expect("it is there").is_file());
        remove_leftovers(&state);
    }
    let after = fs::metadata(&precious).expect("it is there");
    assert_eq!(fs::read(&precious).expect("it is there"), b"precious");
    assert_eq!((before.uid(), before.mode(), before.mtime_nsec()), (after.uid(), after.mode(), after.mtime_nsec()));
    assert!(!new.exists());
}

/// Only root can give files away; others have nothing to test here.
#[test]
fn root_gives_the_owner_of_the_folder_what_it_has_just_made_and_nothing_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = folder();
    let (state, lock_file) = (folder.path().join("state"), folder.path().join("state.lock"));
    let owner = |path: &Path| fs::symlink_metadata(path).map(|meta| (meta.uid(), meta.gid())).expect("it is there");
    std::os::unix::fs::chown(folder.path(), Some(4711), Some(4712)).expect("we are root");
    put(&state, "one").expect("a folder of ours");
    let lock = lock(&lock_file).expect("nobody has it");
    assert_eq!([owner(&state), owner(&lock_file)], [(4711, 4712); 2]);
    drop(lock);
    // One that was there stays whose it is.
    std::os::unix::fs::chown(&lock_file, Some(0), Some(0)).expect("we are root");
    drop(self::lock(&lock_file));
    assert_eq!(owner(&lock_file), (0, 0));
    // A folder of root's says nothing about the file's user.
    std::os::unix::fs::chown(folder.path(), Some(0), Some(0)).expect("we are root");
    put(&state, "two").expect("a folder of ours");
    assert_eq!(owner(&state), (4711, 4712));
}

#[test]
fn a_lock_is_held_once_and_waited_for() {
    let folder = folder();
    let path = folder.path().join("state.lock");
    let first = lock(&path).expect("nobody has it");
    assert!(matches!(lock(&path), Err(LockError::Taken)));
    assert!(matches!(lock_within(&path, Duration::from_millis(20)), Err(LockError::Taken)));
    let second = std::thread::spawn({
        let path = path.clone();
        move || lock_within(&path, Duration::from_secs(60)).is_ok()
    });
    drop(first);
    assert!(second.join().expect("no panic"));
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o600);
}

#[test]
fn nobody_waits_for_a_pipe() {
    let folder = folder();
    let path = folder.path().join("state");
    pipe(&path);
    let refused = "it is a named pipe, not a regular file";
    assert_eq!(read(&path, LONGEST).expect_err("a pipe").to_string(), refused);
    match lock(&path) {
        Err(LockError::Io(error)) => assert_eq!(error.to_string(), refused),
        other => panic!("{other:?}"),
    }
    put(&path, "ours").expect("it takes the pipe's place");
    assert_eq!(read(&path, LONGEST).expect("it was written"), b"ours");
}

#[test]
fn what_a_killed_writer_left_goes_and_nothing_else_does() {
    let folder = folder();
    let state = folder.path().join("rollcall.state");
    let stay = [
        "rollcall.state",
        "rollcall.state.0123456789abcde.tmp",
        "rollcall.state.0123456789abcdeg.tmp",
        "rollcall.state.logons",
        "rollcall.state.logons.0123456789abcdef.tmp",
        "rollcall.state.tmp",
    ];
    for name in stay.iter().chain(&["rollcall.state.0123456789abcdef.tmp"]) {
        fs::write(folder.path().join(name), "").expect("a folder of ours");
    }
    remove_leftovers(&state);
    assert_eq!(names(folder.path()), stay);
}
