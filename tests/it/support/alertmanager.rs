//! A real Alertmanager, to be told of alerts.

use std::process::{Child, Command, Stdio};

use super::{Folder, PATIENCE, prometheus::free_port, runtime, wait_until};

/// A running Alertmanager that tells nobody; killed when it is dropped.
pub struct Alertmanager {
    child: Child,
    url: String,
    // Its data; goes after the process.
    _folder: Folder,
}

impl Alertmanager {
    /// On a free port.
    #[track_caller]
    pub fn start() -> Alertmanager {
        let folder = Folder::new();
        let config = folder.write("alertmanager.yml", "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
        let port = free_port();
        // Debian's package has a name of its own for it.
        let child = ["prometheus-alertmanager", "alertmanager"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg(format!("--config.file={}", config.display()));
            command.arg(format!("--storage.path={}", folder.file("data").display()));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let child = child.expect("Alertmanager is installed: apt-get install prometheus-alertmanager");
        let alertmanager = Alertmanager { child, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        wait_until("Alertmanager is ready", PATIENCE, || {
            let answer = runtime().block_on(reqwest::get(format!("{}/-/ready", alertmanager.url)));
            match answer {
                Ok(answer) if answer.status().is_success() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        alertmanager
    }

    /// `http://127.0.0.1:40123`
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
