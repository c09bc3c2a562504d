//! The proxy of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case.
//!
//! They are read as Go reads them, so that Prometheus, other exporters and this daemon agree. A blank one is as unset. What
//! cannot be used is an error, as requests would go past the proxy, or to the wrong one, without a word. A message never
//! holds a value: it may carry a password.

use std::{env, ffi::OsString, net::IpAddr, sync::LazyLock};

use reqwest::Url;

use super::is_loopback;

/// The variables, read once: they do not change while the process runs.
static CURRENT: LazyLock<Result<ProxyEnvironment, Vec<BadVariable>>> =
    LazyLock::new(|| ProxyEnvironment::new(|name| env::var_os(name)));

/// Which proxies the environment names, and what goes without.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProxyEnvironment {
    http: Option<Url>,
    https: Option<Url>,
    bypasses: Vec<Bypass>,
    /// Entries of `NO_PROXY` that nothing can match.
    unknown: Vec<String>,
}

/// A variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVariable {
    /// Its name.
    pub name: &'static str,
    /// What is wrong, and what to write; without the value.
    pub message: &'static str,
}

/// An entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq)]
enum Bypass {
    /// `*`.
    Everything,
    /// `10.0.0.0/8`: the first bits of an address.
    Network(IpAddr, u8),
    /// An address, at any port or this one.
    Address(IpAddr, Option<u16>),
    /// A host and all below it, at any port or this one.
    Domain(String, Option<u16>),
}

impl ProxyEnvironment {
    /// That of this process.
    pub fn current() -> Result<&'static ProxyEnvironment, &'static [BadVariable]> {
        CURRENT.as_ref().map_err(Vec::as_slice)
    }

    fn new(get: impl Fn(&str) -> Option<OsString>) -> Result<ProxyEnvironment, Vec<BadVariable>> {
        let mut bad = Vec::new();
        let mut proxy = |names: [&'static str; 2]| {
            let (name, value) = first(&get, names)?;
            match proxy_url(&value) {
                Ok(url) => Some(url),
                Err(message) => {
                    bad.push(BadVariable { name, message });
                    None
                }
            }
        };
        let http = proxy(["HTTP_PROXY", "http_proxy"]);
        let https = proxy(["HTTPS_PROXY", "https_proxy"]);
        let all = proxy(["ALL_PROXY", "all_proxy"]);
        if !bad.is_empty() {
            return Err(bad);
        }
        let excepted = first(&get, ["NO_PROXY", "no_proxy"]);
        let excepted = excepted.map(|(_, value)| value.to_string_lossy().into_owned()).unwrap_or_default();
        let (mut bypasses, mut unknown) = (Vec::new(), Vec::new());
        for entry in excepted.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty()) {
            match Bypass::parse(entry) {
                Some(bypass) => bypasses.push(bypass),
                None => unknown.push(entry.to_owned()),
            }
        }
        Ok(ProxyEnvironment { http: http.or_else(|| all.clone()), https: https.or(all), bypasses, unknown })
    }

    /// Whether it names a proxy.
    pub fn names_proxy(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }

    /// Entries of `NO_PROXY` that nothing can match.
    pub fn unknown(&self) -> &[String] {
        if self.names_proxy() { &self.unknown } else { &[] }
    }

    /// The proxy that requests to this URL go through: for loopback none.
    pub fn proxy_of(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !is_loopback(url) && !self.bypasses.iter().any(|bypass| bypass.matches(url)))
    }
}

/// The first of these variables that is not blank.
fn first(get: impl Fn(&str) -> Option<OsString>, names: [&'static str; 2]) -> Option<(&'static str, OsString)> {
    let values = names.into_iter().filter_map(|name| Some((name, get(name)?)));
    values.into_iter().find(|(_, value)| !value.to_string_lossy().trim().is_empty())
}

/// The URL of a proxy; without a scheme it is `http`.
fn proxy_url(value: &OsString) -> Result<Url, &'static str> {
    const FORM: &str = "is not the URL of a proxy; write http://HOST:PORT, or unset it";
    let text = value.to_str().ok_or(FORM)?.trim();
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("http://{text}")),
    };
    if text.contains('@') && url.as_ref().map_or(true, |url| url.username().is_empty() || rest(url).contains('@')) {
        return Err(
            "is not the URL of a proxy; write http://USER:PASSWORD@HOST:PORT, with %XX for what is special in the password (%40 for @, %2F for /, %23 for #)",
        );
    }
    let url = url.map_err(|_| FORM)?;
    match url.scheme() {
        "http" | "https" if url.has_host() && rest(&url).trim_matches('/').is_empty() => Ok(url),
        "http" | "https" => Err(FORM),
        scheme if scheme.starts_with("socks") => {
            Err("is a SOCKS proxy, which is not supported; write http://HOST:PORT, or unset it")
        }
        _ => Err(FORM),
    }
}

/// What follows host and port.
fn rest(url: &Url) -> String {
    [Some(url.path()), url.query(), url.fragment()].into_iter().flatten().collect()
}

impl Bypass {
    fn parse(entry: &str) -> Option<Bypass> {
        if entry == "*" {
            return Some(Bypass::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
            let most = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Bypass::Network(address, bits));
        }
        if let Ok(address) = entry.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(Bypass::Address(address, None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(Bypass::Address(address, port));
        }
        let name = host.strip_prefix("*.").or(host.strip_prefix('.')).unwrap_or(host);
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        // `10.` and `10.1` look like networks, and no host can have such a name.
        let is_number = name.rsplit('.').next().is_some_and(|last| last.parse::<u32>().is_ok());
        (is_name && !is_number).then_some(Bypass::Domain(name, port))
    }

    fn matches(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let is_port = |port: &Option<u16>| port.is_none_or(|port| url.port_or_known_default() == Some(port));
        match self {
            Bypass::Everything => true,
            Bypass::Network(network, bits) => address.is_some_and(|address| is_within(address, *network, *bits)),
            Bypass::Address(excepted, port) => address == Some(*excepted) && is_port(port),
            Bypass::Domain(name, port) => {
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(|below| below.is_empty() || below.ends_with('.')) && is_port(port)
            }
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let shift = |width: u8| u32::from(width - bits.min(width));
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<ProxyEnvironment, Vec<BadVariable>> {
        ProxyEnvironment::new(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn is_proxied(no_proxy: &str, url: &str) -> bool {
        let environment = environment(&[("ALL_PROXY", "http://proxy:3128"), ("NO_PROXY", no_proxy)]).expect("a proxy");
        environment.proxy_of(&url.parse().expect("a URL")).is_some()
    }

    #[test]
    fn no_proxy_means_what_it_means_elsewhere() {
        let url = "https://farm.example.com:8443/api";
        for matching in [
            "*",
            "farm.example.com",
            "example.com",
            ".example.com",
            "*.example.com",
            "FARM.example.com",
            "Example.COM:8443",
            "farm.example.com:8443",
            "other, farm.example.com",
            "other farm.example.com",
            "com.",
            "com",
        ] {
            assert!(!is_proxied(matching, url), "{matching}");
        }
        for other in [
            "",
            " ",
            "farm",
            "arm.example.com",
            "farm.example.com:443",
            "example.com:8444",
            "10.0.0.0/8",
            "a.farm.example.com",
        ] {
            assert!(is_proxied(other, url), "{other}");
        }
        let url = "http://10.1.2.3:8080/";
        for matching in [
            "*",
            "10.0.0.0/8",
            "10.1.2.3",
            "10.1.2.3:8080",
            "10.1.2.2/31",
            "0.0.0.0/0",
            "10.1.2.3/32",
            " 10.0.0.0/8 ,x",
        ] {
            assert!(!is_proxied(matching, url), "{matching}");
        }
        for other in ["11.0.0.0/8", "10.1.2.4", "10.1.2.3:80", "10.1.2.2/32", "::/0", "10.1.2.2"] {
            assert!(is_proxied(other, url), "{other}");
        }
        for matching in ["fd00::/8", "fd00::1", "[fd00::1]", "[fd00::1]:443", "*"] {
            assert!(!is_proxied(matching, "https://[fd00::1]/"), "{matching}");
        }
        assert!(is_proxied("[fd00::1]:80", "https://[fd00::1]/"));
        assert!(!is_proxied("", "http://127.0.0.1:9093/"), "loopback never goes through it");
    }

    #[test]
    fn a_blank_variable_is_as_unset_and_the_case_does_not_count() {
        let url = |text: &str| text.parse::<Url>().expect("a URL");
        let (plain, tls) = (url("http://ras.example.com"), url("https://ras.example.com"));
        let found = environment(&[
            ("HTTP_PROXY", " "),
            ("http_proxy", "proxy:3128"),
            ("HTTPS_PROXY", ""),
            ("all_proxy", "https://all"),
        ]);
        let found = found.expect("proxies");
        assert_eq!(found.proxy_of(&plain).map(Url::as_str), Some("http://proxy:3128/"));
        assert_eq!(found.proxy_of(&tls).map(Url::as_str), Some("https://all/"));
        let blank = environment(&[("HTTP_PROXY", ""), ("https_proxy", " \t"), ("ALL_PROXY", "\n"), ("NO_PROXY", "")]);
        assert_eq!(blank, Ok(ProxyEnvironment::default()));
        let lower = environment(&[("HTTPS_PROXY", "proxy"), ("NO_PROXY", ""), ("no_proxy", "ras.example.com")]);
        assert_eq!(lower.expect("a proxy").proxy_of(&tls), None);
        let with_login = environment(&[("https_proxy", "http://me:p%40ss@proxy:3128/")]).expect("a proxy");
        assert_eq!(with_login.proxy_of(&tls).and_then(Url::password), Some("p%40ss"));
    }

    #[test]
    fn what_is_malformed_is_told_without_its_value() {
        for value in [
            "http://",
            "http://proxy:port",
            "proxy:99999",
            "ftp://proxy",
            "http://pro xy:3128",
            "http://proxy:3128/path",
            "://proxy",
            "http://me:canary@proxy:port",
            "http://me:cana/ry@proxy:3128",
            "me:can#ary@proxy",
            "socks5://proxy:1080",
            "http://u:12/canary@proxy",
        ] {
            for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
                let bad = environment(&[(name, value)]).expect_err(value);
                assert_eq!((bad.len(), bad[0].name), (1, name), "{value}");
                assert!(bad[0].message.contains("write http://") && !bad[0].message.contains("canary"), "{bad:?}");
            }
        }
        let environment = |no_proxy| environment(&[("ALL_PROXY", "proxy"), ("NO_PROXY", no_proxy)]).expect("a proxy");
        let odd = environment("10.*,10.1,example.com,10.0.0.0/33,host:https,http://farm,a.*.b");
        assert_eq!(odd.unknown(), ["10.*", "10.1", "10.0.0.0/33", "host:https", "http://farm", "a.*.b"]);
    }
}
