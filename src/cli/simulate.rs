//! `rollcall simulate`: only the simulated vendor APIs, for other people's tests and dashboards.

use super::{Simulate, log, output};
use crate::file::{LONGEST_CONFIGURATION, read_text};
use rollcall_sim::{Options, Simulation};

pub fn run(args: Simulate) -> Result<(), String> {
    log::start(args.log.level, args.log.format);
    let file = &args.config_file;
    let ours = |text: String| text.starts_with(MARK);
    if !args.force && file.exists() && !read_text(file, LONGEST_CONFIGURATION).is_ok_and(ours) {
        return Err(format!(
            "{} exists and was not written by `rollcall simulate`; use --force or --config.file",
            file.display()
        ));
    }
    super::block_on(async {
        let options = Options { base_port: args.port, ..args.fleet.options() };
        let simulation = Simulation::start(options).await;
        let simulation = simulation.map_err(|error| format!("cannot start the simulated APIs: {error}"))?;
        let text = format!("{MARK}\n{}", simulation.config_yaml());
        std::fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let mut text = String::from("Simulated APIs:\n");
        for vendor in simulation.vendors() {
            text += &format!("  {vendor:22}{}\n", simulation.url(vendor));
        }
        text += &format!(
            "\nTheir configuration is {0}: rollcall serve --config.file {0}\nStop with Ctrl-C.\n",
            file.display()
        );
        output::show(text);
        stopped().await.map_err(|error| format!("cannot wait for signals: {error}"))?;
        simulation.stop().await;
        Ok(())
    })
}

/// The first line of a configuration that may be overwritten.
const MARK: &str = "# Written by `rollcall simulate`, which overwrites it.";

#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
