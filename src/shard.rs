//! `--shard I/N`: several daemons read one configuration, and each polls a share of its targets.
//!
//! A target goes to the shard `jump(fnv1a64(name), N)`: the 64-bit FNV-1a hash of its name in UTF-8, dealt out by the jump
//! consistent hash of Lamping and Veach (kube-state-metrics does the same). It depends on the name and N only, so no daemon
//! needs to know of another; with one shard more, one target of N + 1 moves, and only to the new shard.

use std::{fmt, str::FromStr};

/// Which share of the targets is polled; 0-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// No more shards than this: a slip of the finger, not a plan.
const MAX_SHARDS: u32 = 10_000;

impl Shard {
    /// Whether this shard polls the target of this name.
    pub fn has(self, target: &str) -> bool {
        jump(fnv1a64(target.as_bytes()), self.count) == self.index
    }

    /// `2/5`, or `auto/5` with the number at the end of the host's name, as a StatefulSet numbers its pods.
    fn parse(text: &str, host: impl FnOnce() -> Option<String>) -> Result<Shard, String> {
        let Some((index, count)) = text.split_once('/') else {
            return Err("not of the form I/N or auto/N, such as 0/3".to_owned());
        };
        let count = match count.parse::<u32>() {
            Ok(count @ 1..=MAX_SHARDS) => count,
            _ => return Err(format!("{count:?} is not a number of shards, which is 1 to {MAX_SHARDS}")),
        };
        let range = if count == 1 { "0".to_owned() } else { format!("0 to {}", count - 1) };
        let index = match index {
            "auto" => {
                let host = host().ok_or("the name of this host is not known; give the number of the shard")?;
                let digits = host.rsplit_once('-').map_or("", |(_, digits)| digits);
                let index = digits.parse().ok().filter(|index| *index < count);
                index.ok_or(format!("the name of this host, {host:?}, does not end in a shard's number (-{range})"))?
            }
            index => {
                let number = index.parse().ok().filter(|index| *index < count);
                number.ok_or(format!("there is no shard {index:?} of {count}; there are {range}"))?
            }
        };
        Ok(Shard { index, count })
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        Shard::parse(text, host_name)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The name of this host without its domain; in a pod, the pod's.
pub fn host_name() -> Option<String> {
    let name = full_host_name()?;
    name.split('.').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The name of this host as its system has it, with a domain where it has one.
pub fn full_host_name() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| variable("HOSTNAME")).or_else(|| variable("COMPUTERNAME"))?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Jump consistent hash: the last of the growing bucket counts, up to `buckets`, at which the key moves.
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0u32, 0f64);
    while next < f64::from(buckets) {
        bucket = next as u32;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((f64::from(bucket) + 1.0) * (f64::from(1u32 << 31) / ((key >> 33) as f64 + 1.0))).floor();
    }
    bucket
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str, host: &str) -> Result<String, String> {
        Shard::parse(text, || (!host.is_empty()).then(|| host.to_owned())).map(|shard| shard.to_string())
    }

    fn shard_of(name: &str, count: u32) -> u32 {
        let mut having = (0..count).filter(|index| Shard { index: *index, count }.has(name));
        let shard = having.next().expect("no target is left out");
        assert_eq!(having.next(), None, "no target is polled twice");
        shard
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of FNV-1a, and of the jump hash as kube-state-metrics' library has them.
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(jump(1, 1), 0);
        assert_eq!(jump(42, 57), 43);
        assert_eq!(jump(0xDEAD_10CC, 1), 0);
        assert_eq!(jump(0xDEAD_10CC, 666), 361);
        assert_eq!(jump(256, 1024), 520);
    }

    #[test]
    fn a_target_stays_where_it_was_in_earlier_versions() {
        // Computed by an implementation in another language, from the description at the top of this file.
        let names = ["hq-farm", "hq-desktops", "filer-07", "builds", "desktops", "filer-08", "ber-farm", "zürich"];
        let at = |count: u32| names.map(|name| shard_of(name, count));
        assert_eq!(at(1), [0; 8]);
        assert_eq!(at(2), [1, 1, 1, 1, 1, 0, 0, 1]);
        assert_eq!(at(3), [1, 1, 2, 1, 1, 0, 0, 2]);
        assert_eq!(at(10), [8, 3, 2, 1, 5, 5, 6, 3]);
        assert_eq!(at(10_000), [484, 1953, 1792, 6461, 3210, 2405, 6883, 1072]);
    }

    #[test]
    fn targets_are_dealt_out_evenly() {
        let mut targets = [0; 8];
        (0..8000).for_each(|n| targets[shard_of(&format!("filer-{n:04}"), 8) as usize] += 1);
        assert!(targets.iter().all(|n| (850..1150).contains(n)), "{targets:?}");
    }

    proptest! {
        #[test]
        fn every_target_is_in_exactly_one_shard(name in ".*", count in 1u32..50) {
            shard_of(&name, count);
        }

        #[test]
        fn one_shard_more_takes_targets_and_moves_no_others(name in ".*", count in 1u32..50) {
            let (before, after) = (shard_of(&name, count), shard_of(&name, count + 1));
            prop_assert!(after == before || after == count);
        }
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        assert_eq!(parse("0/1", ""), Ok("0/1".into()));
        assert_eq!(parse("2/3", ""), Ok("2/3".into()));
        assert_eq!(parse("auto/3", "rollcall-2"), Ok("2/3".into()));
        assert_eq!(parse("auto/12", "rollcall-eu-west-11"), Ok("11/12".into()));
    }

    #[test]
    fn a_shard_that_cannot_be_is_refused() {
        let refused = |text, host| parse(text, host).unwrap_err();
        assert_eq!(refused("3", ""), "not of the form I/N or auto/N, such as 0/3");
        assert_eq!(refused("3/3", ""), "there is no shard \"3\" of 3; there are 0 to 2");
        assert_eq!(refused("-1/3", ""), "there is no shard \"-1\" of 3; there are 0 to 2");
        assert_eq!(refused("1/1", ""), "there is no shard \"1\" of 1; there are 0");
        assert_eq!(refused("0/0", ""), "\"0\" is not a number of shards, which is 1 to 10000");
        assert_eq!(refused("0/3x", ""), "\"3x\" is not a number of shards, which is 1 to 10000");
        assert_eq!(
            refused("auto/3", "rollcall-3"),
            "the name of this host, \"rollcall-3\", does not end in a shard's number (-0 to 2)"
        );
        assert!(refused("auto/3", "rollcall").contains("does not end in a shard's number"));
        assert_eq!(refused("auto/3", ""), "the name of this host is not known; give the number of the shard");
    }
}
