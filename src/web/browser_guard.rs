//! What a browser may ask for, since it asks for whoever made the page that is open in it.
//!
//! - A page of another site may not change anything: `POST` is refused where `Origin`, `Sec-Fetch-Site` or `Referer` say that
//!   it comes from elsewhere.
//! - A name that somebody else lets lead here (DNS rebinding) makes a page of theirs one of the same site. So a browser gets
//!   nothing of the fleet under a name that is not ours: ours are IP addresses and `localhost`, to which no DNS answer leads,
//!   the host of `--web.external-url` and of `--web.listen-address`, this host's name, and `--web.allowed-host`.
//! - A page of another site may lead here, and may not take in what it finds.
//!
//! Programs send none of a browser's headers; Prometheus and curl may use any name.

use std::{collections::BTreeSet, net::IpAddr};

use reqwest::Url;

use super::reply::Request;

/// Headers that browsers send and programs do not. To a plain http URL under a foreign name a page can have a browser send
/// requests without any of the first ones; the languages are always there.
const OF_BROWSERS: [&str; 7] =
    ["origin", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "accept-language"];

/// The names under which browsers may reach this server.
#[derive(Debug, Clone, Default)]
pub struct BrowserGuard {
    hosts: BTreeSet<String>,
    external_url: Option<Url>,
}

/// What a route does with a request, as far as a browser is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Says only whether the daemon is there.
    Public,
    /// Shows something of the fleet.
    Shows,
    /// Changes something.
    Changes,
}

impl BrowserGuard {
    /// These names, with or without a port, and that of the URL under which people reach the daemon, are ours too.
    pub fn new<S: AsRef<str>>(hosts: impl IntoIterator<Item = S>, external_url: &str) -> BrowserGuard {
        let external_url = Url::parse(external_url).ok();
        let mut all: BTreeSet<String> = hosts.into_iter().filter_map(|host| host_of(host.as_ref())).collect();
        all.extend(external_url.as_ref().and_then(Url::host_str).and_then(host_of));
        BrowserGuard { hosts: all, external_url }
    }

    /// Whether a route may answer this request; else why not.
    pub fn check(&self, request: &Request, exposure: Exposure) -> Result<(), String> {
        if exposure == Exposure::Public || !OF_BROWSERS.iter().any(|name| request.headers.contains_key(*name)) {
            return Ok(());
        }
        let host = self.own_host(request)?;
        let site = request.header("sec-fetch-site");
        let is_from_elsewhere = !matches!(site.as_deref(), None | Some("same-origin" | "none"));
        match exposure {
            Exposure::Changes if is_from_elsewhere => Err(FROM_ELSEWHERE.to_owned()),
            Exposure::Changes => self.check_origin(request, &host),
            _ if is_from_elsewhere && request.header("sec-fetch-mode").as_deref() != Some("navigate") => {
                Err("a page of another site may lead here, but not take in what is here\n".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What the request says that it was sent to, with the port where it is not the usual one; an error where that is not ours.
    fn own_host(&self, request: &Request) -> Result<String, String> {
        let host = request.host.as_deref().ok_or("a browser says which host it asks\n")?;
        let name = host_of(host).ok_or_else(|| format!("{host:?} is no host\n"))?;
        if is_loopback_or_address(&name) || self.hosts.contains(&name) {
            return Ok(host.to_ascii_lowercase());
        }
        Err(format!(
            "{name:?} is not known as a name of this daemon; where it is one, start it with --web.external-url or \
             --web.allowed-host={name}\n"
        ))
    }

    /// Whether `Origin`, or without it `Referer`, is of a page of ours.
    fn check_origin(&self, request: &Request, host: &str) -> Result<(), String> {
        let Some(origin) = request.header("origin").or_else(|| request.header("referer")) else { return Ok(()) };
        let refused = || FROM_ELSEWHERE.to_owned();
        let origin = Url::parse(&origin).map_err(|_| refused())?;
        if !matches!(origin.scheme(), "http" | "https") {
            return Err(refused());
        }
        if self.external_url.as_ref().is_some_and(|url| url.origin() == origin.origin()) {
            return Ok(());
        }
        // A proxy may have taken TLS off, so the scheme is the origin's.
        let asked = Url::parse(&format!("{}://{host}", origin.scheme())).map_err(|_| refused())?;
        if asked.origin() == origin.origin() { Ok(()) } else { Err(refused()) }
    }
}

const FROM_ELSEWHERE: &str = "a page of another site may not change anything here\n";

/// The host of `host`, `host:port`, `[address]:port`: in lower case, without the dot at its end.
fn host_of(text: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{}", text.trim())).ok()?;
    // Nothing but a host and a port.
    if url.path() != "/" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty() && url.query().is_none() && url.fragment().is_none()).then_some(host)
}

/// Names that no answer of a DNS server leads here by.
fn is_loopback_or_address(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "rollcall.example.com";

    fn guard() -> BrowserGuard {
        BrowserGuard::new(["mon1", "Alias.example.com:10077"], "https://rollcall.example.com/ops/")
    }

    fn verdict(exposure: Exposure, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = hyper::Request::new(());
        for (name, value) in headers {
            let name: hyper::header::HeaderName = name.parse().expect("a name");
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        guard().check(&Request::of(&request), exposure)
    }

    #[test]
    fn programs_may_use_any_name_and_change_what_they_like() {
        for host in ["rebound.evil.example:10077", "rollcall.monitoring.svc", OURS, "192.0.2.1"] {
            for exposure in [Exposure::Public, Exposure::Shows, Exposure::Changes] {
                let headers = [("host", host), ("user-agent", "curl/8.5.0"), ("accept", "*/*")];
                assert_eq!(verdict(exposure, &headers), Ok(()), "{host}");
            }
        }
        assert_eq!(verdict(Exposure::Changes, &[]), Ok(()), "HTTP/1.0 needs no host");
    }

    #[test]
    fn a_browser_sees_the_fleet_under_our_names_only() {
        let ours = [
            OURS,
            "ROLLCALL.example.com.:443",
            "mon1:10077",
            "alias.example.com",
            "localhost:10077",
            "rollcall.localhost",
            "127.0.0.1:10077",
            "192.0.2.7",
            "[::1]:10077",
            "[2001:db8::7]",
        ];
        let foreign = [
            "rebound.evil.example:10077",
            "evil.example.com",
            "rollcall.example.com.evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "mon1.evil.example",
            "evil.example@localhost",
            "localhost/evil.example",
            "",
        ];
        for sign in [
            ("accept-language", "de"),
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "same-origin"),
            ("referer", "http://evil.example/"),
        ] {
            for host in ours {
                assert_eq!(verdict(Exposure::Shows, &[("host", host), sign]), Ok(()), "{host} {sign:?}");
            }
            for host in foreign {
                assert!(verdict(Exposure::Shows, &[("host", host), sign]).is_err(), "{host} {sign:?}");
                assert!(verdict(Exposure::Changes, &[("host", host), sign]).is_err(), "{host} {sign:?}");
                assert_eq!(verdict(Exposure::Public, &[("host", host), sign]), Ok(()), "{host} {sign:?}");
            }
            assert!(verdict(Exposure::Shows, &[sign]).is_err(), "no host at all");
            assert!(verdict(Exposure::Shows, &[("host", OURS), ("host", "localhost"), sign]).is_err(), "two hosts");
        }
        let said = verdict(Exposure::Shows, &[("host", "evil.example:1"), ("accept-language", "de")]).unwrap_err();
        assert!(said.contains("--web.allowed-host=evil.example"), "{said}");
    }

    #[test]
    fn a_page_of_another_site_may_lead_here_and_not_take_in_what_it_finds() {
        let asked = |site: &'static str, mode: &'static str| {
            verdict(Exposure::Shows, &[("host", OURS), ("sec-fetch-site", site), ("sec-fetch-mode", mode)]).is_ok()
        };
        assert!(asked("cross-site", "navigate") && asked("same-site", "navigate") && asked("none", "navigate"));
        assert!(asked("same-origin", "cors") && asked("same-origin", "no-cors"));
        assert!(!asked("cross-site", "no-cors") && !asked("cross-site", "cors") && !asked("same-site", "no-cors"));
    }

    #[test]
    fn a_page_of_another_site_changes_nothing() {
        let post = |headers: &[(&'static str, &'static str)]| verdict(Exposure::Changes, headers).is_ok();
        let at = |host: &'static str, name: &'static str, value: &'static str| post(&[("host", host), (name, value)]);
        // A page of ours, also where a proxy has taken TLS off, or has put its own name for us.
        assert!(at(OURS, "origin", "https://rollcall.example.com"));
        assert!(at("rollcall.example.com:443", "origin", "https://rollcall.example.com"));
        assert!(at("mon1", "origin", "https://rollcall.example.com"));
        assert!(at("localhost:10077", "origin", "http://localhost:10077"));
        assert!(at("127.0.0.1:10077", "referer", "http://127.0.0.1:10077/targets"));
        assert!(at("[::1]:10077", "origin", "http://[::1]:10077"));
        assert!(at(OURS, "origin", "http://rollcall.example.com"), "asked by http, from a page by http");
        for origin in [
            "null",
            "http://evil.example",
            "https://rollcall.example.com:8443",
            "https://rollcall.example.com.evil.example",
            "file://",
            "https://rollcall.example.com, http://evil.example",
        ] {
            assert!(!at(OURS, "origin", origin) && !at("localhost:10077", "origin", origin), "{origin}");
        }
        assert!(!at(OURS, "referer", "http://evil.example/page"));
        // Another port of the same host is another site.
        assert!(!at("127.0.0.1:10077", "origin", "http://127.0.0.1:3000"));
        for site in ["cross-site", "same-site", "strange"] {
            assert!(!post(&[("host", OURS), ("sec-fetch-site", site)]), "{site}");
            let headers = [("host", OURS), ("origin", "https://rollcall.example.com"), ("sec-fetch-site", site)];
            assert!(!post(&headers), "{site}");
        }
        assert!(post(&[("host", OURS), ("sec-fetch-site", "same-origin")]));
        assert!(!post(&[("host", OURS), ("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")]));
    }
}
