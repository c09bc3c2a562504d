//! What the allocator of glibc does with large pieces of memory.
//!
//! It takes large pieces straight from the system and gives them back when they are freed, but counts as large only what is
//! larger than anything freed before. So after one poll of a large target nothing is large any more, and what a poll has used
//! stays with the process in holes between its blocks: measured with a million series, 291 MB where 175 MB are in use. A fixed
//! bound ends that. It can be set without unsafe code only in the environment of a program that starts, so the daemon starts
//! itself once more, as the same process.

/// What counts as large, in bytes: what glibc begins with.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// Says that it was done. The variable of the allocator does not tell: it is taken from programs with file capabilities.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const DONE: (&str, &str) = ("ROLLCALL_ALLOCATOR", "set");

/// Starts the program once more with the bound, unless the environment has one. Where that cannot be, all is as it was.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn configure() {
    use std::{env, os::unix::process::CommandExt, process::Command};

    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set(LARGE.0) || is_set(DONE.0) {
        return;
    }
    let mut arguments = env::args_os();
    if let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) {
        // It returns only where it failed.
        let _ = Command::new(program).arg0(name).args(arguments).envs([LARGE, DONE]).exec();
    }
}

/// Nothing to be done elsewhere.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn configure() {}
