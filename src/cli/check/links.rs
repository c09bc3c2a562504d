//! Links of alerts that nobody could open, in `rollcall check`.

use reqwest::Url;

use crate::{
    cli::serve::link_base,
    config::{AlertingMode, Config, is_loopback},
};

/// What is wrong with the links of this configuration, of a daemon that is started with this external URL; it is empty where
/// nobody said.
pub fn doubts(config: &Config, external_url: &str) -> Result<Vec<String>, String> {
    let mut doubts = Vec::new();
    if !external_url.is_empty() {
        let url = link_base(external_url).map_err(|error| format!("--web.external-url: {error}"))?;
        doubts.extend(unopenable(&url).map(|why| format!("--web.external-url: {why}")));
    }
    let alerting = &config.alerting;
    if alerting.mode == AlertingMode::Direct && external_url.is_empty() {
        doubts.extend(host_alone(&crate::shard::full_host_name().unwrap_or_default()));
    }
    if alerting.mode == AlertingMode::Direct && alerting.dashboard_url.is_empty() {
        doubts.push(
            "alerting.dashboard_url is not set: the dashboard links of alerts lead to the daemon's own pages"
                .to_owned(),
        );
    }
    Ok(doubts)
}

/// What is wrong with links that begin with the name of this host, as they do where nobody says otherwise.
fn host_alone(host: &str) -> Option<String> {
    (!host.contains('.')).then(|| {
        let host = if host.is_empty() { "localhost" } else { host };
        format!(
            "--web.external-url is not set: links of alerts begin with the name of this host, {host}, which others may not find; \
             give `check` the flags of the daemon"
        )
    })
}

/// Why nobody elsewhere can open an address.
fn unopenable(url: &str) -> Option<&'static str> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    if is_loopback(&url) {
        Some("is an address of this machine: nobody elsewhere can open the links of alerts")
    } else if host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified()) {
        Some("is an address to listen on, which nobody can open")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_domain_is_told() {
        assert_eq!(host_alone("rollcall.example.com"), None);
        assert!(host_alone("rollcall").is_some_and(|said| said.contains("this host, rollcall, which")));
    }

    fn said(alerting: &str, external_url: &str) -> Result<Vec<String>, String> {
        let yaml = format!("targets: []\nalerting: {{ {alerting} }}\n");
        let config = Config::parse(&yaml, "rollcall.yml", std::path::Path::new(".")).expect("it is valid");
        let warnings = config.warnings.iter().map(ToString::to_string).filter(|warning| warning.contains("_url"));
        Ok(warnings.chain(doubts(&config, external_url)?).collect())
    }

    #[test]
    fn links_that_nobody_could_open_are_told() {
        assert_eq!(said("", ""), Ok(Vec::new()));
        assert_eq!(said("dashboard_url: https://g.example.com/", "https://r.example.com/ops/"), Ok(Vec::new()));
        for url in [
            "http://localhost:10077",
            "http://127.0.0.1:10077/",
            "http://[::1]/",
            "http://0.0.0.0:10077",
            "http://[::]",
        ] {
            let said = said("", url).expect("it is a URL");
            assert!(said.len() == 1 && said[0].starts_with("--web.external-url: is an address"), "{url}: {said:?}");
        }
        for url in ["rollcall.example.com", "/ops", "ftp://r.example.com", "http://r.example.com/?a=b", "http://r/#x"] {
            assert!(said("", url).is_err(), "{url}");
        }
        for key in ["dashboard_url", "runbook_url"] {
            let said = said(&format!("{key}: 'http://localhost:3000'"), "").expect("it is a URL");
            assert!(said.len() == 1 && said[0].contains(key) && said[0].contains("this machine"), "{said:?}");
        }
        let direct = "mode: direct, alertmanagers: [{ url: 'http://a.example.com' }]";
        let url = "https://r.example.com";
        assert!(said(direct, url).expect("fine")[0].contains("the daemon's own pages"));
        assert_eq!(said(&format!("{direct}, dashboard_url: 'https://g.example.com'"), url), Ok(Vec::new()));
    }
}
