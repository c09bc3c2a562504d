//! Tells the binary which source and compiler it was made from.

use std::{path::Path, process::Command};

fn main() {
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

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}
