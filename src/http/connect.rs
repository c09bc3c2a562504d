//! Connections: built from the TLS and proxy settings, shared by all targets with the same ones.
//!
//! Each set of settings costs a copy of the system's trust store; ten thousand agents of one site have one.

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    time::SystemTime,
};

use super::{
    connector::{Connector, Route},
    resolver::Resolver,
    tls,
    transport::Transport,
};
use crate::{
    config::Http,
    descriptors,
    failure::{Failure, Reason},
};

/// When the certificate and key files were last changed, and whether connections may be kept open: the settings are the same
/// only while these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileTimes {
    changed: Vec<Option<SystemTime>>,
    keeps_connections: bool,
}

impl FileTimes {
    pub(super) fn of(settings: &Http) -> FileTimes {
        let files = [&settings.tls.ca_file, &settings.tls.cert_file, &settings.tls.key_file];
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        FileTimes {
            changed: files.into_iter().flatten().map(changed).collect(),
            keeps_connections: !descriptors::are_scarce(),
        }
    }
}

type Shared = Vec<(Http, FileTimes, Transport)>;
static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(Mutex::default);

/// As many different settings are kept; the oldest is let go, and its clients keep their own connections.
const KEPT: usize = 64;

/// The connections for these settings, new ones where a file changed.
pub(super) fn shared(settings: &Http) -> Result<(FileTimes, Transport), Failure> {
    let key = Http { headers: Vec::new(), allow_cleartext_credentials: false, ..settings.clone() };
    let file_times = FileTimes::of(settings);
    let mut shared = SHARED.lock().unwrap_or_else(|e| e.into_inner());
    if let Some((_, _, client)) = shared.iter().find(|(http, at, _)| *http == key && *at == file_times) {
        return Ok((file_times, client.clone()));
    }
    let client = build(&key, file_times.keeps_connections).map_err(|message| Failure::new(Reason::Tls, message))?;
    shared.retain(|(http, _, _)| *http != key);
    if shared.len() >= KEPT {
        shared.remove(0);
    }
    shared.push((key, file_times.clone(), client.clone()));
    Ok((file_times, client))
}

/// Makes rustls use aws-lc-rs, once for the process; some users of it panic without.
pub fn install_crypto() {
    // An error says that it was installed before, which is what is wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn build(settings: &Http, keeps_connections: bool) -> Result<Transport, String> {
    install_crypto();
    let route = Route::new(&settings.proxy)?;
    let connector = Connector::new(tls::config(&settings.tls)?, route, Arc::new(Resolver::of_process()));
    Ok(Transport::new(connector, keeps_connections))
}
