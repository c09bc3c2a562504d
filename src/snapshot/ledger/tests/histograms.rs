//! Histograms of vendors.

use super::*;
use crate::{
    catalogue::azure_devops::{FAMILIES, POOL_JOB_DURATION, POOL_JOB_WAIT},
    histogram::Histogram,
};

#[test]
fn a_histogram_is_lines_of_the_same_blocks_and_is_not_made_anew_while_it_is_the_same() {
    static BOUNDS: [f64; 2] = [1.0, 60.0];
    let observed = |values: &[f64]| {
        let mut histogram = Histogram::new(&BOUNDS);
        values.iter().for_each(|value| histogram.observe(*value));
        let mut part = Part::new(FAMILIES);
        let pool = part.described_pool("a\"b");
        part.set_histogram(&POOL_JOB_WAIT, pool, &[], Arc::new(histogram.clone()));
        part.set_histogram(&POOL_JOB_DURATION, pool, &["failed"], Arc::new(histogram));
        // Twice the same series: the first one counts.
        part.set_histogram(&POOL_JOB_DURATION, pool, &["failed"], Arc::new(Histogram::new(&BOUNDS)));
        Outcome::Fresh(part)
    };
    let mut ledger = ledger();
    let warnings = apply(&mut ledger, 0, vec![("", observed(&[0.5, 30.5, 90.0]))]);
    assert_eq!(warnings.count(Warning::Duplicate), 1);
    let line =
        |name: &str, more: &str, value: &str| format!("azure_devops_pool_job_{name}{{,pool=\"a\\\"b\"{more}}} {value}");
    assert_eq!(
        lines(&mut ledger, 0, "azure_devops_pool_job_wait"),
        [
            line("wait_seconds_bucket", ",le=\"1.0\"", "1"),
            line("wait_seconds_bucket", ",le=\"60.0\"", "2"),
            line("wait_seconds_bucket", ",le=\"+Inf\"", "3"),
            line("wait_seconds_sum", "", "121"),
            line("wait_seconds_count", "", "3"),
        ]
    );
    assert_eq!(lines(&mut ledger, 0, "azure_devops_pool_job_duration").len(), 5);
    let block = |ledger: &mut Ledger| {
        let snapshot = ledger.publish(at_second(0)).snapshot;
        let series =
            snapshot.blocks.iter().map(|(_, block)| block.plain().iter().filter(|byte| **byte == b'\n').count());
        assert_eq!(series.sum::<usize>(), snapshot.series, "a line is a series");
        snapshot.blocks_of(publish::key_of(&POOL_JOB_WAIT)).next().expect("it is there").clone()
    };
    let before = block(&mut ledger);
    apply(&mut ledger, 60, vec![("", observed(&[0.5, 30.5, 90.0]))]);
    assert!(block(&mut ledger).is(&before));
    apply(&mut ledger, 120, vec![("", observed(&[0.5, 30.5, 90.0, 2.0]))]);
    assert!(!block(&mut ledger).is(&before));
}
