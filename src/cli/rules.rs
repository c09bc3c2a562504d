//! `rollcall rules`: the alert catalogue as Prometheus rules.

use std::path::Path;

use crate::{
    config::Config,
    rules::{
        promql::{self, Options},
        rule,
    },
};

pub fn run(args: &super::Rules) -> Result<(), String> {
    let mut options = Options { selector: args.selector.clone(), ..Options::default() };
    let mut overrides = Vec::new();
    if let Some(path) = args.config_file.as_deref() {
        let alerting = load(path)?.alerting;
        options.max_hold = alerting.max_hold;
        options.runbook_url = alerting.runbook_url;
        overrides = alerting.overrides;
    }
    super::print(&promql::render(&rule::resolve(&overrides), args.part, args.format, &options))
}

fn load(path: &Path) -> Result<Config, String> {
    let config = Config::load(path).map_err(|errors| errors.to_string())?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(config)
}
