//! `rollcall demo`: the daemon over a simulated fleet of every vendor.

use std::sync::Arc;

use super::{Demo, log, serve};
use crate::{daemon::Daemon, sim::Simulation, web};

pub fn run(args: Demo) -> Result<(), String> {
    log::start(args.log.level, args.log.format);
    let options = serve::options(&args.web)?;
    super::runtime()?.block_on(async {
        let signals = serve::Signals::new()?;
        let listeners = serve::listen(&args.listen).await?;
        let simulation = Simulation::start(args.fleet.options());
        let simulation = simulation.await.map_err(|error| format!("cannot start the simulated APIs: {error}"))?;
        let folder = Folder::new().map_err(|error| format!("cannot write the demo's configuration: {error}"))?;
        let file = folder.0.join("rollcall.yml");
        std::fs::write(&file, simulation.config_yaml()).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        let daemon = Daemon::start(file, None, options.external_url.clone(), serve::instance(&listeners)).await?;
        let prefix = options.route_prefix.clone();
        let server = web::Server::new(listeners, web::State::new(Arc::clone(&daemon), options));
        let mut text = String::from("Rollcall over a simulated fleet.\n\nSimulated APIs:\n");
        for vendor in simulation.vendors() {
            text += &format!("  {vendor:22}{}\n", simulation.url(vendor));
        }
        for incident in &args.fleet.incidents {
            text += &format!("\nIncident {} begins in {:?}.\n", incident.name(), args.fleet.incident_delay);
        }
        for address in server.addresses() {
            text +=
                &format!("\n  http://{address}{prefix}/         status\n  http://{address}{prefix}/metrics  metrics\n");
        }
        super::print(&format!("{text}\nStop with Ctrl-C.\n"))?;
        let result = serve::until_stopped(daemon, server, signals).await;
        simulation.stop().await;
        result
    })
}

/// A folder of its own that goes with the demo.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("rollcall-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
