//! A week of jobs, polls and restarts: each job is counted once, or not at all where nobody could have seen it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::{jobs::Jobs, states::RESULTS},
    jobs::note,
};

const WEEK: i64 = 7 * 86_400;
/// When the week begins, in seconds.
const START: i64 = 1_700_000_000;

/// What happens to one agent, drawn: a pause before each job, how long the job waited, how long it took, its result.
type Drawn = Vec<(i64, i64, i64, usize)>;

#[derive(Debug, Clone)]
struct Job {
    id: i64,
    queued: i64,
    taken: i64,
    ended: i64,
    result: usize,
}

fn jobs_of(agent: usize, drawn: &Drawn) -> Vec<Job> {
    let (mut jobs, mut now) = (Vec::new(), 0);
    // As often as it takes to fill the week.
    for (number, (pause, wait, took, result)) in drawn.iter().cycle().enumerate() {
        let taken = now + 1 + pause + (number as i64 * 37) % 61;
        let ended = taken + took;
        if taken >= WEEK {
            return jobs;
        }
        let id = (taken * 100 + agent as i64) << 20;
        jobs.push(Job { id, queued: taken - wait, taken, ended, result: *result });
        now = ended;
    }
    jobs
}

fn moment(second: i64) -> String {
    jiff::Timestamp::new(START + second, 0).expect("a moment of this century").to_string()
}

fn request(job: &Job, now: i64) -> String {
    let end = match job.ended <= now {
        true => format!(r#","finishTime":"{}","result":"{}""#, moment(job.ended), RESULTS[job.result]),
        false => String::new(),
    };
    let (queued, taken) = (moment(job.queued), moment(job.taken));
    format!(r#"{{"requestId":{},"queueTime":"{queued}","receiveTime":"{taken}","planType":"Build"{end}}}"#, job.id)
}

/// What an agent shows at that moment: the places of its job and of its last one.
fn shows(jobs: &[Job], now: i64) -> (Option<usize>, Option<usize>) {
    let begun = jobs.partition_point(|job| job.taken <= now);
    let Some(newest) = begun.checked_sub(1) else { return (None, None) };
    if jobs[newest].ended > now { (Some(newest), newest.checked_sub(1)) } else { (None, Some(newest)) }
}

fn page(agents: &[Vec<Job>], now: i64) -> String {
    let agent = |(index, jobs): (usize, &Vec<Job>)| {
        let (job, last) = shows(jobs, now);
        let member = |name: &str, place: Option<usize>| {
            place.map(|place| format!(r#","{name}":{}"#, request(&jobs[place], now))).unwrap_or_default()
        };
        let members = member("assignedRequest", job) + &member("lastCompletedRequest", last);
        format!(r#"{{"id":{},"status":"online"{members}}}"#, index + 1)
    };
    agents.iter().enumerate().map(agent).collect::<Vec<_>>().join(",")
}

/// Whether the first poll that saw something was the first one after a start; `None`: none saw it.
type FirstSeen = Option<bool>;

#[test]
fn over_a_week_with_restarts_every_job_is_counted_once_or_could_not_be_seen() {
    let pauses = prop_oneof![3 => 0..120i64, 1 => 600..7_200i64];
    let took = prop_oneof![1 => 1..90i64, 3 => 60..3_000i64, 1 => 3_600..40_000i64];
    let drawn = prop::collection::vec((pauses, 0..9_000i64, took, 0..RESULTS.len()), 3..12);
    let fleet = prop::collection::vec(drawn, 2..5);
    // Polls come every few minutes; some cannot read the pool, and every day or two the daemon is started again.
    let polls = prop::collection::vec((120..700i64, 0..100u32), 40..80);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let totals = std::cell::Cell::new([0; 4]);
    let week = |(fleet, polls): (Vec<Drawn>, Vec<(i64, u32)>)| {
        let agents: Vec<Vec<Job>> = fleet.iter().enumerate().map(|(agent, drawn)| jobs_of(agent, drawn)).collect();
        // By id: its result, and the first poll that saw it taken, and ended.
        let mut seen: BTreeMap<i64, (usize, FirstSeen, FirstSeen)> = BTreeMap::new();
        let (mut jobs, mut now, mut is_first) = (Jobs::default(), 0, true);
        // As Prometheus adds it up over restarts: waits, then durations by result.
        let (mut before, mut counted) = ([0_u64; 8], [0_u64; 8]);
        for (step, dice) in polls.iter().cycle() {
            now += step;
            match dice {
                _ if now >= WEEK => break,
                0..=1 => {
                    before.iter_mut().zip(counted).for_each(|(sum, count)| *sum += count);
                    (jobs, counted, is_first) = (Jobs::default(), [0; 8], true);
                    continue;
                }
                2..=5 => continue,
                _ => {}
            }
            for (name, count, _) in note(&mut jobs, &page(&agents, now)) {
                let place = Jobs::RESULTS.iter().position(|result| *result == name).map_or(0, |place| place + 1);
                counted[place] = count;
            }
            for agent in &agents {
                let (job, last) = shows(agent, now);
                for job in [job, last].into_iter().flatten().map(|place| &agent[place]) {
                    let (_, taken, ended) = seen.entry(job.id).or_insert((job.result, None, None));
                    taken.get_or_insert(is_first);
                    if job.ended <= now {
                        ended.get_or_insert(is_first);
                    }
                }
            }
            is_first = false;
            let mut expected = [0_u64; 8];
            for (result, taken, ended) in seen.values() {
                expected[0] += u64::from(*taken == Some(false));
                expected[1 + result] += u64::from(*ended == Some(false));
            }
            let so_far: Vec<u64> = before.iter().zip(counted).map(|(before, now)| before + now).collect();
            prop_assert_eq!(&so_far[..], &expected[..], "at {} s", now);
        }
        // Its end was not shown where another job of the agent ended before the next poll.
        let of = |wanted: FirstSeen| seen.values().filter(|(_, _, ended)| *ended == wanted).count();
        let all = agents.iter().map(Vec::len).sum::<usize>();
        // Of all jobs: counted, found by the first poll after a start, ended without being shown so.
        let mut sums = totals.get();
        for (sum, more) in sums.iter_mut().zip([all, of(Some(false)), of(Some(true)), of(None) + all - seen.len()]) {
            *sum += more;
        }
        totals.set(sums);
        Ok(())
    };
    runner.run(&(fleet, polls), week).expect("every job is counted once or not at all");
    let [all, counted, found, unseen] = totals.get();
    println!("{all} jobs: {counted} counted once, {found} found after a start, the end of {unseen} never shown");
    assert!(all > 2_000 && counted > all / 2 && found > 0 && unseen > 0, "{all} {counted} {found} {unseen}");
}
