//! `dashboards/README.md`: what each dashboard is for, from the dashboards themselves.

use std::fmt::Write as _;

use super::{all, look};
use crate::health::Health;

const HEAD: &str = "\
# Dashboards

Grafana dashboards, each for a person with a question. `rollcall dashboards --out dashboards` writes them: do not edit \
these files, edit `src/dashboard/`.

";

const TAIL: &str = r#"
## How to provision them

They need a Prometheus data source with Rollcall's metrics. Every panel uses the one selected at the top, which is the default one
at first. They are in the classic form, schema version 39, for Grafana 10.3 and newer, and are checked against the types of Grafana
13.2.3.

Put the JSON files into a folder and point Grafana to it, for example in `/etc/grafana/provisioning/dashboards/rollcall.yml`:

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
alerts work in any folder. They cannot be edited in Grafana; to change one, save a copy under another name.

Alerts link to their runbooks on the pages of a daemon, at the address in its `rollcall_links_info`. If you keep
`deploy/runbooks/` elsewhere, `rollcall dashboards --out DIR --runbooks https://wiki.example.com/rollcall/` writes the files with
links to that place.

## How to read them

- The first row shows how old the data are. Everything below is only as good as that.
- A gap is a time without data; `no data` is not 0.
- Two daemons that poll the same targets are counted once.
- Colour marks what needs a look; zero, up and ok have none. Tables begin with the worst.
- Critical alerts are marked on all graphs, whether Prometheus' rules or daemons in direct mode raised them; *Warnings* at the top
  adds the others.
- *Serving* counts agents whose state is unknown as not serving. `of those still read` means that the data of a target are withdrawn
  and its agents are not included.
- Numbers at the top, and names of vendors, targets, pools and agents in tables, link to the detail and keep the variables and the
  time.
- The links at the top lead to the other dashboards and keep the data source and the time. The selection is kept too, except for the
  dashboard of another vendor.
- *Pool* starts with one pool. You can select more; all pools of a large fleet take Prometheus a while.
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
