//! Whatever happens: no end that nobody saw, no second page for one episode, no page before its time.

use proptest::prelude::*;

use super::*;

const POOL_DOWN: &str = "RollcallPoolDown";
/// `for` of the alert, in seconds.
const FOR: i64 = 300;

/// A hold that does not end.
const LONG: &str = "  max_hold: 1000d\n";

/// What happens to a target or to the daemon.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A complete poll shows the pool down.
    Down,
    /// A complete poll shows it well.
    Well,
    /// A poll reads everything but the pool.
    Partial,
    /// A poll fails.
    Fail,
    /// Seconds that pass.
    Wait(i64),
    /// The state is written.
    Save,
    /// The daemon is killed, and starts again this many seconds later from the state that was written last.
    Kill(i64),
    /// The configuration is read again.
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Down),
        4 => Just(Step::Well),
        2 => Just(Step::Partial),
        3 => Just(Step::Fail),
        8 => (1i64..400).prop_map(Step::Wait),
        2 => Just(Step::Save),
        1 => (1i64..120).prop_map(Step::Kill),
        1 => Just(Step::Reload),
    ]
}

/// What an observer knows of the pool.
#[derive(Debug, Default, Clone)]
struct Observer {
    /// The last successful poll of the pool in this run of the daemon: whether it was down, and when.
    shown: Option<(bool, i64)>,
    /// Since when no poll showed it well.
    down_since: Option<i64>,
    /// When the alert that is told began, if one is.
    announced: Option<UnixTime>,
    heard: usize,
}

impl Observer {
    fn observe(&mut self, down: bool, now: i64) {
        self.shown = Some((down, now));
        if down {
            self.down_since.get_or_insert(now);
        } else {
            self.down_since = None;
        }
    }

    fn receive(&mut self, site: &Site) {
        for (at, change) in &site.reported[self.heard..] {
            let Change::Notify(announced) = change else { panic!("nothing is withdrawn: {change:?}") };
            if announced.labels["alertname"] != POOL_DOWN {
                continue;
            }
            if announced.ends_at.is_some() {
                assert_eq!(self.announced.take(), Some(announced.starts_at), "an end without a beginning at {at}");
                assert!(matches!(self.shown, Some((false, _))), "an end that nobody saw at {at}: {self:?}");
            } else {
                let first = self.announced.replace(announced.starts_at);
                assert!(first.is_none_or(|first| first == announced.starts_at), "a second page at {at}");
                if first.is_none() {
                    assert!(self.down_since.is_some_and(|since| since + FOR <= *at), "too early at {at}: {self:?}");
                }
            }
        }
        self.heard = site.reported.len();
    }
}

fn run(steps: &[Step]) {
    let mut site = Site::only("azure_devops", LONG, &[POOL_DOWN]);
    let mut observer = Observer::default();
    let save = |site: &Site| serde_json::to_string(&site.engine.save()).expect("it can be written");
    let mut saved = (save(&site), None);
    let other = ("others", 3, 0);
    for step in steps {
        match *step {
            Step::Down => {
                observer.observe(true, site.now);
                site.poll(&[("builds", 0, 3), other]);
            }
            Step::Well => {
                observer.observe(false, site.now);
                site.poll(&[("builds", 3, 0), other]);
            }
            Step::Partial => site.poll_parts(&[other], &["builds"]),
            Step::Fail => site.fail(),
            Step::Wait(seconds) => {
                // The time of the last evaluation is in the state to the minute, so the daemon writes it as often.
                for _ in 0..seconds / 60 {
                    site.wait(60);
                    observer.receive(&site);
                    saved = (save(&site), observer.down_since);
                }
                site.wait(seconds % 60);
            }
            Step::Save => {}
            Step::Kill(seconds) => {
                site.restart_from(&saved.0, seconds, LONG);
                // What was seen after the last writing is forgotten by everybody.
                (observer.shown, observer.down_since) = (None, saved.1);
            }
            Step::Reload => {
                let mut same = rules(LONG);
                same.all.retain(|rule| rule.alert.name == POOL_DOWN);
                site.engine.configure(same);
            }
        }
        let news = site.reported.len() > observer.heard;
        observer.receive(&site);
        // What fires or ends is written at once, the rest now and then.
        if news || matches!(step, Step::Save) {
            saved = (save(&site), observer.down_since);
        }
    }
    // At the end it is well, and everybody agrees on that.
    for _ in 0..2 + keep(POOL_DOWN) / 60 {
        observer.observe(false, site.now);
        site.poll(&[("builds", 3, 0), other]);
        observer.receive(&site);
        site.wait(60);
        observer.receive(&site);
    }
    assert_eq!(observer.announced, None, "it is well and still fires");
}

/// Two restarts without a poll in between, far apart: what fires was told all the time.
#[test]
fn a_daemon_that_cannot_poll_and_starts_again_withdraws_nothing() {
    let down = [Step::Down, Step::Wait(2), Step::Down, Step::Wait(118), Step::Down, Step::Wait(180)];
    let unpolled = [Step::Kill(39), Step::Kill(31), Step::Wait(304), Step::Wait(391), Step::Kill(96), Step::Well];
    run(&[&down[..], &unpolled].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_false_end_no_second_page_no_early_page(steps in prop::collection::vec(step(), 1..80)) {
        run(&steps);
    }
}
