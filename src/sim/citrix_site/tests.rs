use super::*;
use crate::{CitrixStorefront, Incident, Options};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::collections::BTreeMap;

fn farm_of(agents: usize) -> (CitrixStorefront, CitrixSite) {
    let world = Arc::new(World::new(Options { agents, frozen: true, ..Options::default() }));
    (CitrixStorefront::new(world.clone()), CitrixSite::new(world))
}

fn body(answer: Response) -> Value {
    serde_json::from_slice(&answer.into_bytes()).expect("JSON")
}

fn log_on(site: &CitrixSite, user: &str, password: &str) -> Response {
    let pair = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
    site.answer(Request::new(Method::POST, "/cvad/manage/Tokens").with_header("authorization", &pair))
}

/// A request as the vendor's own client sends it, with the token of a new log-on.
fn ask(site: &CitrixSite, path: &str) -> Response {
    let token = body(log_on(site, CitrixSite::USERNAME, CitrixSite::PASSWORD));
    let token = token["Token"].as_str().or(token["token"].as_str()).expect("a token").to_owned();
    let request = Request::get(&format!("/cvad/manage/{path}"))
        .with_header("authorization", &format!("CWSAuth Bearer={token}"))
        .with_header("citrix-customerid", "CitrixOnPremises");
    let of_site = path != "me";
    site.answer(if of_site { request.with_header("citrix-instanceid", CitrixSite::SITE_ID) } else { request })
}

#[test]
fn only_a_token_reads_and_only_for_its_customer_and_site() {
    let (_, site) = farm_of(100);
    assert_eq!(site.answer(Request::get("/cvad/manage/me")).status, 401);
    assert_eq!(body(ask(&site, "me"))["Customers"][0]["Sites"][0]["Id"], CitrixSite::SITE_ID);
    assert_eq!(ask(&site, "Zones").status, 200);
    assert_eq!(ask(&site, "nothing").status, 404);
    let token = body(log_on(&site, "corp\\SVC-rollcall", CitrixSite::PASSWORD))["Token"].as_str().map(str::to_owned);
    let bearer = format!("CWSAuth Bearer={}", token.expect("a token"));
    let with = |customer: &str, instance: &str, method| {
        let request = Request::new(method, "/cvad/manage/Machines").with_header("authorization", &bearer);
        let request = request.with_header("citrix-customerid", customer).with_header("citrix-instanceid", instance);
        site.answer(request).status.as_u16()
    };
    assert_eq!(with("CitrixOnPremises", CitrixSite::SITE_ID, Method::GET), 200);
    assert_eq!(with("other", CitrixSite::SITE_ID, Method::GET), 403);
    assert_eq!(with("CitrixOnPremises", "other", Method::GET), 400);
    assert_eq!(with("CitrixOnPremises", CitrixSite::SITE_ID, Method::POST), 405);
    site.refuse_tokens_after(1);
    assert_eq!(with("CitrixOnPremises", CitrixSite::SITE_ID, Method::GET), 200);
    assert_eq!(with("CitrixOnPremises", CitrixSite::SITE_ID, Method::GET), 401);
}

#[test]
fn five_wrong_passwords_lock_the_account_and_the_cloud_says_invalid_client() {
    let (_, site) = farm_of(100);
    for _ in 0..5 {
        assert_eq!(log_on(&site, CitrixSite::USERNAME, "wrong").status, 401);
    }
    assert!(site.locked());
    assert_eq!(log_on(&site, CitrixSite::USERNAME, CitrixSite::PASSWORD).status, 401);
    let cloud = |customer: &str, secret: &str| {
        let form = format!("grant_type=client_credentials&client_id={}&client_secret={secret}", CitrixSite::CLIENT_ID);
        let request = Request::new(Method::POST, &format!("/cctrustoauth2/{customer}/tokens/clients")).with_body(form);
        assert!(site.carries_secret(&request));
        let answer = site.answer(request);
        (answer.status.as_u16(), body(answer))
    };
    let (status, refusal) = cloud(CitrixSite::CUSTOMER_ID, "wrong");
    assert_eq!((status, &refusal["error"]), (401, &json!("invalid_client")));
    assert_eq!(cloud("other", CitrixSite::CLIENT_SECRET).0, 400);
    let (_, token) = cloud(CitrixSite::CUSTOMER_ID, CitrixSite::CLIENT_SECRET);
    assert_eq!(token["expires_in"], "3600");
    assert_eq!(site.credential_submissions(), 5 + 1 + 3);
}

#[test]
fn machines_come_in_pages_and_only_with_the_fields_that_were_asked_for() {
    let (_, site) = farm_of(6_000);
    let (mut path, mut sizes, mut ids) = ("Machines?limit=500&fields=Id,Name".to_owned(), Vec::new(), BTreeSet::new());
    loop {
        let page = body(ask(&site, &path));
        assert_eq!(page["TotalItems"], 1_200);
        let items = page["Items"].as_array().expect("a list").clone();
        sizes.push(items.len());
        for item in items {
            assert_eq!(item.as_object().expect("an object").len(), 2, "{item}");
            ids.insert(item["Id"].to_string());
        }
        let Some(next) = page["ContinuationToken"].as_str() else { break };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        path = format!("Machines?limit=500&fields=Id,Name&continuationToken={next}");
    }
    assert_eq!((sizes, ids.len()), (vec![500, 500, 200], 1_200));
    assert_eq!(body(ask(&site, "Machines"))["Items"].as_array().map(Vec::len), Some(250));
    assert_eq!(ask(&site, "Machines?limit=1001").status, 400);
    assert_eq!(ask(&site, "Machines?continuationToken=other").status, 400);
    // Whoever asks for everything gets users.
    assert!(body(ask(&site, "Machines?limit=1")).to_string().contains("somebody.in.particular"));
    site.set_paging(Paging::Repeats);
    assert_eq!(body(ask(&site, &path))["Items"].as_array().map(Vec::len), Some(500));
    site.set_paging(Paging::WithoutItems);
    assert_eq!(body(ask(&site, &path))["Items"], Value::Null);
}

/// Samples of one metric of a view, by these labels.
fn samples(truth: &[Truth], name: &str, labels: &[&'static str]) -> BTreeMap<Vec<String>, f64> {
    let of = truth.iter().filter(|sample| sample.name == name);
    of.map(|sample| (labels.iter().map(|label| sample.labels[label].clone()).collect(), sample.value)).collect()
}

/// The states of all machines by SID: of StoreFront the id ends in it.
fn states(truth: &[Truth], prefix: &str, id: &'static str) -> BTreeMap<String, (String, String, String)> {
    let info = samples(truth, &format!("{prefix}_info"), &["pool", "agent", id]);
    let state = |metric: &str| -> BTreeMap<(String, String), String> {
        let found = samples(truth, &format!("{prefix}_{metric}"), &["pool", "agent", "state"]);
        found.into_keys().map(|labels| ((labels[0].clone(), labels[1].clone()), labels[2].clone())).collect()
    };
    let (power, registration) = (state("power_state"), state("registration_state"));
    let row = |labels: Vec<String>| {
        let key = (labels[0].clone(), labels[1].clone());
        let name = labels[1].trim_end_matches(".corp.example").to_lowercase();
        let sid = labels[2].rsplit('.').next().unwrap_or_default().to_owned();
        (sid, (name, power[&key].clone(), registration[&key].clone()))
    };
    info.into_keys().map(row).collect()
}

/// One farm, seen twice: whatever both views tell, they tell alike, at every moment of a day with incidents.
#[test]
fn the_site_sees_what_storefront_says() {
    let (store, site) = farm_of(600);
    store.set_state("VDI-WEST-002", "On", "AgentError", false);
    for step in 0..30 {
        for (at, incident) in [(6, Incident::HypervisorLost), (12, Incident::SiteMaintenance)] {
            if step == at {
                site.world.begin(incident);
            } else if step == at + 5 {
                site.world.end(incident);
            }
        }
        if step == 18 {
            site.world.begin(Incident::RegistrationStorm);
        }
        if step == 24 {
            site.world.begin(Incident::PatchNight);
        }
        let (narrow, wide) = (store.truth(), site.truth());
        let (narrow, wide) =
            (states(&narrow, "citrix_machine", "machine_id"), states(&wide, "citrix_site_machine", "sid"));
        assert_eq!(narrow.len(), 120);
        assert_eq!(narrow, wide, "step {step}");
        site.world.advance(Duration::from_secs(301));
    }
    store.set_parade(true);
    let (narrow, wide) = (store.truth(), site.truth());
    assert_eq!(states(&narrow, "citrix_machine", "machine_id"), states(&wide, "citrix_site_machine", "sid"));
}

fn count(truth: &[Truth], name: &str, labels: &[(&'static str, &str)]) -> usize {
    let is_one = |sample: &&Truth| {
        sample.name == name && sample.value == 1.0 && labels.iter().all(|(label, value)| sample.labels[label] == *value)
    };
    truth.iter().filter(is_one).count()
}

#[test]
fn incidents_show_what_only_a_site_knows() {
    let (_, site) = farm_of(600);
    let desktops = [("pool", "Desktops East")];
    let disabled = |truth: &[Truth]| count(truth, "rollcall_agent_health", &[desktops[0], ("health", "disabled")]);
    let before = disabled(&site.truth());
    site.world.begin(Incident::SiteMaintenance);
    let truth = site.truth();
    let all = count(&truth, "citrix_site_machine_info", &desktops);
    assert!(before < all && disabled(&truth) == all);
    assert_eq!(count(&truth, "citrix_site_delivery_group_maintenance_mode", &desktops), 1);
    site.world.end(Incident::SiteMaintenance);
    site.world.begin(Incident::HypervisorLost);
    site.world.advance(Duration::from_secs(400));
    let truth = site.truth();
    assert_eq!(count(&truth, "citrix_site_hypervisor_fault", &[("hypervisor", "Hypervisor East")]), 1);
    assert_eq!(count(&truth, "citrix_site_hypervisor_fault", &[]), 1);
    assert!(count(&truth, "citrix_site_machine_fault_state", &[desktops[0], ("state", "Unregistered")]) > all / 3);
    site.world.end(Incident::HypervisorLost);
    site.world.begin(Incident::RegistrationStorm);
    site.world.advance(Duration::from_secs(200));
    let truth = site.truth();
    let failed = [desktops[0], ("health", "failed")];
    assert!(count(&truth, "rollcall_agent_health", &failed) * 3 >= all);
    let lately = [desktops[0], ("reason", "AgentNotContactable")];
    assert!(count(&truth, "citrix_site_machine_last_deregistration_reason", &lately) * 3 >= all);
    site.world.advance(Duration::from_secs(1_200));
    assert_eq!(count(&site.truth(), "rollcall_agent_health", &failed), 0);
}
