use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use rollcall_test_server::{Request, Response};

use super::*;
use crate::{
    api::{
        Outcome,
        fingerprint::PartFingerprints,
        memory::Memory,
        stub::{
            NOW, Stub, counted, failed, fingerprints, fresh, json, poll, poll_at, poll_knowing, samples, samples_of,
        },
    },
    catalogue::citrix_site as families,
    clock::UnixTime,
    config::{
        VendorSettings,
        secret::{Secret, SecretText},
        target::{HealthOverride, Login, SiteAccess, SitePools},
    },
    failure::Reason,
    glob::Glob,
    health::Health,
};

mod access;
mod pages;

/// Whoever this names must not be found anywhere.
const USER: &str = "somebody.in.particular";

const MACHINES: &str = r#"{"Items":[
    {"Id":"a1","Name":"CORP\\VDI-001","DnsName":"VDI-001.corp.example","Sid":"S-1-5-21-1-2-3-1001","Uid":7,
     "MachineCatalog":{"Id":"c","Name":"MCS","Uid":1},"DeliveryGroup":{"Name":"Win11"},"Zone":{"Id":"z","Name":"Primary"},
     "PowerState":"On","RegistrationState":"Registered","FaultState":"None","InMaintenanceMode":false,
     "DrainingUntilShutdown":false,"SessionCount":1,"LoadIndex":2500,"SessionSupport":"SingleSession",
     "PowerActionPending":false,"LastDeregistrationReason":"AgentShutdown","LastDeregistrationTime":"1/15/2026 8:00:00 AM",
     "FormattedLastDeregistrationTime":"2023-11-14T20:00:00Z","AgentVersion":"2402.0.100",
     "SessionUserName":"somebody.in.particular","AssociatedUsers":[{"SamName":"somebody.in.particular"}]},
    {"Id":"a2","Name":"CORP\\RDS-002","DnsName":null,"Sid":"S-1-5-21-1-2-3-1002","MachineCatalog":{"Name":"PVS"},
     "DeliveryGroup":null,"PowerState":"on","RegistrationState":"REGISTERED","FaultState":"MaxCapacity",
     "InMaintenanceMode":"False","SessionCount":"12","LoadIndex":"10000","SessionSupport":"multisession",
     "FormattedLastDeregistrationTime":"0001-01-01T00:00:00","LastDeregistrationReason":"Unknown"},
    {"id":"a3","name":"CORP\\VDI-003","dnsName":"vdi-003.corp.example","deliveryGroup":{"name":"Win11"},
     "powerState":"Off","registrationState":"Unregistered","faultState":"FailedToStart","inMaintenanceMode":false,
     "lastDeregistrationReason":"MoonPhase","formattedLastDeregistrationTime":"2023-11-14T21:00:00.5Z"},
    {"Id":"a4","DnsName":"vdi-004.corp.example","DeliveryGroup":{"Name":"Win11"},"PowerState":"Hibernated",
     "RegistrationState":"Unknown","InMaintenanceMode":true,"LoadIndex":20000,"SessionSupport":"MultiSession"},
    {"Name":"no id"}],
    "ContinuationToken":null,"TotalItems":5}"#;

const GROUPS: &str = r#"{"Items":[
    {"Id":"g","Name":"Win11","InMaintenanceMode":false,"SessionCount":1,"TotalDesktops":3,"DesktopsAvailable":0,
     "DesktopsDisconnected":0,"DesktopsFaulted":1,"DesktopsUnregistered":"2"},
    {"Name":"Empty","InMaintenanceMode":true}]}"#;

const HYPERVISORS: &str = r#"{"Items":[
    {"Name":"vc-1","ConnectionType":"VCenter","Zone":{"Name":"Primary"},"Fault":{"State":"None","Reason":null}},
    {"Name":"vc-2","ConnectionType":"VCenter","Zone":{"Name":"Primary"},
     "Fault":{"State":"Unreachable","Reason":"The remote name could not be resolved.","DurationInSeconds":7.5}},
    {"Name":"az","ConnectionType":"AzureRM"},
    {"Name":"az","ConnectionType":"AWS"}],"ContinuationToken":""}"#;

const ZONES: &str =
    r#"{"Items":[{"Name":"Primary","IsPrimary":true,"IsHealthy":true},{"Name":"Branch","IsHealthy":false}]}"#;

const LICENSES_OF_SITE: &str = r#"{"LicensesUsage":75,"NormalLicenses":100,"OverdraftLicenses":10}"#;

const ME: &str = r#"{"UserId":"u","DisplayName":"somebody.in.particular","Customers":[
    {"Id":"CitrixOnPremises","Name":"c","Sites":[{"Id":"site-1","Name":"S"},{"Id":"site-2"}]}]}"#;

fn settings() -> target::CitrixSite {
    let password = Secret::Inline(SecretText::new("s3&cret"));
    target::CitrixSite {
        access: SiteAccess::OnPremises(Login { username: r"CORP\svc".to_owned(), password }),
        site_id: String::new(),
        pool_by: SitePools::DeliveryGroup,
        licenses: true,
        storefront_farms: vec!["XD".to_owned()],
    }
}

fn cloud() -> target::CitrixSite {
    let client_secret = Secret::Inline(SecretText::new("s3&cret"));
    let access = SiteAccess::Cloud { customer_id: "abc".to_owned(), client_id: "app".to_owned(), client_secret };
    target::CitrixSite { access, ..settings() }
}

fn sample(stub: &Stub, settings: &target::CitrixSite) -> Target {
    Target::sample(stub.url.as_str(), VendorSettings::CitrixSite(settings.clone()))
}

fn open(target: Target, settings: target::CitrixSite) -> CitrixSite {
    let target = Arc::new(target);
    let http = Client::new(&target).expect("a client");
    CitrixSite::new(target, settings, http, Arc::default())
}

fn api(stub: &Stub, settings: target::CitrixSite) -> CitrixSite {
    open(sample(stub, &settings), settings)
}

/// What a site that is well answers.
fn answer(seen: &Request) -> Response {
    if seen.line == "POST /cvad/manage/Tokens" {
        return token("t1", "2023-11-14T23:13:20Z");
    }
    if seen.line == "POST /cctrustoauth2/abc/tokens/clients" {
        return json(r#"{"token_type":"bearer","access_token":"t1","expires_in":"3600"}"#);
    }
    let is_of_site = seen.path() == "/cvad/manage/me" || seen.header("citrix-instanceid") == "site-1";
    if !seen.header("authorization").starts_with("CWSAuth Bearer=") || !is_of_site {
        return status(401);
    }
    match seen.path() {
        "/cvad/manage/me" => json(ME),
        "/cvad/manage/Machines" => json(MACHINES),
        "/cvad/manage/DeliveryGroups" => json(GROUPS),
        "/cvad/manage/hypervisors" => json(HYPERVISORS),
        "/cvad/manage/Zones" => json(ZONES),
        "/cvad/manage/Sites/site-1/License" => json(LICENSES_OF_SITE),
        _ => status(404),
    }
}

/// A token as a Delivery Controller hands it out. At [`NOW`] it is 2023-11-14T22:13:20Z.
fn token(text: &str, ends: &str) -> Response {
    json(format!(r#"{{"Token":"{text}","Principal":"{USER}","CustomerId":"CitrixOnPremises","ExpiresAt":"{ends}"}}"#))
}

/// A site that is well but for what this answers.
fn but(other: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Stub {
    Stub::start(move |seen| other(seen).unwrap_or_else(|| answer(seen)))
}

fn status(code: u16) -> Response {
    Response::new(code, "application/json", r#"{"ErrorMessage":"No such luck."}"#)
}

fn at(minutes: u64) -> UnixTime {
    NOW.plus(Duration::from_secs(60 * minutes))
}

#[tokio::test]
async fn machines_are_told_with_all_that_a_site_knows() {
    let stub = Stub::start(answer);
    let (observation, warnings) = poll_at(&mut api(&stub, settings()), &Memory::default(), NOW).await;
    let observation = observation.expect("a poll that works");
    let part = fresh(&observation, "machines");
    assert_eq!(
        samples(part),
        [
            "citrix_site_machine_info{Win11,vdi-001.corp.example;a1,S-1-5-21-1-2-3-1001,MCS,Primary,SingleSession,2402.0.100} 1",
            r"citrix_site_machine_info{catalog/PVS,CORP\RDS-002;a2,S-1-5-21-1-2-3-1002,PVS,,MultiSession,} 1",
            "citrix_site_machine_info{Win11,vdi-003.corp.example;a3,,,,,} 1",
            "citrix_site_machine_info{Win11,vdi-004.corp.example;a4,,,,MultiSession,} 1",
            "citrix_site_machine_power_state{Win11,vdi-001.corp.example;On} 1",
            r"citrix_site_machine_power_state{catalog/PVS,CORP\RDS-002;On} 1",
            "citrix_site_machine_power_state{Win11,vdi-003.corp.example;Off} 1",
            "citrix_site_machine_power_state{Win11,vdi-004.corp.example;other} 1",
            "citrix_site_machine_registration_state{Win11,vdi-001.corp.example;Registered} 1",
            r"citrix_site_machine_registration_state{catalog/PVS,CORP\RDS-002;Registered} 1",
            "citrix_site_machine_registration_state{Win11,vdi-003.corp.example;Unregistered} 1",
            "citrix_site_machine_registration_state{Win11,vdi-004.corp.example;Unknown} 1",
            "citrix_site_machine_fault_state{Win11,vdi-001.corp.example;None} 1",
            r"citrix_site_machine_fault_state{catalog/PVS,CORP\RDS-002;MaxCapacity} 1",
            "citrix_site_machine_fault_state{Win11,vdi-003.corp.example;FailedToStart} 1",
            "citrix_site_machine_maintenance_mode{Win11,vdi-001.corp.example;} 0",
            r"citrix_site_machine_maintenance_mode{catalog/PVS,CORP\RDS-002;} 0",
            "citrix_site_machine_maintenance_mode{Win11,vdi-003.corp.example;} 0",
            "citrix_site_machine_maintenance_mode{Win11,vdi-004.corp.example;} 1",
            "citrix_site_machine_sessions{Win11,vdi-001.corp.example;} 1",
            r"citrix_site_machine_sessions{catalog/PVS,CORP\RDS-002;} 12",
            r"citrix_site_machine_load_ratio{catalog/PVS,CORP\RDS-002;} 1",
            "citrix_site_machine_last_deregistration_timestamp_seconds{Win11,vdi-001.corp.example;} 1699992000",
            "citrix_site_machine_last_deregistration_timestamp_seconds{Win11,vdi-003.corp.example;} 1699995600.5",
            "citrix_site_machine_last_deregistration_reason{Win11,vdi-001.corp.example;AgentShutdown} 1",
            "citrix_site_machine_last_deregistration_reason{Win11,vdi-003.corp.example;other} 1",
            "citrix_site_storefront_farm_info{XD;} 1",
        ]
    );
    let health: Vec<_> = part.agents.iter().map(|agent| (agent.health, &*agent.state)).collect();
    assert_eq!(
        health,
        [
            (Some(Health::Healthy), "On, Registered"),
            (Some(Health::Degraded), "On, Registered, MaxCapacity"),
            (Some(Health::Failed), "Off, Unregistered, FailedToStart"),
            (Some(Health::Disabled), "Hibernated, Unknown, maintenance"),
        ]
    );
    // A state, a reason and a load that nobody has heard of; two rows that are none.
    assert_eq!(counted(&warnings), [("unknown_state", 2), ("bad_item", 2), ("bad_value", 1)]);
    let notes = ["site site-1 (S)", "the account also sees site-2; site_id selects one"];
    assert_eq!(observation.notes, notes);
}

#[tokio::test]
async fn what_is_not_a_machine_is_told_of_its_group_hypervisor_zone_and_site() {
    let stub = Stub::start(answer);
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    let all: Vec<String> = ["delivery_groups", "hypervisors", "zones", "licenses"]
        .into_iter()
        .flat_map(|key| samples(fresh(&observation, key)))
        .collect();
    assert_eq!(
        all,
        [
            "citrix_site_delivery_group_sessions{Win11;} 1",
            "citrix_site_delivery_group_maintenance_mode{Win11;} 0",
            "citrix_site_delivery_group_maintenance_mode{Empty;} 1",
            "citrix_site_delivery_group_desktops{Win11;total} 3",
            "citrix_site_delivery_group_desktops{Win11;available} 0",
            "citrix_site_delivery_group_desktops{Win11;disconnected} 0",
            "citrix_site_delivery_group_desktops{Win11;faulted} 1",
            "citrix_site_delivery_group_desktops{Win11;unregistered} 2",
            "citrix_site_hypervisor_fault{;vc-1,} 0",
            "citrix_site_hypervisor_fault{;vc-2,The remote name could not be resolved.} 1",
            "citrix_site_hypervisor_fault{;az,} 0",
            "citrix_site_hypervisor_info{;vc-1,VCenter,Primary} 1",
            "citrix_site_hypervisor_info{;vc-2,VCenter,Primary} 1",
            "citrix_site_hypervisor_info{;az,AzureRM,} 1",
            "citrix_site_zone_healthy{;Primary} 1",
            "citrix_site_zone_healthy{;Branch} 0",
            "citrix_site_licenses{;used} 75",
            "citrix_site_licenses{;normal} 100",
            "citrix_site_licenses{;overdraft} 10",
        ]
    );
    assert_eq!(observation.extras, [("licenses", Ok(()))]);
}

/// Not even a site that sends them all the same gets a user into what is kept, and none is asked for.
#[tokio::test]
async fn nothing_about_users_is_asked_for_or_kept() {
    let stub = Stub::start(answer);
    let observation = poll(&mut api(&stub, settings())).await.expect("a poll that works");
    let kept = format!("{observation:?} {:?}", fresh(&observation, "machines"));
    assert!(!kept.contains(USER) && !kept.to_lowercase().contains("sessionuser"), "{kept}");
    let asked = stub.lines();
    let machines = asked.iter().find(|line| line.contains("/Machines")).expect("it was asked for");
    assert!(machines.contains("limit=1000&fields=Id%2CName%2CDnsName"), "{machines}");
    let groups = asked.iter().find(|line| line.contains("/DeliveryGroups")).expect("it was asked for");
    assert!(groups.contains("fields=Id%2CName"), "{groups}");
    for line in &asked {
        let lower = line.to_lowercase();
        assert!(!["user", "client", "ipaddress", "session_"].iter().any(|word| lower.contains(word)), "{line}");
    }
}

#[tokio::test]
async fn pools_can_be_catalogs_and_states_overridden() {
    let stub = Stub::start(answer);
    let settings = target::CitrixSite { pool_by: SitePools::Catalog, ..settings() };
    let mut target = sample(&stub, &settings);
    let health = |state: &str, health| HealthOverride { state: state.to_owned(), pool: Glob::any(), health };
    target.health_overrides = vec![health("inmaintenancemode", Health::Failed), health("MaxCapacity", Health::Healthy)];
    let observation = poll(&mut open(target, settings)).await.expect("a poll that works");
    let part = fresh(&observation, "machines");
    let rows: Vec<_> =
        part.agents.iter().map(|agent| (&*part.pools[agent.pool.0 as usize].name, agent.health)).collect();
    let expected = [
        ("MCS", Some(Health::Healthy)),
        ("PVS", Some(Health::Healthy)),
        ("catalog/", Some(Health::Failed)),
        ("catalog/", Some(Health::Failed)),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_short_list_fails_alone_and_the_machines_fail_the_poll() {
    static BROKEN: Mutex<&str> = Mutex::new("/cvad/manage/hypervisors");
    let stub = but(|seen| (seen.path() == *BROKEN.lock().expect("nobody panics")).then(|| status(500)));
    let mut api = api(&stub, settings());
    let observation = poll(&mut api).await.expect("a poll that works");
    assert_eq!(
        failed(&observation, "hypervisors").message,
        r#"GET /cvad/manage/hypervisors: 500 Internal Server Error: "No such luck.""#
    );
    fresh(&observation, "zones");
    *BROKEN.lock().expect("nobody panics") = "/cvad/manage/Machines";
    assert_eq!(poll(&mut api).await.expect_err("no machines").reason, Reason::HttpStatus);
}

#[tokio::test]
async fn licenses_are_read_every_quarter_of_an_hour_and_left_alone_where_they_are_refused() {
    static REFUSED: AtomicBool = AtomicBool::new(false);
    let is_license = |line: &&String| line.contains("/License");
    let stub = but(|seen| (seen.path().ends_with("/License") && REFUSED.load(Ordering::Relaxed)).then(|| status(403)));
    let (mut api, memory) = (api(&stub, settings()), Memory::default());
    let mut asked = Vec::new();
    for minute in 0..100 {
        REFUSED.store(minute >= 20, Ordering::Relaxed);
        let observation = poll_at(&mut api, &memory, at(minute)).await.0.expect("a poll that works");
        if stub.asked().iter().filter(is_license).count() > 0 {
            asked.push(minute);
        }
        // The last good ones stay for three of their intervals.
        let is_there = observation.parts.iter().any(|(key, _)| &**key == "licenses");
        assert_eq!(is_there, minute < 60, "{minute}");
        let outcome = observation.extras[0].1.as_ref().err().map(|failure| failure.reason);
        assert_eq!(outcome, (minute >= 30).then_some(Reason::Forbidden), "{minute}");
    }
    assert_eq!(asked, [0, 15, 30, 90]);
    api.resume();
    poll_at(&mut api, &memory, at(100)).await.0.expect("a poll that works");
    assert_eq!(stub.asked().iter().filter(is_license).count(), 1);
    let mut none = self::api(&stub, target::CitrixSite { licenses: false, ..settings() });
    assert!(poll(&mut none).await.expect("a poll that works").extras.is_empty());
    assert_eq!(stub.asked().iter().filter(is_license).count(), 0);
}
