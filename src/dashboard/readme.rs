//! `dashboards/README.md`: what each dashboard is for, from the dashboards themselves.

use std::fmt::Write as _;

use super::{all, look};
use crate::health::Health;

const HEAD: &str = "\
# Dashboards

Grafana dashboards, each for a person with a question. Written by `rollcall dashboards --out dashboards`; do not edit \
these files, edit `src/dashboard/`.

";

const TAIL: &str = r#"
## How to provision them

They need a Prometheus data source that has Rollcall's metrics. They name none: the one chosen on top, at first the default
one, is used by every panel. They are in the classic form, schema version 39, as Grafana 10.3 and newer read it, and are
checked against the types of Grafana 13.2.3.

Put the JSON files into a folder and tell Grafana about it, for example in `/etc/grafana/provisioning/dashboards/rollcall.yml`:

```yaml
apiVersion: 1
providers:
  - name: rollcall
    folder: Rollcall
    type: file
    allowUiUpdates: false
    options:
      path: /var/lib/grafana/dashboards/rollcall
```

and a data source in `/etc/grafana/provisioning/datasources/prometheus.yml`:

```yaml
apiVersion: 1
datasources:
  - name: Prometheus
    type: prometheus
    access: proxy
    url: http://prometheus.example.com:9090
    isDefault: true
    jsonData:
      timeInterval: 30s   # the scrape interval; `$__rate_interval` follows from it
```

Or import a file by hand: *Dashboards*, *New*, *Import*. The uids are fixed, so links between the dashboards and from
alerts lead to them wherever they were put. They cannot be edited in Grafana; save a copy under another name to change one.

Alerts lead to their runbooks on the pages of a daemon, at the address that it says in `rollcall_links_info`. Where you have put
`deploy/runbooks/` elsewhere, `rollcall dashboards --out DIR --runbooks https://wiki.example.com/rollcall/` writes the files with
links to there.

## How to read them

- The first row says how old the data are. What is below is only as good as that.
- A gap is a time without data; `no data` is not 0.
- Two daemons that poll the same targets are counted once.
- Colour means that something is to be seen; zero, up and ok have none. Tables begin with the worst.
- Where critical alerts fire all graphs are marked, those of Prometheus' rules and of daemons in direct mode alike; *Warnings* on top
  adds the others.
- *Serving* counts agents of which nothing is known as not serving. `of those still read`: the data of a target are withdrawn, and
  its agents are not in it.
- Numbers on top, and names of vendors, targets, pools and agents in tables, lead on to the detail, with the variables and the time.
- The links on top lead to the other dashboards, with the data source and the time. What is selected goes along, but to the dashboard
  of another vendor.
- *Pool* begins with one pool. More can be chosen; all of a large fleet take Prometheus a while.
"#;

/// The whole text.
pub fn readme() -> String {
    let mut text = HEAD.to_owned();
    text += "| file | for | question |\n|---|---|---|\n";
    for dashboard in all() {
        let uid = dashboard.uid;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| [`{uid}`]({uid}.json) | {} | {} |", dashboard.audience, dashboard.question);
    }
    text += "\nHealth has the same six colours on all of them, which colour-blind people can tell apart:\n\n| class | colour |\n|---|---|\n";
    for health in Health::ALL {
        let _ = writeln!(text, "| {} | `{}` |", look::title(health), look::colour(health));
    }
    text += "\n## What is on them\n";
    for dashboard in all() {
        let _ = write!(text, "\n**{}**: ", dashboard.title);
        let rows: Vec<String> = dashboard
            .rows
            .iter()
            .map(|row| {
                let titles: Vec<&str> = row.panels.iter().map(|panel| panel.title).collect();
                format!("*{}* ({})", row.title, titles.join(", "))
            })
            .collect();
        text += &rows.join("; ");
        text += ".\n";
    }
    text + TAIL
}
