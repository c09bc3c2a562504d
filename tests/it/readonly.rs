//! Nothing that is sent to a vendor changes anything there: whatever happens, only these requests are seen.

use std::{collections::BTreeSet, time::Duration};

use rollcall_sim::{Fault, Incident, JournalEntry, Options, Quirk};

use crate::{
    program,
    support::{Config, Daemon, Folder, Sim, Target, VENDORS, WAIT_TIMEOUT, wait_until},
};

/// Method and path of everything that may be sent. `*` stands for one part of a path: a number, a name, a tenant.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "parallels_ras",
        &[
            "POST /api/Session/logon",
            "POST /api/Session/logoff",
            "GET /api/Agent",
            "GET /api/Broker",
            "GET /api/Gateway",
            "GET /api/RDS/Host",
            "GET /api/RDS",
            "GET /api/Provider",
            "GET /api/Provider/VM/Host/Status",
            "GET /api/EnrollmentServer/Status",
            "GET /api/Provider/VM/AVDHost/Status",
            "GET /api/HALB/Device",
            "GET /api/Site/status",
            "GET /api/RDS/Host/status",
            "GET /api/Gateway/status",
            "GET /api/Broker/status",
            "GET /api/License",
            "GET /api/RDS/HostPool",
            "GET /api/VDI/HostPool",
            "GET /api/AVD/HostPool",
            "GET /api/RDS/HostPool/*/Members",
            "GET /api/VDI/HostPool/*/Members",
            "GET /api/AVD/HostPool/*/Members",
        ],
    ),
    ("parallels_ras_session", &["PUT /api/directsessiontunnel"]),
    ("resilio", &["GET /*/api/v3/token", "GET /*/api/v3/client", "GET /*/api/v3/runs", "GET /*/api/v3/tags"]),
    (
        "resilio_console",
        &[
            "GET /api/v2/agents",
            "GET /api/v2/pending_agents",
            "GET /api/v2/groups",
            "GET /api/v2/jobs",
            "GET /api/v2/runs",
            "GET /api/v2/runs/*/agents",
        ],
    ),
    (
        "azure_devops",
        &[
            "GET /contoso/_apis/distributedtask/pools",
            "GET /contoso/_apis/distributedtask/pools/*/agents",
            "GET /contoso/_apis/distributedtask/pools/*/jobrequests",
            "GET /contoso/_apis/distributedtask/elasticpools",
            "POST /*/oauth2/v2.0/token",
        ],
    ),
    (
        "citrix_storefront",
        &[
            "GET /Citrix/Store/discovery",
            "GET /Citrix/Store/endpoints/v1",
            // The other enumeration would subscribe the account to applications.
            "GET /Citrix/Store/resources/v2/withoutautoprovision",
            "POST /Citrix/Store/machinecontrol/list",
            "POST /Citrix/Authentication/auth/v1/token",
            "POST /Citrix/Authentication/auth/v1/protocols",
            "POST /Citrix/Authentication/ExplicitForms/Start",
            "POST /Citrix/Authentication/ExplicitForms",
            "POST /Citrix/Authentication/ExplicitForms/Authenticate",
            // After the password, where there is a page with nothing but a button.
            "POST /Citrix/Authentication/ExplicitForms/Acknowledge",
            "POST /Citrix/Authentication/HttpBasic/Authenticate",
        ],
    ),
    (
        "citrix_site",
        &[
            "POST /cvad/manage/Tokens",
            "POST /cctrustoauth2/*/tokens/clients",
            "GET /cvad/manage/me",
            "GET /cvad/manage/Machines",
            "GET /cvad/manage/DeliveryGroups",
            "GET /cvad/manage/hypervisors",
            "GET /cvad/manage/Zones",
            "GET /cvad/manage/Sites/*/License",
        ],
    ),
];

fn allowed(seen: &JournalEntry) -> bool {
    let path = seen.path.split('?').next().unwrap_or_default();
    let patterns = ALLOWED.iter().find(|(vendor, _)| *vendor == seen.vendor).map_or(&[][..], |(_, patterns)| patterns);
    patterns.iter().any(|pattern| {
        let (method, pattern) = pattern.split_once(' ').expect("a method and a path");
        let same = |(part, wanted): (&str, &str)| part == wanted || (wanted == "*" && !part.is_empty());
        method == seen.method
            && path.split('/').count() == pattern.split('/').count()
            && path.split('/').zip(pattern.split('/')).all(same)
    })
}

/// Every parameter that may stand in a query.
const PARAMETERS: [&str; 16] = [
    "siteId",
    "token",
    "declined",
    "offset",
    "limit",
    "fields",
    "api-version",
    "includeAssignedRequest",
    "includeLastCompletedRequest",
    "includeCapabilities",
    "continuationToken",
    "completedRequestCount",
    "poolType",
    "obj",
    "$top",
    "propertyFilters",
];

#[track_caller]
fn only_allowed(journal: &[JournalEntry], when: &str) {
    for seen in journal {
        assert!(
            allowed(seen),
            "{when}, not in ALLOWED of tests/it/readonly.rs, which lists what changes nothing: {seen:?}"
        );
        for parameter in seen.path.split_once('?').map_or("", |(_, query)| query).split('&').filter(|p| !p.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            assert!(PARAMETERS.contains(&name), "{when}: {seen:?}");
        }
    }
}

#[test]
fn a_request_that_is_not_on_the_list_is_found() {
    let seen = |method: &str, path: &str| JournalEntry {
        vendor: "parallels_ras",
        method: method.to_owned(),
        path: path.to_owned(),
        status: 200,
        secret: false,
        received_at: Duration::ZERO,
        answered: Duration::ZERO,
    };
    assert!(allowed(&seen("GET", "/api/Agent?siteId=1")));
    for (method, path) in
        [("DELETE", "/api/Agent"), ("PUT", "/api/Agent"), ("GET", "/api/Agent/1"), ("POST", "/api/RDS")]
    {
        assert!(!allowed(&seen(method, path)), "{method} {path}");
    }
}

/// The targets, one of each vendor and the other ways to log on.
const TARGETS: [&str; VENDORS.len() + 3] = {
    let mut targets = ["filer-2"; VENDORS.len() + 3];
    let mut index = 0;
    while index < VENDORS.len() {
        targets[index] = VENDORS[index];
        index += 1;
    }
    targets[index] = "builds-entra";
    targets[index + 1] = "desktops-basic";
    targets
};

fn config(sim: &Sim) -> Config {
    let password = format!("password: {}", rollcall_sim::CitrixStorefront::PASSWORD);
    Config::with_defaults("{ interval: 1s, timeout: 5s, stale_after: 20s }")
        .targets(VENDORS.map(|vendor| match vendor {
            "parallels_ras" => Target::ras(vendor, sim).set("resolve_names", "true").set("stale_after", "20s"),
            "citrix_storefront" => Target::citrix(vendor, sim).set("enumerate_interval", "1s"),
            _ => Target::of(vendor, vendor, sim),
        }))
        .target(Target::resilio("filer-2", sim, 2))
        .target(Target::azure_entra("builds-entra", sim))
        .target(Target::citrix("desktops-basic", sim).citrix_method("http_basic", &password))
}

#[test]
fn only_requests_that_change_nothing_are_sent_whatever_happens() {
    let sim = Sim::start(Options { agents: 200, speed: 60.0, ..Options::default() });
    let folder = Folder::new();
    // A minute in which a password waits that proved nothing takes a second.
    let daemon = Daemon::with_flags(&config(&sim).write(&folder), &["--time-scale", "60"]);
    daemon.wait_until_up(&TARGETS);
    let vendors: Vec<&'static str> = sim.vendors().collect();
    // Of every vendor some more requests are seen in every situation; then it is another one's turn.
    let look = |when: &str, asked: &[&str]| {
        sim.clear_journal();
        wait_until(when, WAIT_TIMEOUT, || {
            let journal = sim.journal();
            only_allowed(&journal, when);
            let missing: Vec<&&str> =
                asked.iter().filter(|v| journal.iter().filter(|seen| seen.vendor == **v).count() < 3).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
        });
    };
    look("all is well", &vendors);
    for quirk in [Quirk::BadItem, Quirk::UnknownState, Quirk::OtherSpelling, Quirk::OldServer, Quirk::EveryState] {
        vendors.iter().for_each(|vendor| sim.world().set_quirk(vendor, quirk, true));
        look(&format!("{quirk:?}"), &vendors);
        vendors.iter().for_each(|vendor| sim.world().set_quirk(vendor, quirk, false));
    }
    for incident in Incident::ALL {
        sim.world().begin(incident);
        let asked: Vec<&str> = match incident {
            Incident::PasswordExpired => vec!["resilio"],
            Incident::RateLimited => vec!["resilio", "citrix_storefront"],
            _ => vec!["azure_devops", "citrix_storefront", "resilio"],
        };
        look(&format!("{incident}"), &asked);
        sim.world().end(incident);
    }
    for fault in [
        Fault::Drop,
        Fault::Status(500, "{}", "application/json"),
        Fault::Status(401, "{}", "application/json"),
        Fault::Status(403, "", "text/plain"),
        Fault::Html,
        Fault::Truncated,
        Fault::Header("location", "/api/Agent/delete".to_owned()),
    ] {
        vendors.iter().for_each(|vendor| sim.fail(vendor, "", fault.clone()));
        look(&format!("{fault:?}"), &["resilio"]);
        vendors.iter().for_each(|vendor| sim.heal(vendor));
    }
    vendors.iter().for_each(|vendor| sim.expire_sessions(vendor));
    look("every session is forgotten", &["resilio", "azure_devops"]);
    sim.clear_journal();
    daemon.terminate();
    for target in TARGETS {
        let file = folder.file("rollcall.yml");
        let file = file.to_str().expect("the temporary folder has a plain name");
        let _ = program::rollcall(&["probe", target, "--config.file", file]);
    }
    let journal = sim.journal();
    only_allowed(&journal, "the stop, and probes");
    let probed: BTreeSet<&str> = journal.iter().map(|seen| seen.vendor).collect();
    assert_eq!(probed, vendors.into_iter().collect());
    assert_eq!(sim.citrix_storefront().power_actions(), [""; 0]);
    assert_eq!(sim.citrix_storefront().auto_provisioned(), 0);
    // The light probe opens no session.
    assert_eq!(sim.parallels_ras_session().primed_sessions(), 0);
}
