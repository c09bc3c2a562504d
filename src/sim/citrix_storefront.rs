//! The simulated StoreFront: the CitrixAuth exchange, the enumeration of resources, and the machine control service.
//!
//! - `GET /Citrix/Store/discovery`, `GET /Citrix/Store/endpoints/v1` -- without a token
//! - `GET /Citrix/Store/resources/v2/withoutautoprovision` -- the enumeration; without the last part it also subscribes
//!   the account to applications, which is counted
//! - `POST /Citrix/Store/machinecontrol/list` -- the machines of at most 200 resources
//! - `POST /Citrix/Store/machinecontrol/shutdown`, `poweroff`, `suspend` -- answered and recorded
//! - below `/Citrix/Authentication`: see `auth`
//!
//! Credentials: [`CitrixStorefront::USERNAME`] and [`CitrixStorefront::PASSWORD`]; five wrong ones in a row lock the
//! account.

mod account;
mod auth;
mod challenge;
mod control;
mod controls;
mod credentials;
pub(crate) mod fleet;
mod form;
pub(crate) mod machine;
mod resources;
pub(crate) mod states;
#[cfg(test)]
mod tests;
mod token;
mod truth;
mod xml;

pub use account::LogOn;
pub use auth::{ChoicesStyle, Protocol};
pub use challenge::ChallengeStyle;
pub use control::ListStyle;
pub use controls::Enumeration;
pub use form::FormStyle;

use super::{Incident, Quirk, Request, Response, Service, Truth, World};
use auth::{MACHINE_REALM, STORE_REALM};
use controls::Controls;
use fleet::View;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use token::PasswordEnd;

const VENDOR: &str = "citrix_storefront";

/// The service. What it holds is only the sessions and what tests set; the fleet follows from the world.
pub struct CitrixStorefront {
    world: Arc<World>,
    auth: Mutex<auth::Auth>,
    controls: Mutex<Controls>,
}

impl CitrixStorefront {
    /// The account that may log on.
    pub const USERNAME: &'static str = "CORP\\svc-rollcall";
    /// The same account by its other name.
    pub const USER_PRINCIPAL_NAME: &'static str = "svc-rollcall@corp.example";
    /// The password that is accepted at first.
    pub const PASSWORD: &'static str = "simulated-citrix-password";

    /// Every power state that the vendor's page lists, for comparing tables.
    pub const POWER_STATES: [&'static str; 12] = states::POWER;
    /// Every registration state of that page.
    pub const REGISTRATION_STATES: [&'static str; 4] = states::REGISTRATION;

    /// The class of a combination of states, as in section 4, Health, of `deploy/docs/reference.md`; for comparing tables.
    pub fn health(power: &str, registration: &str, in_progress: bool, multi: bool) -> &'static str {
        states::health(power, registration, in_progress, multi)
    }

    /// The StoreFront of that world. The password ends 60 days after its beginning.
    pub fn new(world: Arc<World>) -> CitrixStorefront {
        CitrixStorefront {
            world,
            auth: Mutex::default(),
            controls: Mutex::new(Controls { password_days: Some(60), ..Controls::default() }),
        }
    }

    fn auth(&self) -> MutexGuard<'_, auth::Auth> {
        self.auth.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn view(&self) -> View {
        View::new(&self.world, VENDOR)
    }

    fn password_end(&self) -> Option<PasswordEnd> {
        let days = self.controls().password_days?;
        let left = Duration::from_secs(days * 86_400);
        // Whole seconds: the vendor prints milliseconds.
        let start = self.world.now().saturating_sub(self.world.elapsed()).as_secs();
        let end = Duration::from_secs(start) + left;
        let at = Timestamp::from_second(self.world.real(end.as_secs_f64()) as i64).ok()?;
        let remaining = end.saturating_sub(self.world.now());
        let remaining = Duration::from_secs_f64(self.world.real_time(remaining.as_secs_f64()));
        Some(PasswordEnd { at, remaining })
    }

    fn store(&self, request: &Request, path: &str) -> Response {
        let get = request.method == Method::GET;
        let open = match path {
            "/discovery" => Some(resources::DISCOVERY),
            "/endpoints/v1" => Some(resources::ENDPOINTS),
            _ => None,
        };
        if let Some(kind) = open {
            return match kind {
                _ if !get => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
                _ if !accepts(request, kind) => Response::empty(StatusCode::NOT_ACCEPTABLE),
                resources::DISCOVERY => resources::discovery(request),
                _ => resources::endpoints(request, self.world.quirk(VENDOR, Quirk::OldServer)),
            };
        }
        match path {
            "/resources/v2" | "/resources/v2/withoutautoprovision" => self.enumerate(request, path),
            "/machinecontrol/list"
            | "/machinecontrol/shutdown"
            | "/machinecontrol/poweroff"
            | "/machinecontrol/suspend" => self.machine_control(request, path),
            _ => Response::empty(StatusCode::NOT_FOUND),
        }
    }

    fn enumerate(&self, request: &Request, path: &str) -> Response {
        if let Err(challenge) = self.auth().guard(request, STORE_REALM, "/Citrix/Store/resources/v2") {
            return *challenge;
        }
        if request.method != Method::GET {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        if !accepts(request, resources::RESOURCES) {
            return Response::empty(StatusCode::NOT_ACCEPTABLE);
        }
        if path == "/resources/v2" {
            self.controls().auto_provisioned += 1;
        }
        let enumeration = self.controls().enumeration;
        resources::enumerate(request, &self.view(), enumeration)
    }

    fn machine_control(&self, request: &Request, path: &str) -> Response {
        let realm = if self.controls().one_realm { STORE_REALM } else { MACHINE_REALM };
        if let Err(challenge) = self.auth().guard(request, realm, "/Citrix/Store/machinecontrol") {
            return *challenge;
        }
        if request.method != Method::POST {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let view = self.view();
        if path == "/machinecontrol/list" {
            let (style, error) = {
                let controls = self.controls();
                (controls.list_style, controls.list_error.clone())
            };
            let bad = self.world.quirk(VENDOR, Quirk::BadItem);
            return control::list(request, &view, style, error.as_deref(), bad);
        }
        let (response, machine) = control::operate(request, &view.farms());
        let machine = machine.unwrap_or_default();
        self.controls().power_actions.push(format!("{path} {machine}"));
        response
    }
}

/// Whether `Accept` names the media type itself: a wildcard is not enough for StoreFront.
fn accepts(request: &Request, kind: &str) -> bool {
    request
        .headers
        .get_all("accept")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(kind))
}

/// 400 with the reason where StoreFront puts it.
fn bad_request(reason: &str) -> Response {
    Response::empty(StatusCode::BAD_REQUEST).with_header("x-citrix-error-reason", reason)
}

impl Service for CitrixStorefront {
    fn vendor(&self) -> &'static str {
        VENDOR
    }

    fn answer(&self, request: Request) -> Response {
        if self.world.since(Incident::VendorApiDown).is_some() {
            let page = "<html><head><title>Service Unavailable</title></head><body>HTTP Error 503.</body></html>";
            return Response::full(StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=us-ascii", page);
        }
        // IIS compares paths without regard to case.
        let path = request.path.trim_end_matches('/').to_ascii_lowercase();
        if let Some(rest) = path.strip_prefix("/citrix/store/") {
            return self.store(&request, &format!("/{rest}"));
        }
        let Some(rest) = path.strip_prefix("/citrix/authentication/") else {
            return Response::empty(StatusCode::NOT_FOUND);
        };
        if request.method != Method::POST {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let end = self.password_end();
        self.auth().answer(&request, &format!("/{rest}"), end)
    }

    fn truth(&self) -> Vec<Truth> {
        let enumeration = self.controls().enumeration;
        truth::truth(&self.view(), enumeration, self.password_end())
    }

    fn targets(&self, base: &str) -> String {
        let interval = if self.world.share(VENDOR) > 2_000 { 30 } else { 10 };
        format!(
            "  - name: {}\n    vendor: {VENDOR}\n    url: {base}/Citrix/Store\n    interval: {interval}s\n    \
             auth: {{ username: '{}', password: {}, method: explicit_forms }}\n    enumerate_interval: 30s\n",
            truth::TARGET,
            CitrixStorefront::USERNAME,
            // A JSON string is one of YAML too, whatever is in it.
            serde_json::Value::from(self.auth().account.password.as_str()),
        )
    }

    fn carries_secret(&self, request: &Request) -> bool {
        credentials::carries_secret(request)
    }

    fn set_secret(&self, secret: &str) {
        self.auth().account.password = secret.to_owned();
    }

    fn expire_sessions(&self) {
        self.auth().forget();
    }
}
