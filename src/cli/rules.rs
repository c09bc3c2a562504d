//! `rollcall rules`: the alert catalogue as Prometheus rules.

use std::path::Path;

use super::output;
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
    output::print(promql::render(&rule::resolve(&overrides), args.part, args.format, &options));
    Ok(())
}

fn load(path: &Path) -> Result<Config, String> {
    let config = Config::load(path).map_err(|errors| errors.to_string())?;
    for warning in &config.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(config)
}
