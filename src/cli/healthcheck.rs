//! `rollcall healthcheck`: exit 0 where the daemon at a URL answers, 1 where it does not.

use std::time::Duration;

use reqwest::StatusCode;

use super::Healthcheck;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(5);

pub fn run(args: Healthcheck) -> Result<(), String> {
    super::block_on(async {
        // It asks its own container and sends nothing secret: any certificate is as good as another.
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).tls_danger_accept_invalid_certs(true);
        let client = client.build().map_err(|error| format!("cannot ask: {error}"))?;
        let reply = client.get(args.url).send().await.map_err(|error| chain(&error.without_url()))?;
        match reply.status() {
            // A daemon that wants a password is alive.
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(()),
            status => Err(format!("answered {status}")),
        }
    })
}

/// An error with its causes, which alone say what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
