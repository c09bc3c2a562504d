//! Tells the binary which source and compiler it was made from.

use std::{fmt::Write as _, fs, path::Path, process::Command};

fn main() {
    runbooks();
    // Elsewhere in a worktree. Cargo takes a file that is missing for one that has changed, and would build anew each time.
    if let Some(log) = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-env-changed=ROLLCALL_REVISION");
    let revision = std::env::var("ROLLCALL_REVISION").ok();
    let revision = revision.or_else(|| first_line("git", &["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=ROLLCALL_REVISION={}", revision.unwrap_or_else(|| "unknown".to_owned()));
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = first_line(&rustc, &["--version"]).unwrap_or_default();
    println!("cargo::rustc-env=ROLLCALL_RUSTC={}", version.split(' ').nth(1).unwrap_or("unknown"));
}

/// The shipped runbooks as a list of names and texts, which the program carries.
fn runbooks() {
    println!("cargo::rerun-if-changed=deploy/runbooks");
    let entries = fs::read_dir("deploy/runbooks").expect("the runbooks are part of the source");
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".md")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        let file = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/deploy/runbooks/{name}.md\")");
        writeln!(list, "({name:?}, include_str!({file})),").expect("a String takes everything");
    }
    list.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo says where to");
    fs::write(Path::new(&out).join("runbooks.rs"), list).expect("cargo's folder can be written");
}

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}
