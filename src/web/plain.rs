//! `GET /runbooks/`, `/runbooks/<Alert>`, `/alerts`, `/alerts/<fingerprint>`, `/agents`: what the links of alerts lead to, as plain as it can
//! be.

use hyper::StatusCode;
use maud::{DOCTYPE, Markup, html};

use super::{
    Options,
    reply::{Reply, Request},
};
use crate::{alert::queue::Fingerprint, daemon::Daemon, exposition::Body};

/// The runbooks that the program carries.
macro_rules! runbooks {
    ($($name:literal)+) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/runbooks/", $name, ".md")))),+]
    };
}

static RUNBOOKS: [(&str, &str); 77] = runbooks! {
    "AzureDevOpsAgentLostJob"
    "AzureDevOpsElasticPoolExhausted"
    "AzureDevOpsElasticPoolUnhealthy"
    "AzureDevOpsJobUnmatched"
    "AzureDevOpsPoolSaturated"
    "AzureDevOpsPoolWithoutAgents"
    "AzureDevOpsQueueStuck"
    "AzureDevOpsQueueWaitHigh"
    "AzureDevOpsServiceSuspected"
    "CitrixEnumerationIncomplete"
    "CitrixMachineUnregistered"
    "CitrixMachinesVanished"
    "CitrixPowerActionStuck"
    "CitrixPowerStateUnknown"
    "CitrixVmMissing"
    "ParallelsRasAgentVersionMismatch"
    "ParallelsRasEntryPointDown"
    "ParallelsRasHostPoolEmpty"
    "ParallelsRasHostPoolSessionsNearLimit"
    "ParallelsRasLicenseExpired"
    "ParallelsRasLicenseExpiring"
    "ParallelsRasLicenseUsersNearLimit"
    "ParallelsRasNoActiveBroker"
    "ParallelsRasObjectFailed"
    "ParallelsRasProfilesUnavailable"
    "ParallelsRasSessionPrimeSlow"
    "ParallelsRasSessionProbeFailing"
    "ParallelsRasSessionProbeMisconfigured"
    "ResilioAgentClockSkew"
    "ResilioAgentDiskFull"
    "ResilioAgentOffline"
    "ResilioAgentOfflineInhibitor"
    "ResilioAgentsPending"
    "ResilioClientDisconnected"
    "ResilioClientPaused"
    "ResilioClientRestartRequired"
    "ResilioConsoleLost"
    "ResilioJobBusyLong"
    "ResilioJobErrors"
    "ResilioJobEtaHigh"
    "ResilioJobFailed"
    "ResilioJobFailedWidely"
    "ResilioJobNoPeers"
    "ResilioJobNotSynced"
    "ResilioJobStalled"
    "ResilioRunFailed"
    "RollcallAbsent"
    "RollcallAgentFailed"
    "RollcallAgentFlapping"
    "RollcallAgentStuck"
    "RollcallAlertDeliveryFailing"
    "RollcallAlertmanagerUnreachable"
    "RollcallCertificateExpiring"
    "RollcallConfigReloadFailed"
    "RollcallCredentialExpiring"
    "RollcallDirectWatchdog"
    "RollcallDown"
    "RollcallDownWidely"
    "RollcallInventoryShrunk"
    "RollcallPanicking"
    "RollcallPollSlow"
    "RollcallPollsStopped"
    "RollcallPoolAllDisabled"
    "RollcallPoolBelowMinimum"
    "RollcallPoolCapacityLow"
    "RollcallPoolDegraded"
    "RollcallPoolDown"
    "RollcallPoolVanished"
    "RollcallStateNotWritten"
    "RollcallTargetBroken"
    "RollcallTargetDown"
    "RollcallTargetLoginHeld"
    "RollcallTargetPartial"
    "RollcallTargetRateLimited"
    "RollcallUnknownState"
    "RollcallWatchdog"
    "RollcallWebConfigReloadFailed"
};

/// What stands behind the prefix of a path.
fn rest<'a>(options: &Options, request: &'a Request, page: &str) -> &'a str {
    let path = request.path.strip_prefix(options.route_prefix.as_str()).unwrap_or(&request.path);
    path.strip_prefix(page).unwrap_or_default().trim_matches('/')
}

/// A runbook, or the list of all.
pub fn runbooks(options: &Options, request: &Request) -> Reply {
    let (name, prefix) = (rest(options, request, "/runbooks"), options.link_prefix());
    if name.is_empty() {
        let list = html! { ul { @for (name, _) in &RUNBOOKS { li { a href=(format!("{prefix}/runbooks/{name}")) { (name) } } } } };
        return page("Runbooks", &list);
    }
    match RUNBOOKS.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => page(name, &html! { pre { (text) } }),
        None => Reply::text(StatusCode::NOT_FOUND, "no alert has this name\n"),
    }
}

/// An alert, or the list of all. One that is over has its page still: the link to it was sent to somebody.
pub fn alerts(daemon: &Daemon, options: &Options, request: &Request) -> Reply {
    let (wanted, prefix) = (rest(options, request, "/alerts"), options.link_prefix());
    let alerts = daemon.evaluator().alerts();
    if wanted.is_empty() {
        let list = html! { ul { @for alert in &alerts {
            li { a href=(format!("{prefix}/alerts/{}", Fingerprint::of(&alert.labels))) { (alert.name) } }
        } } };
        return page("Alerts", &list);
    }
    let is_fingerprint = wanted.len() == 16 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_fingerprint {
        return Reply::text(StatusCode::NOT_FOUND, "no alert has this fingerprint\n");
    }
    match alerts.iter().find(|alert| Fingerprint::of(&alert.labels).to_string() == wanted.to_ascii_lowercase()) {
        Some(alert) => page(
            alert.name,
            &html! { dl {
                @for (name, value) in alert.labels.iter().chain(&alert.annotations) { dt { (name) } dd { (value) } }
            } },
        ),
        None => page("Alert", &html! { p { "This alert neither fires nor is pending." } }),
    }
}

/// The agents.
pub fn agents(options: &Options) -> Reply {
    page("Agents", &html! { p { a href=(format!("{}/api/v1/agents", options.link_prefix())) { "as JSON" } } })
}

fn page(title: &str, body: &Markup) -> Reply {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta name="viewport" content="width=device-width"; title { (title) } }
            body { h1 { (title) } (body) }
        }
    };
    Reply::new(StatusCode::OK, "text/html; charset=utf-8", Body::whole(page.into_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::catalogue;

    #[test]
    fn every_alert_has_its_runbook_in_the_program() {
        for alert in catalogue::all() {
            assert!(
                RUNBOOKS.iter().any(|(name, _)| *name == alert.name),
                "{} is missing in src/web/plain.rs",
                alert.name
            );
        }
    }
}
