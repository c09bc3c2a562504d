//! Which alerts the incidents of the simulation bring: the demo announces them, the tests replay every incident and compare, and
//! the documentation has them as a table. Incidents and vendors that are not in it cost nothing.

use std::time::Duration;

use crate::rules::catalogue::{self, Severity};
use rollcall_sim::Incident;

/// What an incident brings at the targets of one vendor, whoever pages: Prometheus, the daemon, or both at once.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// What happens.
    pub incident: Incident,
    /// At whose targets.
    pub vendor: &'static str,
    /// Every page and every ticket, in the order of their time.
    pub alerts: &'static [ExpectedAlert],
    /// Why so many, and why then.
    pub why: &'static str,
}

/// An alert of an incident.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedAlert {
    /// `alertname`.
    pub name: &'static str,
    /// Critical: a page; warning: a ticket.
    pub severity: Severity,
    /// From when on its condition holds.
    pub holds: Holds,
}

/// From when on the condition of an alert holds, counted from the beginning of an incident.
#[derive(Debug, Clone, Copy)]
pub enum Holds {
    /// With the next poll.
    AtOnce,
    /// With the second poll after that.
    NextPoll,
    /// After this many minutes, for what waits for something else.
    Minutes(u64),
    /// Once nothing was read for this many minutes; the last poll that was well may have ended a little before.
    Unread(u64),
}

/// How often the replays poll, and by how much the last poll before an incident may be older, in minutes.
const POLLED_EVERY: u64 = 2;
const UNREAD_BEFORE: u64 = 3;

use Holds::{AtOnce, Minutes, NextPoll, Unread};

const fn page(name: &'static str, holds: Holds) -> ExpectedAlert {
    ExpectedAlert { name, severity: Severity::Critical, holds }
}

const fn ticket(name: &'static str, holds: Holds) -> ExpectedAlert {
    ExpectedAlert { name, severity: Severity::Warning, holds }
}

/// All that cost anything.
pub const EXPECTED: &[Expected] = &[
    Expected {
        incident: Incident::HypervisorLost,
        vendor: "citrix_site",
        alerts: &[page("CitrixSiteHypervisorFault", AtOnce)],
        why: "CitrixSiteHypervisorFault. StoreFront says the same, CitrixPowerStateUnknown: that is muted, as the site has the names \
              of its farms (`storefront_farms`). Where StoreFront is polled alone it is one page after 16 minutes.",
    },
    Expected {
        incident: Incident::RegistrationStorm,
        vendor: "citrix_site",
        alerts: &[page("CitrixSiteRegistrationStorm", AtOnce)],
        why: "CitrixSiteRegistrationStorm of the delivery group, whose machines come back before StoreFront would page.",
    },
    Expected {
        incident: Incident::BuildPoolOffline,
        vendor: "azure_devops",
        alerts: &[page("RollcallPoolDown", AtOnce)],
        why: "RollcallPoolDown, which mutes the queue that grows in front of the pool.",
    },
    Expected {
        incident: Incident::PasswordExpired,
        vendor: "parallels_ras",
        alerts: &[ticket("RollcallTargetLoginHeld", AtOnce)],
        why: "RollcallTargetLoginHeld, one for all targets of a vendor; users are not hindered.",
    },
    Expected {
        incident: Incident::SyncStuck,
        vendor: "resilio",
        alerts: &[ticket("ResilioJobNoPeers", AtOnce), ticket("ResilioJobStalled", Minutes(60))],
        why: "ResilioJobNoPeers of one agent; after two hours also ResilioJobStalled of the other, which is another fault on \
              another agent: nothing says that the first explains it.",
    },
    Expected {
        incident: Incident::PrimingRefused,
        vendor: "parallels_ras_session",
        alerts: &[page("ParallelsRasSessionProbeFailing", Minutes(15))],
        why: "ParallelsRasSessionProbeFailing after two deep probes, which come every 15m; the light probe primes nothing.",
    },
    Expected {
        incident: Incident::GatewayLost,
        vendor: "parallels_ras",
        alerts: &[page("ParallelsRasEntryPointDown", AtOnce)],
        why: "ParallelsRasEntryPointDown of the farm.",
    },
    Expected {
        incident: Incident::GatewayLost,
        vendor: "parallels_ras_session",
        alerts: &[
            page("ParallelsRasSessionProbeFailing", NextPoll),
            page("ParallelsRasSessionProbeFailing", Minutes(15)),
        ],
        why: "ParallelsRasSessionProbeFailing of each of the two probes, light and deep: each is a target, and pages are grouped \
              by target.",
    },
    Expected {
        incident: Incident::LicenseRunningOut,
        vendor: "parallels_ras",
        alerts: &[page("ParallelsRasLicenseExpiring", AtOnce), ticket("ParallelsRasLicenseUsersNearLimit", AtOnce)],
        why: "ParallelsRasLicenseExpiring, as five days are left, and ParallelsRasLicenseUsersNearLimit, a ticket of its own; the \
              license is read every 15m.",
    },
    Expected {
        incident: Incident::VendorApiDown,
        vendor: "azure_devops",
        alerts: &[ticket("RollcallTargetDown", NextPoll), ticket("RollcallTargetDown", NextPoll)],
        why: "RollcallTargetDown of each of the two targets, as tickets are grouped by target; builds wait.",
    },
    Expected {
        incident: Incident::VendorApiDown,
        vendor: "citrix_storefront",
        alerts: &[ticket("RollcallTargetDown", NextPoll), page("RollcallTargetDown", Unread(20))],
        why: "RollcallTargetDown: a ticket while it may be over soon, and a page once nothing was read for half an hour.",
    },
    Expected {
        incident: Incident::SlowBuilds,
        vendor: "azure_devops",
        alerts: &[ticket("AzureDevOpsQueueWaitHigh", Minutes(17))],
        why: "AzureDevOpsQueueWaitHigh of the pool: its agents work, and what comes waits longer and longer.",
    },
    Expected {
        incident: Incident::ScaleSetBroken,
        vendor: "azure_devops",
        alerts: &[page("AzureDevOpsElasticPoolUnhealthy", AtOnce)],
        why: "AzureDevOpsElasticPoolUnhealthy, which mutes the queue that grows in front of the pool.",
    },
    Expected {
        incident: Incident::JobNobodyCanTake,
        vendor: "azure_devops",
        alerts: &[ticket("AzureDevOpsJobUnmatched", AtOnce), ticket("AzureDevOpsQueueWaitHigh", Minutes(15))],
        why: "AzureDevOpsJobUnmatched; ten minutes later AzureDevOpsQueueWaitHigh of the same pool, as the job is also the \
              oldest one.",
    },
    Expected {
        incident: Incident::FilersDark,
        vendor: "resilio_console",
        alerts: &[ticket("ResilioAgentOffline", AtOnce)],
        why: "ResilioAgentOffline of all three agents together, by the console. They say the same of themselves, \
              ResilioClientDisconnected, and sooner: that is muted.",
    },
    Expected {
        incident: Incident::DiskFull,
        vendor: "resilio_console",
        alerts: &[ticket("ResilioAgentDiskFull", AtOnce)],
        why: "ResilioAgentDiskFull; the agent's own API does not tell.",
    },
];

impl Expected {
    /// For every page the time before which it does not come, in minutes from the beginning.
    pub fn pages(&self) -> Vec<u64> {
        self.told(Severity::Critical)
    }

    /// The same for every ticket.
    pub fn tickets(&self) -> Vec<u64> {
        self.told(Severity::Warning)
    }

    fn told(&self, severity: Severity) -> Vec<u64> {
        let of = self.alerts.iter().filter(|alert| alert.severity == severity);
        of.map(|alert| alert.holds.earliest() + minutes(alert.lasting(self.vendor)) + alert.group_wait()).collect()
    }
}

impl ExpectedAlert {
    /// How long its condition holds before it fires, as the catalogue has it.
    ///
    /// # Panics
    /// Where the catalogue has no such alert; a test reads the table.
    pub fn lasting(&self, vendor: &str) -> Duration {
        let row = catalogue::named(self.name).find(|row| row.severity == self.severity);
        let row = row.expect("the table has alerts of the catalogue");
        // The incidents are about ordinary pools: parts of the catalogue that name some are about others.
        let concerns = |r#for: &&catalogue::For| {
            let is_of_vendor = r#for.scope.iter().all(|matcher| matcher.label == "vendor" && matcher.matches(vendor));
            r#for.on_demand != Some(true) && is_of_vendor
        };
        row.r#for.iter().find(concerns).map(|r#for| r#for.duration).unwrap_or_default()
    }

    /// How long after the beginning of its incident it fires, where polls come this often: about, as the poll that sees it may
    /// be just over, or just to come.
    pub fn fires_after(&self, vendor: &str, interval: Duration) -> Duration {
        let holds = match self.holds {
            AtOnce => Duration::ZERO,
            NextPoll => interval,
            Minutes(minutes) | Unread(minutes) => Duration::from_secs(60 * minutes),
        };
        holds + self.lasting(vendor)
    }

    /// The `group_wait` of the shipped Alertmanager, in minutes.
    fn group_wait(&self) -> u64 {
        if self.severity == Severity::Critical { 1 } else { 5 }
    }
}

impl Holds {
    /// The minute of a replay before which the condition does not hold.
    fn earliest(self) -> u64 {
        match self {
            AtOnce => 0,
            NextPoll => POLLED_EVERY,
            Minutes(minutes) => minutes,
            Unread(minutes) => minutes - UNREAD_BEFORE,
        }
    }
}

fn minutes(time: Duration) -> u64 {
    time.as_secs() / 60
}

/// Why an incident that is in no row costs nothing.
pub fn why_nothing(incident: Incident) -> &'static str {
    match incident {
        Incident::RateLimited => {
            "RollcallTargetRateLimited is information: the daemon waits as it is asked to, and goes on."
        }
        Incident::PatchNight => "What is drained is out of service on purpose, and what reboots is back within `for`.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_that_is_expected_is_in_the_catalogue_and_its_time_is_that_of_its_rule() {
        let of = |incident, vendor| {
            let row = EXPECTED.iter().find(|row| row.incident == incident && row.vendor == vendor);
            row.map(|row| (row.pages(), row.tickets())).expect("a row")
        };
        // What the replays have found, in minutes.
        assert_eq!(of(Incident::HypervisorLost, "citrix_site"), (vec![11], vec![]));
        assert_eq!(of(Incident::BuildPoolOffline, "azure_devops"), (vec![6], vec![]));
        assert_eq!(of(Incident::GatewayLost, "parallels_ras_session"), (vec![3, 16], vec![]));
        assert_eq!(of(Incident::SyncStuck, "resilio"), (vec![], vec![20, 125]));
        assert_eq!(of(Incident::VendorApiDown, "azure_devops"), (vec![], vec![17, 17]));
        assert_eq!(of(Incident::VendorApiDown, "citrix_storefront"), (vec![28], vec![17]));
        assert_eq!(of(Incident::JobNobodyCanTake, "azure_devops"), (vec![], vec![20, 30]));
        for row in EXPECTED {
            assert!(!row.pages().is_empty() || !row.tickets().is_empty(), "{} of {}", row.incident, row.vendor);
        }
    }
}
