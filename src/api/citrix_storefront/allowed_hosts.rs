//! Where credentials and tokens may go.
//!
//! Every URL of the exchange but the first comes from a server: challenges, choices, forms and endpoints. A token or a
//! password follows them only to the host of the configured `url` and to `allowed_hosts`, and never from https to http.

use reqwest::Url;

use crate::failure::{Failure, Reason};

/// The hosts that may be talked to.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    secure: bool,
    hosts: Vec<String>,
}

impl AllowedHosts {
    /// The host of `url`, and these.
    pub fn new(url: &Url, allowed: &[String]) -> AllowedHosts {
        let own = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let hosts = allowed.iter().map(|host| host.trim().to_ascii_lowercase()).chain([own]);
        AllowedHosts { secure: url.scheme() == "https", hosts: hosts.collect() }
    }

    /// A URL that a server told us, relative ones from `base`. One that is out of reach is a failure of reason `auth`.
    pub fn resolve(&self, base: &Url, text: &str) -> Result<Url, Failure> {
        let refuse = |why: String| Err(Failure::new(Reason::Auth, format!("the server points to {why}")));
        let Ok(mut url) = base.join(text.trim()) else {
            return refuse("a URL that cannot be read".to_owned());
        };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        // allowed_hosts may give an IPv6 address without its brackets.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match url.scheme() {
            "https" => {}
            "http" if !self.secure => {}
            "http" => return refuse(format!("http://{host}, and credentials do not leave https")),
            scheme => return refuse(format!("a URL of the scheme {scheme:.32}, which is neither https nor http")),
        }
        if !self.hosts.iter().any(|allowed| *allowed == host || allowed == bare) {
            return refuse(format!("the host {host}, which is neither that of url nor in allowed_hosts"));
        }
        url.set_fragment(None);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed_hosts(url: &str) -> (Url, AllowedHosts) {
        let url: Url = url.parse().expect("a URL");
        let allowed_hosts = AllowedHosts::new(&url, &["auth.example.com".to_owned(), "fd00::1".to_owned()]);
        (url, allowed_hosts)
    }

    #[test]
    fn credentials_stay_on_known_hosts_and_on_https() {
        let (base, allowed_hosts) = allowed_hosts("https://sf.example.com/Citrix/Store");
        for good in [
            "https://SF.example.com/Citrix/Authentication/auth/v1/token",
            "https://auth.example.com:8443/token",
            "https://[fd00::1]/token",
            "/Citrix/Authentication/ExplicitForms",
        ] {
            assert!(allowed_hosts.resolve(&base, good).is_ok(), "{good}");
        }
        for bad in [
            "https://evil.example.com/token",
            "https://sf.example.com.evil.example.com/token",
            "https://sf.example.com@evil.example.com/token",
            "//evil.example.com/token",
            "http://sf.example.com/token",
            "file:///etc/passwd",
            "https://",
        ] {
            assert_eq!(allowed_hosts.resolve(&base, bad).expect_err(bad).reason, Reason::Auth, "{bad}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        for (url, location, why) in [
            (
                "https://sf.example.com/",
                "http://sf.example.com/token",
                "http://sf.example.com, and credentials do not leave https",
            ),
            (
                "https://sf.example.com/",
                "file:///etc/passwd",
                "a URL of the scheme file, which is neither https nor http",
            ),
            (
                "http://sf.example.com/",
                "file:///etc/passwd",
                "a URL of the scheme file, which is neither https nor http",
            ),
            (
                "http://sf.example.com/",
                "ftp://sf.example.com/",
                "a URL of the scheme ftp, which is neither https nor http",
            ),
        ] {
            let (base, allowed_hosts) = allowed_hosts(url);
            let failure = allowed_hosts.resolve(&base, location).expect_err(location);
            assert_eq!(failure.reason, Reason::Auth);
            assert_eq!(failure.message, format!("the server points to {why}"), "{url} {location}");
        }
    }

    #[test]
    fn plain_http_may_go_up_to_https() {
        let (base, allowed_hosts) = allowed_hosts("http://sf.example.com/Citrix/Store");
        assert!(allowed_hosts.resolve(&base, "https://sf.example.com/token").is_ok());
        assert!(allowed_hosts.resolve(&base, "http://sf.example.com:81/token").is_ok());
    }
}
