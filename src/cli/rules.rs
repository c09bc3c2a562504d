//! `rollcall rules`: the alert catalogue as Prometheus rules.

use std::path::Path;

use super::output;
use crate::{
    config::Config,
    rules::{
        promql::{self, Format, Options},
        rule,
    },
};

pub fn run(args: &super::Rules) -> Result<(), String> {
    if let Some((name, _)) = args
        .labels
        .iter()
        .enumerate()
        .find_map(|(index, label)| args.labels[..index].iter().any(|(name, _)| *name == label.0).then_some(label))
    {
        return Err(format!("--label {name} is given twice"));
    }
    if args.format != Format::Operator && !args.metadata_labels.is_empty() {
        return Err("--metadata-label needs --format operator: a rule file of Prometheus has no metadata".to_owned());
    }
    let mut options = Options {
        selector: args.selector.clone(),
        labels: args.labels.clone(),
        metadata_labels: args.metadata_labels.clone(),
        ..Options::default()
    };
    let mut overrides = Vec::new();
    if let Some(path) = args.config_file.as_deref() {
        let alerting = load(path)?.alerting;
        options.max_hold = alerting.max_hold;
        options.links = alerting.links("");
        overrides = alerting.overrides;
    }
    if let Some(url) = &args.external_url {
        options.links.external_url.clone_from(url);
    }
    if let Some(url) = &args.dashboard_url {
        options.links.dashboard_url.clone_from(url);
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
