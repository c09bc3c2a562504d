//! How many files and connections the process may have open, and whether some are left for the daemon's own port: where the
//! targets take all of them, nobody can ask any more what is wrong.

use std::{
    fs::{self, File},
    io,
    sync::LazyLock,
};

/// So many are left by whoever connects to a target.
pub const KEPT_BACK: usize = 12;

/// What costs a descriptor and nothing else.
const NOTHING: &str = "/dev/null";

static LIMIT: LazyLock<Option<usize>> =
    LazyLock::new(|| fs::read_to_string("/proc/self/limits").ok().and_then(|limits| soft_limit(&limits)));

/// How many the process may have; nothing where there is no limit, or none that is known.
pub fn limit() -> Option<usize> {
    *LIMIT
}

/// An error where fewer than [`KEPT_BACK`] are left. It costs some microseconds, and is not asked where there is no limit.
pub fn leave_some() -> io::Result<()> {
    if limit().is_none() {
        return Ok(());
    }
    let kept: io::Result<Vec<File>> = (0..KEPT_BACK).map(|_| File::open(NOTHING)).collect();
    match kept {
        // Anything else says nothing about how many there are.
        Err(error) if error.raw_os_error().is_some_and(|code| [EMFILE, ENFILE].contains(&code)) => {
            Err(io::Error::other(format!("too many open files: the last {KEPT_BACK} are for the daemon's own port")))
        }
        _ => Ok(()),
    }
}

/// Too many files of this process, and of the system; the same number on every Unix.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// `Max open files            1024                 524288               files`
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             63432                63432                processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files"), None);
        assert_eq!(soft_limit(""), None);
    }

    #[test]
    fn where_there_are_some_left_nothing_is_said() {
        assert!(leave_some().is_ok());
    }
}
