//! `rollcall check`: every error of a configuration at once; with `--connect` each target is polled once.

use std::sync::Arc;

use super::{Check, probe::poll_once};
use crate::{
    config::{AlertingMode, Config},
    vendor::logon::Logons,
};

pub fn run(args: Check) -> Result<(), String> {
    let config = Config::check(&args.config_file).map_err(|errors| errors.to_string())?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    if config.alerting.mode == AlertingMode::Direct {
        eprintln!(
            "note: alerting.mode is direct; a change of the mode while alerts fire costs one resolve and one new page"
        );
    }
    let fine = format!("{}: {} targets, no errors\n", args.config_file.display(), config.targets.len());
    if !args.connect {
        return super::print(&fine);
    }
    let failed = super::runtime()?.block_on(async {
        let logons = Logons::default();
        super::probe::restore_holds(&config, &logons);
        let mut failed = 0;
        for target in &config.targets {
            eprintln!("polling {} ({}), at most {:?} ...", target.name, target.url, target.timeout);
            let (line, good) = match poll_once(Arc::clone(target), &logons, None).await {
                Ok(poll) => poll.verdict(),
                Err(failure) => (format!("{}: {failure}", failure.reason()), false),
            };
            failed += usize::from(!good);
            super::print(&format!("{}  {}: {line}\n", if good { "ok    " } else { "failed" }, target.name))?;
        }
        Ok::<usize, String>(failed)
    })?;
    match failed {
        0 => super::print(&fine),
        n => Err(format!("{n} of {} targets could not be polled", config.targets.len())),
    }
}
