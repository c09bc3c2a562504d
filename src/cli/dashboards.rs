//! `rollcall dashboards`: the Grafana dashboards, for the repository and for packagers.

use super::{Dashboards, output};
use crate::dashboard;

pub fn run(args: Dashboards) -> Result<(), String> {
    let dashboards = dashboard::with_runbooks(args.runbooks.as_ref().map(reqwest::Url::as_str));
    let Some(folder) = args.out else {
        let all: Vec<String> = dashboards.iter().map(dashboard::Dashboard::json).collect();
        output::print(all.concat());
        return Ok(());
    };
    let write = |name: String, text: String| {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    for dashboard in dashboards {
        write(format!("{}.json", dashboard.uid), dashboard.json())?;
    }
    write("README.md".to_owned(), dashboard::readme())
}
