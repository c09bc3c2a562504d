use super::*;
use crate::{
    api::{BoxFuture, Part},
    catalogue::resilio::FAMILIES,
    config::Config,
    health::Health,
    snapshot::{Store, polls_stopped},
};

/// What the API of a test does in a poll.
type Poll = dyn Fn(u64) -> Result<Observation, Failure> + Send + Sync;

struct StubApi {
    polls: Arc<std::sync::atomic::AtomicU64>,
    poll: Arc<Poll>,
}

impl Api for StubApi {
    fn poll<'a>(&'a mut self, _cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        let turn = self.polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::pin(async move { (self.poll)(turn) })
    }

    /// The turns that follow tell of it.
    fn resume(&mut self) {
        self.polls.fetch_add(1000, std::sync::atomic::Ordering::Relaxed);
    }
}

/// One agent.
fn observation() -> Observation {
    let mut part = Part::new(FAMILIES);
    let pool = part.pool("client", false);
    let id = api::Id::Number(1);
    let agent = api::Agent { pool, name: "a".into(), id, health: Some(Health::Healthy), state: "".into() };
    part.agent(agent).expect("the first one");
    Observation::single(part)
}

/// A target that is polled every minute, and everything that its task needs.
struct Fixture {
    target: Arc<Target>,
    state: TargetState,
    client: Client,
    store: Store,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture::polled("interval: 1m, timeout: 20s, stale_after: 10m")
    }

    fn polled(times: &str) -> Fixture {
        let yaml = format!("targets: [{{ name: hq-farm, vendor: resilio, url: 'http://127.0.0.1:1', {times} }}]");
        let config = Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).expect("it is valid");
        let target = Arc::clone(&config.targets[0]);
        let clock = Clock::at(UnixTime::from_secs(1_000_000));
        let mut ledger = Ledger::new(Arc::clone(&target), false);
        let snapshot = ledger.publish(clock.now()).snapshot;
        let ledger = Arc::new(Mutex::new(ledger));
        let freshness = Arc::new(Freshness::new(Arc::clone(&target), Arc::clone(&ledger), clock, Arc::default()));
        let state = TargetState {
            slot: Arc::new(Slot::judged(snapshot, Arc::clone(&freshness) as _)),
            ledger,
            memory: Arc::default(),
            logons: Logons::default(),
            clock,
            save_requested: Arc::default(),
            published: Arc::default(),
            freshness,
            pause: Arc::default(),
            target: Arc::clone(&target),
            spread: schedule::first_spread(1_000),
        };
        let client = Client::new(&target).expect("there are no certificates");
        let store = Store::default();
        store.replace(vec![Arc::clone(&state.slot)]);
        Fixture { target, state, client, store }
    }

    /// Starts its task under its supervisor, with an API that does this in its polls, which are counted from 0.
    fn start(&self, poll: impl Fn(u64) -> Result<Observation, Failure> + Send + Sync + 'static) -> CancellationToken {
        let (poll, polls): (Arc<Poll>, _) = (Arc::new(poll), Arc::default());
        let open =
            Arc::new(move || Box::new(StubApi { polls: Arc::clone(&polls), poll: Arc::clone(&poll) }) as Box<dyn Api>);
        let stop = CancellationToken::new();
        tokio::spawn(supervise_api(self.state.clone(), self.client.clone(), open, stop.clone()));
        stop
    }

    /// What is served: whether it is up and stale, its agents, and how many polls failed.
    fn served(&self) -> (Option<bool>, bool, usize, u64) {
        let snapshot = Arc::clone(&self.store.load()[0]);
        let status = &snapshot.status;
        let text = String::from_utf8(crate::snapshot::of_target((*snapshot).clone())).expect("text");
        let number = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")))?;
            line.rsplit_once(' ')?.1.parse::<f64>().ok()
        };
        assert_eq!(number("rollcall_target_up"), status.up.map(|up| f64::from(u8::from(up))));
        assert_eq!(number("rollcall_target_stale"), Some(f64::from(u8::from(status.stale))));
        assert_eq!(number("rollcall_target_agents"), Some(snapshot.agents.len() as f64));
        assert_eq!(number("rollcall_target_consecutive_failures"), Some(status.consecutive_failures as f64));
        assert_eq!(text.matches("rollcall_agent_health{").count(), 6 * snapshot.agents.len());
        let series = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!((number("rollcall_target_series"), snapshot.series), (Some(series as f64), series));
        (status.up, status.stale, snapshot.agents.len(), status.consecutive_failures)
    }

    fn age_of_next_poll(&self) -> Option<Duration> {
        let snapshot = self.state.slot.load();
        snapshot.status.next_poll.map(|next| self.state.clock.now().since(next))
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn data_of_an_earlier_task_go_in_time() {
    let fixture = Fixture::new();
    let (target, margin) = (&fixture.target, Duration::from_secs(1));
    assert!(schedule::first_delay(target, fixture.state.spread) > 3 * margin, "it is not polled before");
    let now = fixture.state.clock.now();
    lock(&fixture.state.ledger).apply(observation(), now, &Warnings::default()).expect("one agent");
    tokio::time::advance(target.stale_after - margin).await;
    assert_eq!(fixture.served().2, 1);
    let stop = fixture.start(|_| Err(Failure::new(Reason::Connect, "refused")));
    tokio::time::sleep(2 * margin).await;
    assert_eq!(fixture.state.slot.newest().agents.len(), 0);
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn extras_that_are_left_alone_are_tried_again_where_somebody_wants_it() {
    let (fixture, turns) = (Fixture::new(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&turns);
    let stop = fixture.start(move |turn| {
        seen.lock().expect("no panic").push(turn);
        let reason = if turn < 1000 { Reason::Forbidden } else { Reason::Timeout };
        Ok(Observation { extras: vec![("tags", Err(Failure::new(reason, "no")))], ..observation() })
    });
    assert!(!Fixture::new().state.resume(), "nothing is known yet");
    pass(100).await;
    assert!(fixture.state.resume() && !fixture.state.resume(), "once");
    pass(100).await;
    assert!(!fixture.state.resume(), "what fails otherwise is tried at each poll");
    let turns = turns.lock().expect("no panic").clone();
    assert!(turns[0] == 0 && turns.last() > Some(&1000), "{turns:?}");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn what_a_task_leaves_behind_that_has_ended_is_judged_by_whoever_reads_it() {
    let fixture = Fixture::new();
    let stop = fixture.start(|_| Ok(observation()));
    pass(90).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0));
    // It ends without a word; nothing polls any more.
    stop.cancel();
    pass(60).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0), "a poll may take its time");
    assert!(!polls_stopped(&fixture.store.load()));
    pass(150).await;
    let (up, stale, agents, failures) = fixture.served();
    assert_eq!((up, stale, agents), (Some(false), false, 1));
    assert!((3..=4).contains(&failures), "{failures}");
    assert!(polls_stopped(&fixture.store.load()), "the sign of life ends");
    assert_eq!(fixture.store.load()[0].status.failure.as_ref().map(|failure| failure.reason), Some(Reason::Internal));
    assert!(fixture.age_of_next_poll() >= Some(2 * fixture.target.interval), "its age tells the same");
    pass(600).await;
    let (up, stale, agents, failures) = fixture.served();
    assert_eq!((up, stale, agents), (Some(false), true, 0));
    assert!(failures >= 12, "{failures}");

    let stop = fixture.start(|_| Ok(observation()));
    pass(90).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0), "it is polled again");
    assert!(!polls_stopped(&fixture.store.load()));
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn what_a_task_leaves_behind_that_hangs_with_the_ledger_is_judged_too() {
    let fixture = Fixture::new();
    let stop = fixture.start(|_| Ok(observation()));
    pass(90).await;
    stop.cancel();
    let ledger = Arc::clone(&fixture.state.ledger);
    let (hangs, hung) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _busy = lock(&ledger);
        hangs.send(()).expect("the test waits");
        let _ = released.recv();
    });
    hung.recv().expect("it has it");
    pass(230).await;
    let (up, stale, agents, failures) = fixture.served();
    assert_eq!((up, stale, agents), (Some(false), false, 1));
    assert!(failures >= 3, "{failures}");
    pass(600).await;
    let (up, stale, agents, _) = fixture.served();
    assert_eq!((up, stale, agents), (Some(false), true, 0));
    drop(release);
    thread.join().expect("it ends");
    assert_eq!(fixture.served().0, Some(false), "and so it stays");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_panics_fails_and_the_next_one_comes() {
    let fixture = Fixture::new();
    let stop = fixture.start(|turn| if turn == 1 { panic!("a fault") } else { Ok(observation()) });
    pass(60).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0));
    pass(60).await;
    assert_eq!(fixture.served(), (Some(false), false, 1, 1));
    pass(60).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0));
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_dies_outside_of_a_poll_starts_again() {
    let fixture = Fixture::new();
    let (opened, stop) = (Arc::new(std::sync::atomic::AtomicU64::default()), CancellationToken::new());
    let open = {
        let opened = Arc::clone(&opened);
        Arc::new(move || {
            // The API can be opened only at the third attempt.
            assert!(opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2, "not yet");
            Box::new(StubApi { polls: Arc::default(), poll: Arc::new(|_| Ok(observation())) }) as Box<dyn Api>
        })
    };
    tokio::spawn(supervise_api(fixture.state.clone(), fixture.client.clone(), open, stop.clone()));
    pass(60 * 3 + 30).await;
    assert_eq!(fixture.served(), (Some(true), false, 1, 0));
    stop.cancel();
}

/// A poll that blocks its thread cannot be ended. What is served does not wait for it.
#[test]
fn a_poll_that_blocks_its_thread_is_noticed_by_whoever_reads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let fixture = {
        let _inside = runtime.enter();
        Fixture::polled("interval: 1s, timeout: 1s, stale_after: 5s")
    };
    let (wake, woken) = std::sync::mpsc::channel::<()>();
    let woken = Mutex::new(woken);
    let (begun, begins) = std::sync::mpsc::channel();
    // The first poll is due at once.
    let open: Arc<Open> = {
        let poll: Arc<Poll> = Arc::new(move |_| {
            begun.send(()).expect("the test waits");
            let _ = woken.lock().expect("one poll at a time").recv();
            Ok(observation())
        });
        Arc::new(move || Box::new(StubApi { polls: Arc::default(), poll: Arc::clone(&poll) }))
    };
    let mut task = Task::new(fixture.state.clone(), fixture.client.clone(), open);
    runtime.spawn(async move { task.poll().await });
    begins.recv().expect("it begins");
    // It was due long ago.
    let long_ago = Instant::now().checked_sub(Duration::from_secs(30)).expect("this machine runs for longer");
    fixture.state.freshness.plan(long_ago);
    fixture.state.freshness.publish(&mut lock(&fixture.state.ledger), &fixture.state.slot);
    let (up, stale, agents, failures) = fixture.served();
    assert_eq!((up, stale, agents), (Some(false), true, 0));
    assert!(failures >= 3);
    drop(wake);
    runtime.shutdown_background();
}

/// A clock that is a year ahead and is set right, or a year back: polls keep their pace, and what is served keeps its truth.
#[tokio::test(start_paused = true)]
async fn polls_keep_their_pace_while_the_clock_jumps() {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let fixture = Fixture::new();
    let polls = Arc::new(std::sync::atomic::AtomicU64::default());
    let counted = Arc::clone(&polls);
    let stop = fixture.start(move |_| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(observation())
    });
    let clock = fixture.state.clock;
    let start = clock.now();
    for there in [start.plus(YEAR), start, start.plus(2 * YEAR), start.plus(YEAR)] {
        clock.step_to(there);
        let before = polls.load(std::sync::atomic::Ordering::Relaxed);
        pass(10 * 60).await;
        let after = polls.load(std::sync::atomic::Ordering::Relaxed);
        assert!((9..=11).contains(&(after - before)), "{} polls in ten minutes", after - before);
        assert_eq!(fixture.served(), (Some(true), false, 1, 0));
        let snapshot = fixture.state.slot.load();
        let (now, next) = (clock.now(), snapshot.status.next_poll.expect("it is planned"));
        assert!(
            next.since(now) <= Duration::from_secs(75) && now.since(next) <= Duration::from_secs(1),
            "{now} {next}"
        );
    }
    stop.cancel();
}
