//! Where the links of an alert lead: to its runbook, to its dashboard, and to the alert itself. None is relative.
//!
//! The daemon knows its own address and that of Grafana. Prometheus asks for them while it writes the annotations
//! (`query`): `rollcall_links_info` carries both.

use super::{catalogue::Alert, template};

/// What the links begin with. No address ends in a slash, but for the one that people put in front of runbooks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Links {
    /// Where people reach the daemon.
    pub external_url: String,
    /// Where they reach Grafana; empty: the daemon's own pages stand in for its dashboards.
    pub dashboard_url: String,
    /// What the names of runbooks are put behind; empty: the pages of the daemon.
    pub runbook_url: String,
}

impl Links {
    /// The runbook of an alert.
    pub fn runbook(&self, alert: &str) -> String {
        match self.runbook_url.as_str() {
            "" => format!("{}{}", self.external_url, runbook_page(alert)),
            base => runbook_file(base, alert),
        }
    }

    /// The dashboard of an alert with these labels, which are escaped for a query.
    pub fn dashboard(&self, alert: &Alert, label: impl Fn(&str) -> String) -> String {
        match self.dashboard_url.as_str() {
            "" => format!("{}{}", self.external_url, agents_page(alert, label)),
            base => format!("{base}{}", dashboard_path(alert, label)),
        }
    }

    /// The alert with this fingerprint.
    pub fn alert(&self, fingerprint: impl std::fmt::Display) -> String {
        format!("{}/alerts/{fingerprint}", self.external_url)
    }
}

/// The page of a runbook, below the address of a daemon.
pub fn runbook_page(alert: &str) -> String {
    format!("/runbooks/{alert}")
}

/// The file of a runbook, at an address that names are put behind.
pub fn runbook_file(base: &str, alert: &str) -> String {
    let slash = if base.ends_with(['/', '#', '=', '?']) { "" } else { "/" };
    format!("{base}{slash}{alert}.md")
}

/// The dashboard, below the address of Grafana, with the variables that the alert knows.
fn dashboard_path(alert: &Alert, label: impl Fn(&str) -> String) -> String {
    format!("/d/{}{}", alert.dashboard, query_of(alert, "var-", label))
}

/// The agents that an alert is about, below the address of a daemon; the overview where it is about no target.
fn agents_page(alert: &Alert, label: impl Fn(&str) -> String) -> String {
    let page = if alert.labels.of_target() { "/agents" } else { "/" };
    format!("{page}{}", query_of(alert, "", label))
}

fn query_of(alert: &Alert, prefix: &str, label: impl Fn(&str) -> String) -> String {
    let known = ["vendor", "target", "pool"].into_iter().filter(|name| alert.labels.names().contains(name));
    let variables: Vec<String> = known.map(|name| format!("{prefix}{name}={}", label(name))).collect();
    let question = if variables.is_empty() { "" } else { "?" };
    format!("{question}{}", variables.join("&"))
}

/// The same links in Prometheus' template language. Addresses that are not given are asked for.
pub mod prometheus {
    use super::{Alert, Links, agents_page, dashboard_path, runbook_page};

    /// The runbook of an alert.
    pub fn runbook(alert: &Alert, links: &Links) -> String {
        if !links.runbook_url.is_empty() || !links.external_url.is_empty() {
            return links.runbook(alert.name);
        }
        let page = runbook_page(alert.name);
        format!("{{{{ with {} }}}}{{{{ first . | label \"external_url\" }}}}{page}{{{{ end }}}}", query(alert))
    }

    /// The dashboard of an alert.
    pub fn dashboard(alert: &Alert, links: &Links) -> String {
        let label = |name: &str| format!("{{{{ $labels.{name} | urlquery }}}}");
        if !links.dashboard_url.is_empty() || !links.external_url.is_empty() {
            return links.dashboard(alert, label);
        }
        let (dashboard, agents) = (dashboard_path(alert, label), agents_page(alert, label));
        format!(
            "{{{{ with {} }}}}{{{{ $links := first . }}}}{{{{ with label \"dashboard_url\" $links }}}}{{{{ . }}}}{dashboard}\
             {{{{ else }}}}{{{{ label \"external_url\" $links }}}}{agents}{{{{ end }}}}{{{{ end }}}}",
            query(alert)
        )
    }

    /// What asks for the addresses of one daemon: the best is one that polls the target, or that the alert is about; then any
    /// that is scraped; and at last one that was, within a day, for who is told that all are gone.
    fn query(alert: &Alert) -> String {
        let any = "2 * rollcall_links_info or last_over_time(rollcall_links_info[1d])";
        let (best, labels): (&str, &[&str]) = if alert.labels.of_target() {
            let polls = "3 * rollcall_links_info and on (job, instance) rollcall_target_up{vendor=%q,target=%q} or ";
            (polls, &["vendor", "target"])
        } else if alert.labels.names().contains(&"instance") {
            ("3 * rollcall_links_info{job=%q,instance=%q} or ", &["job", "instance"])
        } else {
            ("", &[])
        };
        let labels: String = labels.iter().map(|name| format!(" $labels.{name}")).collect();
        // Text in backquotes is taken as it stands.
        match best {
            "" => format!("query `topk(1, {any})`"),
            best => format!("printf `topk(1, {best}{any})`{labels} | query"),
        }
    }
}

/// The value of a label in a query of a URL.
pub fn escaped(value: &str) -> String {
    template::query(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::catalogue;

    fn alert(name: &str) -> &'static Alert {
        catalogue::named(name).next().expect("it is in the catalogue")
    }

    fn links(dashboard_url: &str, runbook_url: &str) -> Links {
        let [external_url, dashboard_url, runbook_url] =
            ["https://r.example.com/ops", dashboard_url, runbook_url].map(str::to_owned);
        Links { external_url, dashboard_url, runbook_url }
    }

    fn label(name: &str) -> String {
        escaped(if name == "pool" { "a&b c" } else { name })
    }

    #[test]
    fn links_begin_with_the_address_of_the_daemon_or_of_who_stands_in_for_it() {
        let (own, others) = (links("", ""), links("https://g.example.com/grafana", "https://wiki.example.com/r#"));
        assert_eq!(own.runbook("RollcallPoolDown"), "https://r.example.com/ops/runbooks/RollcallPoolDown");
        assert_eq!(others.runbook("RollcallPoolDown"), "https://wiki.example.com/r#RollcallPoolDown.md");
        let pool = alert("RollcallPoolDown");
        let agents = "https://r.example.com/ops/agents?vendor=vendor&target=target&pool=a%26b+c";
        assert_eq!(own.dashboard(pool, label), agents);
        assert!(others.dashboard(pool, label).starts_with("https://g.example.com/grafana/d/rollcall-"));
        assert!(others.dashboard(pool, label).ends_with("?var-vendor=vendor&var-target=target&var-pool=a%26b+c"));
        assert_eq!(own.dashboard(alert("RollcallAbsent"), label), "https://r.example.com/ops/");
        assert_eq!(own.alert("00ff"), "https://r.example.com/ops/alerts/00ff");
    }

    #[test]
    fn rules_ask_for_the_addresses_that_they_are_not_given() {
        for alert in catalogue::all() {
            let asks = |links: &Links| {
                [prometheus::runbook(alert, links), prometheus::dashboard(alert, links)]
                    .map(|link| link.contains("query"))
            };
            let some = |set: fn(&mut Links)| {
                let mut links = Links::default();
                set(&mut links);
                links
            };
            assert_eq!(asks(&Links::default()), [true, !alert.dashboard.is_empty()]);
            assert!(!asks(&some(|links| links.external_url = "http://r".to_owned()))[0]);
            assert!(asks(&some(|links| links.dashboard_url = "http://g".to_owned()))[0]);
            let fixed = prometheus::dashboard(alert, &some(|links| links.dashboard_url = "http://g".to_owned()));
            assert!(fixed.starts_with("http://g/d/"), "{fixed}");
        }
    }
}
