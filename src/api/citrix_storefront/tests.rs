//! Whole polls against a small StoreFront of the tests' own.

mod logon;
mod store;

use std::time::Duration;

use rollcall_test_server::Server;

use self::store::{PASSWORD, RecordedRequest, Store, serve};
use super::*;
use crate::{
    api::memory::Memory,
    api::{
        Outcome, Warnings,
        fingerprint::PartFingerprints,
        stub::{fingerprints, merge, samples},
    },
    catalogue::citrix_storefront as families,
    config::{
        Http,
        secret::{Secret, SecretText},
        target::{CitrixAuth, CitrixMethod, HealthOverride, Login, VendorSettings},
    },
    health::Health,
};

/// A target that polls the small StoreFront.
struct Fixture {
    api: CitrixStorefront,
    store: Arc<Store>,
    /// It answers until it is dropped.
    _server: Server,
    warnings: Warnings,
    memory: Memory,
    /// What is known of earlier polls.
    known: PartFingerprints,
    now: UnixTime,
}

impl Fixture {
    async fn new(change: impl FnOnce(&mut target::CitrixStorefront, &mut Target)) -> Fixture {
        let (store, server, url) = serve();
        let mut settings = target::CitrixStorefront {
            auth: CitrixAuth {
                login: Login {
                    username: r"CORP\monitor".to_owned(),
                    password: Secret::Inline(SecretText::new(PASSWORD)),
                },
                method: CitrixMethod::Auto,
            },
            enumerate_interval: Duration::from_secs(600),
            resource_ids: Vec::new(),
            allowed_hosts: Vec::new(),
        };
        let mut target = Target {
            timeout: Duration::from_secs(60),
            http: Http { proxy: crate::config::Proxy::None, ..Http::default() },
            ..Target::sample(url.as_str(), VendorSettings::CitrixStorefront(settings.clone()))
        };
        change(&mut settings, &mut target);
        target.settings = VendorSettings::CitrixStorefront(settings.clone());
        let target = Arc::new(target);
        let http = Client::new(&target).expect("a client");
        let api = CitrixStorefront::new(target, settings, http, Arc::default());
        let now = UnixTime::from_secs(1_758_706_000);
        Fixture {
            api,
            store,
            _server: server,
            warnings: Warnings::default(),
            memory: Memory::default(),
            known: PartFingerprints::default(),
            now,
        }
    }

    /// Polls, and tells what was sent.
    async fn poll(&mut self) -> (Result<Observation, Failure>, Vec<RecordedRequest>) {
        self.store.seen.lock().expect("no panic").clear();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let cx =
            Context { now: self.now, deadline, memory: &self.memory, warnings: &self.warnings, known: &self.known };
        let result = self.api.poll(&cx).await;
        merge(&self.warnings, &result);
        self.now = self.now.plus(Duration::from_secs(60));
        let seen = self.store.seen.lock().expect("no panic").clone();
        (result, seen)
    }
}

fn count(seen: &[RecordedRequest], path: &str) -> usize {
    seen.iter().filter(|seen| seen.path.ends_with(path)).count()
}

fn log_ons(seen: &[RecordedRequest]) -> usize {
    seen.iter().filter(|seen| seen.credentials).count()
}

fn value(observation: &Observation, key: &str, family: &crate::catalogue::Family) -> Option<f64> {
    let part = fresh(observation, key)?;
    part.samples[family.ordinal as usize].first().map(|sample| sample.value)
}

fn fresh<'a>(observation: &'a Observation, key: &str) -> Option<&'a Part> {
    observation.parts.iter().find(|(name, _)| &**name == key).and_then(|(_, outcome)| match outcome {
        Outcome::Fresh(part) => Some(part),
        Outcome::Same(_) | Outcome::Failed(_) => None,
    })
}

fn keys(observation: &Observation) -> Vec<(&str, bool)> {
    let is_fresh = |outcome: &Outcome| matches!(outcome, Outcome::Fresh(_));
    observation.parts.iter().map(|(name, outcome)| (&**name, is_fresh(outcome))).collect()
}

#[tokio::test]
async fn the_whole_exchange_costs_one_log_on_and_then_none() {
    let mut bench = Fixture::new(|_, _| {}).await;
    let (result, seen) = bench.poll().await;
    let observation = result.expect("a poll");
    assert_eq!(log_ons(&seen), 1, "{seen:#?}");
    assert_eq!(keys(&observation), [("enumeration", true), ("store", true), ("chunk 0", true)]);
    assert_eq!(value(&observation, "enumeration", &families::STORE_RESOURCES), Some(4.0));
    assert_eq!(value(&observation, "enumeration", &families::STORE_QUERYABLE_RESOURCES), Some(3.0));
    assert_eq!(value(&observation, "store", &families::STORE_MACHINES), Some(2.0));
    assert_eq!(value(&observation, "store", &families::STORE_RESOURCES_WITHOUT_MACHINE), Some(1.0));
    assert_eq!(observation.credential_expiry, [("password", UnixTime::from_secs(1_760_000_000))]);
    let part = fresh(&observation, "chunk 0").expect("machines");
    let agents: Vec<_> = part.agents.iter().map(|agent| (&*agent.name, agent.health, &*agent.state)).collect();
    let expected =
        [("VM-1", Some(Health::Healthy), "On, Registered"), ("VM-2", Some(Health::Disabled), "Off, Unregistered")];
    assert_eq!(agents, expected);
    assert_eq!(&*part.pools[0].name, "Farm");
    // Methods and paths: nothing but what the machine list needs.
    for seen in &seen {
        let posts = ["/token", "/protocols", "/Authenticate", "/ExplicitForms", "/machinecontrol/list"];
        let may =
            if seen.method == "POST" { posts.iter().any(|p| seen.path.ends_with(p)) } else { seen.method == "GET" };
        assert!(may, "{} {}", seen.method, seen.path);
    }
    assert_eq!(count(&seen, "/resources/v2"), 0, "the enumeration that subscribes");
    // The next poll asks for the machines, and for nothing else.
    let (result, seen) = bench.poll().await;
    assert_eq!(keys(&result.expect("a poll")).len(), 3);
    assert_eq!((seen.len(), count(&seen, "/machinecontrol/list")), (1, 1), "{seen:#?}");
    assert_eq!(bench.warnings.details(), []);
}

#[tokio::test]
async fn machines_are_counted_while_they_are_read() {
    let mut bench = Fixture::new(|_, target| target.max_agents = 2).await;
    assert!(bench.poll().await.0.is_ok(), "as many as may be");
    let mut bench = Fixture::new(|_, target| target.max_agents = 1).await;
    let failure = bench.poll().await.0.expect_err("too many machines");
    assert_eq!((failure.reason, &*failure.message), (Reason::TooLarge, "more than 1 machine (max_agents)"));
}

#[tokio::test]
async fn choices_may_come_with_200_and_the_log_on_by_basic() {
    for method in [CitrixMethod::Auto, CitrixMethod::HttpBasic] {
        let mut bench = Fixture::new(|settings, _| settings.auth.method = method).await;
        bench.store.set(|behaviour| {
            behaviour.choices_in_response = true;
            behaviour.protocols = vec!["CitrixFederation", "HttpBasic"];
        });
        let (result, seen) = bench.poll().await;
        result.expect("a poll");
        assert_eq!((log_ons(&seen), count(&seen, "/HttpBasic")), (1, 2));
    }
}

#[tokio::test]
async fn locations_are_tried_in_order_and_never_out_of_reach() {
    let mut bench = Fixture::new(|_, _| {}).await;
    // Nobody listens on port 1.
    bench.store.set(|behaviour| behaviour.first_location = Some("http://127.0.0.1:1/token"));
    bench.poll().await.0.expect("a poll");
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.only_location = Some("http://localhost:1/token"));
    let (result, seen) = bench.poll().await;
    let failure = result.expect_err("out of reach");
    assert_eq!((failure.reason, log_ons(&seen)), (Reason::Auth, 0));
    assert!(failure.message.contains("allowed_hosts"), "{failure}");
}

#[tokio::test]
async fn a_failed_chunk_costs_itself_and_all_of_them_the_poll() {
    let ids = || (0..401).map(|index| format!("Farm.Desktop {index}")).collect();
    let mut bench = Fixture::new(|settings, _| settings.resource_ids = ids()).await;
    bench.store.set(|behaviour| behaviour.failing_resource = Some("Farm.Desktop 250"));
    let (result, seen) = bench.poll().await;
    let observation = result.expect("a partial poll");
    let expected = [("store", true), ("chunk 0", true), ("chunk 1", false), ("chunk 2", true)];
    assert_eq!(keys(&observation), expected);
    assert_eq!(count(&seen, "/withoutautoprovision"), 0, "no enumeration where resource_ids are given");
    assert_eq!(value(&observation, "store", &families::STORE_RESOURCES_WITHOUT_MACHINE), Some(199.0));
    bench.store.set(|behaviour| behaviour.failing_resource = Some("Farm.Desktop"));
    assert_eq!(bench.poll().await.0.expect_err("nothing came").reason, Reason::HttpStatus);
}

#[tokio::test]
async fn the_longest_pause_is_kept_where_no_chunk_came() {
    let ids = || (0..201).map(|index| format!("Farm.Desktop {index}")).collect();
    let mut bench = Fixture::new(|settings, _| settings.resource_ids = ids()).await;
    let (failing, limited) = (Some("Farm.Desktop 0<"), Some("Farm.Desktop 200<"));
    bench.store.set(|b| (b.failing_resource, b.limited_resource) = (failing, limited));
    let failure = bench.poll().await.0.expect_err("nothing came");
    assert_eq!((failure.reason, failure.retry_after), (Reason::HttpStatus, Some(Duration::from_secs(600))));
}

#[tokio::test]
async fn chunks_that_are_as_they_were_are_not_read_again() {
    let ids = || (0..401).map(|index| format!("Farm.Desktop {index}")).collect();
    let mut bench = Fixture::new(|settings, _| settings.resource_ids = ids()).await;
    let first = bench.poll().await.0.expect("a poll");
    bench.known = fingerprints(&first);
    let again = bench.poll().await.0.expect("a poll");
    let machines = |observation: &Observation| value(observation, "store", &families::STORE_MACHINES);
    assert_eq!((machines(&first), machines(&again)), (Some(2.0), Some(2.0)));
    let same = again.parts.into_iter().filter_map(|(key, outcome)| match outcome {
        Outcome::Same(same) => Some((key, same)),
        _ => None,
    });
    let same: Vec<_> = same.collect();
    assert_eq!(same.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["chunk 0", "chunk 1", "chunk 2"]);
    for (key, same) in same {
        let read = same.read().expect("it was read before");
        assert_eq!(samples(&read), samples(fresh(&first, &key).expect("it came")));
    }
    // A clock that was set back may make times of yesterday those of tomorrow.
    bench.now = UnixTime::from_secs(1_000_000_000);
    assert!(keys(&bench.poll().await.0.expect("a poll")).iter().all(|(_, fresh)| *fresh));
}

#[tokio::test]
async fn a_machine_of_two_chunks_is_read_each_time() {
    // All resources lead to the same machine: the first chunk has it, and what the others bring depends on that.
    const BODY: &str = "<machinecontrolstatusresult status=\"success\"><machinestatus><status>\
        <machineid>Farm.S-1-5-21-1-2-3-1000</machineid><resourceid>Farm.Desktop 0</resourceid><machinedata>\
        <machinename>CVAD-01</machinename></machinedata></status></machinestatus></machinecontrolstatusresult>";
    let ids = || (0..201).map(|index| format!("Farm.Desktop {index}")).collect();
    let mut bench = Fixture::new(|settings, _| settings.resource_ids = ids()).await;
    bench.store.set(|behaviour| behaviour.list_body = Some(BODY));
    let first = bench.poll().await.0.expect("a poll");
    bench.known = fingerprints(&first);
    let again = bench.poll().await.0.expect("a poll");
    assert_eq!(keys(&again), [("store", true), ("chunk 0", false), ("chunk 1", true)]);
    assert_eq!(fresh(&again, "chunk 1").expect("it came").agents.len(), 0);
}

#[tokio::test]
async fn tokens_are_replaced_once_for_all_chunks() {
    let ids = || (0..1000).map(|index| format!("Farm.Desktop {index}")).collect();
    let mut bench = Fixture::new(|settings, _| settings.resource_ids = ids()).await;
    bench.poll().await.0.expect("a poll");
    bench.store.set(|behaviour| behaviour.expire_after_lists = Some(2));
    let (result, seen) = bench.poll().await;
    assert_eq!(keys(&result.expect("a poll")).iter().filter(|(_, fresh)| *fresh).count(), 6);
    assert_eq!((log_ons(&seen), count(&seen, "/token")), (0, 1), "{seen:#?}");
}

#[tokio::test]
async fn an_incomplete_enumeration_keeps_what_was_known() {
    let mut bench = Fixture::new(|settings, _| settings.enumerate_interval = Duration::from_secs(60)).await;
    assert!(!bench.poll().await.0.expect("a poll").incomplete);
    for status in ["partial", "failed"] {
        bench.store.set(|behaviour| behaviour.enumeration = (status, 0));
        let observation = bench.poll().await.0.expect("a poll");
        assert_eq!(value(&observation, "store", &families::STORE_MACHINES), Some(2.0), "{status}");
        assert_eq!(value(&observation, "enumeration", &families::STORE_RESOURCES), Some(0.0), "{status}");
        assert!(observation.incomplete, "{status}");
    }
    // The request itself fails: what was known is still asked for, and the poll is partial.
    bench.store.set(|behaviour| behaviour.enumeration = ("500", 0));
    let observation = bench.poll().await.0.expect("a partial poll");
    assert_eq!(keys(&observation), [("enumeration", false), ("store", true), ("chunk 0", true)]);
    // A complete one without resources: they are gone.
    bench.store.set(|behaviour| behaviour.enumeration = ("full", 0));
    let observation = bench.poll().await.0.expect("a poll");
    assert_eq!(keys(&observation), [("enumeration", true), ("store", true)]);
    assert_eq!(value(&observation, "store", &families::STORE_MACHINES), Some(0.0));
    assert!(!observation.incomplete);
}

#[tokio::test]
async fn a_page_for_people_and_cut_off_data_are_failures() {
    for (body, reason) in
        [("<!DOCTYPE html><html></html>", Reason::ContentType), ("<machinecontrolstatusresult>", Reason::Decode)]
    {
        let mut bench = Fixture::new(|_, _| {}).await;
        bench.store.set(|behaviour| behaviour.list_body = Some(body));
        assert_eq!(bench.poll().await.0.expect_err(body).reason, reason);
    }
}

#[tokio::test]
async fn health_overrides_know_both_states() {
    let mut bench = Fixture::new(|_, target| {
        target.health_overrides = vec![HealthOverride {
            state: "unregistered".to_owned(),
            pool: crate::glob::Glob::any(),
            health: Health::Failed,
        }];
    })
    .await;
    let observation = bench.poll().await.0.expect("a poll");
    let part = fresh(&observation, "chunk 0").expect("machines");
    assert_eq!(part.agents[1].health, Some(Health::Failed));
}

#[tokio::test]
async fn no_secret_is_ever_printed() {
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.poll().await.0.expect("a poll");
    let printed = format!("{:?}", bench.api);
    for canary in [PASSWORD, "primary-", "service-", "session-cookie"] {
        assert!(!printed.contains(canary), "{canary}");
    }
}

#[tokio::test]
async fn machines_that_cannot_be_read_are_no_empty_store() {
    let machine = |id: &str| format!("<status><machinedata><{id}>Farm.S-1</{id}></machinedata></status>");
    let list = |machines: &[String]| -> &'static str {
        format!(
            "<machinecontrolstatusresult><status>success</status><machinestatus>{}</machinestatus>\
             </machinecontrolstatusresult>",
            machines.concat()
        )
        .leak()
    };
    let (good, renamed) = (machine("machineid"), machine("machineguid"));
    let few = list(&[good, renamed.clone(), renamed.clone()]);
    let mut bench = Fixture::new(|_, _| {}).await;
    bench.store.set(|behaviour| behaviour.list_body = Some(list(&[renamed.clone(), renamed.clone()])));
    assert_eq!(bench.poll().await.0.expect_err("nothing to be read").reason, Reason::Decode);
    // Nothing better is known: what can be read is shown, and the poll is partial.
    for _ in 0..2 {
        bench.store.set(|behaviour| behaviour.list_body = Some(few));
        let observation = bench.poll().await.0.expect("a partial poll");
        let part = fresh(&observation, "chunk 0").expect("a machine");
        assert_eq!(part.agents.len(), 1);
        assert_eq!(part.defect.as_ref().map(|defect| defect.reason), Some(Reason::Decode));
    }
    // What was known as a whole is not replaced by a few.
    bench.store.set(|behaviour| behaviour.list_body = None);
    bench.poll().await.0.expect("a poll");
    bench.store.set(|behaviour| behaviour.list_body = Some(few));
    assert_eq!(bench.poll().await.0.expect_err("hardly anything to be read").reason, Reason::Decode);
}

#[test]
fn resources_that_cannot_be_read_are_no_empty_account() {
    let resource = |id: &str| format!("<resource><{id}>Farm.Desktop</{id}></resource>");
    let decode = |ids: &[&str]| {
        let resources: String = ids.iter().map(|id| resource(id)).collect();
        resources::decode(format!("<resources>{resources}</resources>").as_bytes(), &Warnings::default())
    };
    assert_eq!(decode(&["guid", "guid"]).expect_err("nothing to be read").reason, Reason::Decode);
    assert!(!decode(&["id", "guid", "guid"]).expect("a part").is_complete());
    assert!(decode(&["id", "guid"]).expect("a part").is_complete());
    assert!(decode(&[]).expect("an empty account").is_complete());
}
