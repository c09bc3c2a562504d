//! Somebody hears of it where no Alertmanager takes the alerts of a daemon.

use std::{collections::BTreeSet, time::Duration};

use super::{
    site::{FACTOR, Site},
    stub::{Behaviour, Stub},
};
use crate::{
    program::rollcall,
    support::{ClosedPort, Daemon, Prometheus, WAIT_TIMEOUT},
};

/// More than one resend is in the five minutes that the rule looks back.
const RESEND: Duration = Duration::from_secs(120);

#[test]
fn a_daemon_that_reaches_no_alertmanager_is_told_and_one_that_reaches_one_of_two_is_not() {
    let site = Site::new();
    let [refusing, broken] = [400, 500].map(|status| Stub::start(Behaviour::Answers(status)));
    let well = Stub::start(Behaviour::Answers(200));
    let dead = ClosedPort::any();
    let daemon = |name: &str, urls: &[&str]| {
        let peers: Vec<String> = urls.iter().map(|url| format!("{{ url: '{url}' }}")).collect();
        site.pages_to(name, &format!("[{}]", peers.join(", ")), RESEND, "")
    };
    let ill = [
        daemon("refused", &[refusing.url()]),
        daemon("broken", &[broken.url()]),
        daemon("dead", &[dead.url()]),
        daemon("all", &[refusing.url(), broken.url(), dead.url()]),
    ];
    let others =
        [daemon("beside-refused", &[refusing.url(), well.url()]), daemon("beside-dead", &[dead.url(), well.url()])];
    let rules = rollcall(&["rules", "--time-scale", &FACTOR.to_string()]).expect(0).out;
    let all: Vec<&str> = ill.iter().chain(&others).map(Daemon::url).collect();
    let prometheus = Prometheus::alerting(&all, &rules, &site.alertmanager.url(), FACTOR, RESEND);
    let expected: BTreeSet<String> = ill.iter().map(|one| one.url().trim_start_matches("http://").to_owned()).collect();
    // All that ever fired.
    let fired = |prometheus: &Prometheus| {
        let alerts = "ALERTS{alertname='RollcallAlertDeliveryFailing',alertstate='firing'}";
        let found = prometheus.now(&format!("max_over_time({alerts}[10m])"))?;
        let labels = found.into_iter().flat_map(|series| series.labels);
        let found: BTreeSet<String> = labels.filter(|(name, _)| name == "instance").map(|(_, value)| value).collect();
        if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
    };
    prometheus.wait_for("all are told", WAIT_TIMEOUT, fired);
    // The others would have been by then.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(fired(&prometheus), Ok(()));
}
