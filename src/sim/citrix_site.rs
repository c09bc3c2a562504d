//! The simulated Citrix site: the REST API of a Delivery Controller, and of Citrix Cloud, over the machines of the simulated
//! StoreFront.
//!
//! - `POST /cvad/manage/Tokens` -- on premises, HTTP Basic
//! - `POST /cctrustoauth2/{customer}/tokens/clients` -- the cloud, client credentials
//! - below `/cvad/manage`: `GET /me`, `/Machines`, `/DeliveryGroups`, `/hypervisors`, `/Zones`, `/Sites/{id}/License`, each with
//!   `Authorization: CWSAuth Bearer=…`, `Citrix-CustomerId` and, all but the first, `Citrix-InstanceId`
//!
//! Names, SIDs and states are those of StoreFront at the same moment; what StoreFront calls a farm is a zone here. Whatever is
//! not `GET` is refused beside the log-ons: it would change the site. An answer that is not cut down by `fields` holds users,
//! each of which is called [`CitrixSite::USER`].

mod access;
mod machine;
mod site;
#[cfg(test)]
mod tests;
mod truth;
mod wire;

use super::{Quirk, Request, Response, Service, Truth, World};
use access::Access;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use site::Site;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

const VENDOR: &str = "citrix_site";

/// The target that polls it.
const TARGET: &str = "site";

/// Below this path are all calls but the log-on of the cloud.
const ROOT: &str = "/cvad/manage/";

/// So many items are in a page where nothing else is asked for, and at the most.
const USUAL_PAGE: usize = 250;
const LARGEST_PAGE: usize = 1_000;

/// What is odd in the pages of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paging {
    /// Nothing.
    #[default]
    Usual,
    /// The first page comes again and again, and leads to itself.
    Repeats,
    /// Each page leads to another one; behind the last machine they are empty.
    Endless,
    /// `TotalItems` is another number than there are.
    Lies,
    /// There is no `Items`.
    WithoutItems,
}

/// The site.
pub struct CitrixSite {
    world: Arc<World>,
    controls: Mutex<Controls>,
    access: Mutex<Access>,
}

/// What tests have set.
#[derive(Debug, Clone, Default)]
struct Controls {
    paging: Paging,
    /// By host name, e.g. `VDI-EAST-001`.
    faults: BTreeMap<String, &'static str>,
    maintenance: BTreeSet<String>,
    draining: BTreeSet<String>,
    /// Names of zones.
    ill_zones: BTreeSet<String>,
    /// The load of every host with several users.
    load: Option<u64>,
}

impl CitrixSite {
    /// The account that may log on, on premises.
    pub const USERNAME: &'static str = "CORP\\svc-rollcall";
    /// Its password at first.
    pub const PASSWORD: &'static str = "simulated-site-password";
    /// The customer in the cloud.
    pub const CUSTOMER_ID: &'static str = "simcustomer1";
    /// The API client of that customer.
    pub const CLIENT_ID: &'static str = "0a6f5b3e-1111-4c8e-9d5e-5a1c7e000001";
    /// Its secret at first.
    pub const CLIENT_SECRET: &'static str = "simulated-daas-secret";
    /// The id of the site.
    pub const SITE_ID: &'static str = "7f0d4f4c-2222-4b9a-8c1f-0d5b9a000002";
    /// What every field about a user holds.
    pub const USER: &'static str = "CORP\\somebody.in.particular";

    /// Every power state of the vendor's client, for comparing tables.
    pub const POWER_STATES: [&'static str; 12] = crate::citrix_storefront::states::POWER;
    /// Every registration state of it.
    pub const REGISTRATION_STATES: [&'static str; 5] = site::REGISTRATION;
    /// Every fault state of it.
    pub const FAULT_STATES: [&'static str; 7] = site::FAULTS;
    /// Every reason for a lost registration.
    pub const DEREGISTRATION_REASONS: [&'static str; 32] = site::REASONS;

    /// The site of that world.
    pub fn new(world: Arc<World>) -> CitrixSite {
        CitrixSite { world, controls: Mutex::default(), access: Mutex::default() }
    }

    /// What is odd in the pages of machines from now on.
    pub fn set_paging(&self, paging: Paging) {
        self.controls().paging = paging;
    }

    /// Gives one machine a fault state; `None` gives it back to the simulation.
    pub fn set_fault(&self, machine: &str, fault: Option<&'static str>) {
        let mut controls = self.controls();
        match fault {
            Some(fault) => controls.faults.insert(machine.to_owned(), fault),
            None => controls.faults.remove(machine),
        };
    }

    /// Puts a machine into maintenance.
    pub fn set_maintenance(&self, machine: &str, on: bool) {
        let names = &mut self.controls().maintenance;
        let _ = if on { names.insert(machine.to_owned()) } else { names.remove(machine) };
    }

    /// Lets a machine take nobody new until it is shut down.
    pub fn set_draining(&self, machine: &str, on: bool) {
        let names = &mut self.controls().draining;
        let _ = if on { names.insert(machine.to_owned()) } else { names.remove(machine) };
    }

    /// Whether a zone, e.g. `West`, is healthy.
    pub fn set_zone_healthy(&self, zone: &str, healthy: bool) {
        let zones = &mut self.controls().ill_zones;
        let _ = if healthy { zones.remove(zone) } else { zones.insert(zone.to_owned()) };
    }

    /// The load index of all hosts with several users, of 10000; `None` gives it back to the simulation.
    pub fn set_load(&self, load: Option<u64>) {
        self.controls().load = load;
    }

    /// How long tokens last that are handed out from now on; an hour at first.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.access().lifetime = lifetime;
    }

    /// Every token is refused after so many more requests; at first none is.
    pub fn refuse_tokens_after(&self, requests: usize) {
        self.access().refuse_after = Some(requests);
    }

    /// How often a password or a client secret was submitted, right or wrong.
    pub fn credential_submissions(&self) -> u64 {
        self.access().submissions
    }

    /// Whether too many wrong passwords locked the account.
    pub fn locked(&self) -> bool {
        self.access().locked()
    }

    /// Changes the client secret that the cloud accepts.
    pub fn set_client_secret(&self, secret: &str) {
        self.access().client_secret = secret.to_owned();
    }

    /// The class of health that the reference gives a machine, for comparing tables.
    pub fn health(power: &str, registration: &str, acting: bool, multi: bool, out: bool, fault: &str) -> &'static str {
        site::health(power, registration, acting, multi, out, fault)
    }

    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn site(&self) -> Site {
        Site::new(&self.world, self.controls().clone())
    }

    fn get(&self, request: &Request, path: &str) -> Response {
        let printer = wire::Printer::of(&self.world, request);
        let site = self.site();
        let path = path.to_ascii_lowercase();
        match path.as_str() {
            "me" => printer.one(json!({
                "UserId": "S-1-5-21-1-2-3-500", "DisplayName": CitrixSite::USER,
                "Customers": [{ "Id": self.access().customer_of(request), "Name": "Contoso", "Sites": [
                    { "Id": CitrixSite::SITE_ID, "Name": "Contoso Site" }
                ] }],
            })),
            "machines" => self.machines(request, &printer, &site),
            "deliverygroups" => printer.page(request, site.groups().iter().map(wire::group).collect()),
            "hypervisors" => printer.page(request, site.hypervisors().iter().map(wire::hypervisor).collect()),
            "zones" => printer.page(request, site.zones().iter().map(wire::zone).collect()),
            _ if path == format!("sites/{}/license", CitrixSite::SITE_ID) => printer.one(wire::licenses(&site)),
            _ => error(StatusCode::NOT_FOUND, "The requested object does not exist."),
        }
    }

    fn machines(&self, request: &Request, printer: &wire::Printer, site: &Site) -> Response {
        let Some((skip, most)) = wire::range(request) else {
            return error(StatusCode::BAD_REQUEST, "The limit or the continuation token is invalid.");
        };
        let paging = self.controls().paging;
        let count = site.count();
        let skip = if paging == Paging::Repeats { 0 } else { skip };
        let end = count.min(skip + most);
        let mut items: Vec<Value> = (skip..end).map(|place| wire::machine(&site.machine(place))).collect();
        if skip == 0 && self.world.quirk(VENDOR, Quirk::BadItem) {
            items.insert(0, json!({ "Name": "no id", "PowerState": ["On"], "InMaintenanceMode": {} }));
        }
        let next = match paging {
            Paging::Repeats => Some(0),
            Paging::Endless => Some(skip + most),
            _ => (end < count).then_some(end),
        };
        let total = if paging == Paging::Lies { count * 3 + 7 } else { count };
        printer.list(paging != Paging::WithoutItems, items, next, total)
    }
}

/// An error as the API writes it.
fn error(status: StatusCode, message: &str) -> Response {
    let body = json!({ "ErrorMessage": message, "ErrorData": [], "HttpStatusCode": status.as_u16() });
    Response::full(status, wire::JSON, body.to_string())
}

impl Service for CitrixSite {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        let path = request.path.trim_end_matches('/');
        if let Some(customer) = access::cloud_customer(path) {
            return self.access().cloud_token(&request, customer);
        }
        // IIS compares paths without regard to case.
        let below =
            path.get(..ROOT.len()).filter(|start| start.eq_ignore_ascii_case(ROOT)).map(|_| &path[ROOT.len()..]);
        let Some(below) = below else { return error(StatusCode::NOT_FOUND, "Not found.") };
        if below.eq_ignore_ascii_case("Tokens") {
            return match request.method {
                Method::POST => self.access().token(&request, self.world.quirk(VENDOR, Quirk::OtherSpelling)),
                _ => error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed."),
            };
        }
        if let Err(refused) = self.access().guard(&request, !below.eq_ignore_ascii_case("me")) {
            return *refused;
        }
        if request.method != Method::GET {
            return error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.");
        }
        self.get(&request, below)
    }

    fn truth(&self) -> Vec<Truth> {
        truth::of(&self.site(), self.world.quirk(VENDOR, Quirk::OldServer))
    }

    fn targets(&self, base: &str) -> String {
        let interval = if self.site().count() > 2_000 { 30 } else { 10 };
        let farms: Vec<&str> = self.site().farms.iter().map(|farm| farm.name).collect();
        let access = self.access();
        format!(
            "  - name: {TARGET}\n    vendor: {VENDOR}\n    url: {base}\n    interval: {interval}s\n    \
             auth: {{ username: '{}', password: {} }}\n    \
             # cloud: {{ customer_id: {}, client_id: {}, client_secret: {} }}   # instead of auth, as in Citrix Cloud\n    \
             storefront_farms: [{}]\n",
            CitrixSite::USERNAME,
            // A JSON string is one of YAML too, whatever is in it.
            Value::from(access.password.as_str()),
            CitrixSite::CUSTOMER_ID,
            CitrixSite::CLIENT_ID,
            Value::from(access.client_secret.as_str()),
            farms.join(", "),
        )
    }

    fn carries_secret(&self, request: &Request) -> bool {
        access::carries_secret(request)
    }

    fn set_secret(&self, secret: &str) {
        self.access().password = secret.to_owned();
    }

    fn expire_sessions(&self) {
        self.access().forget();
    }
}
