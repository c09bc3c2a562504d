//! `rollcall healthcheck`: exit 0 where a daemon answers, 1 where it does not.
//!
//! It asks its own machine and finds out by itself how: the address and TLS are those of the flags and the web configuration
//! of the daemon, whose variables it reads. A daemon that wants a password or a certificate that it is not given is alive:
//! that it says so is the answer.

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use reqwest::{Client, ClientBuilder, Identity, StatusCode, Url};

use crate::config::web::WebConfig;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct Healthcheck {
    /// What is asked, http://..., https://... or unix:PATH; without, /-/healthy at the first listen address.
    #[arg(value_name = "URL", env = "ROLLCALL_HEALTHCHECK_URL")]
    url: Option<String>,
    /// Where the daemon listens.
    #[arg(long = "web.listen-address", env = "ROLLCALL_WEB_LISTEN_ADDRESS", value_name = "ADDRESS")]
    #[arg(default_value = ":10077", value_delimiter = ',')]
    listen: Vec<String>,
    /// Its web configuration, which says whether it speaks TLS.
    #[arg(long = "web.config.file", env = "ROLLCALL_WEB_CONFIG_FILE", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Asks whether it is ready, /-/ready, instead of whether it is alive.
    #[arg(long)]
    ready: bool,
    /// Logs on as this user.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// Its password.
    #[arg(long = "password-file", value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Shows this client certificate (PEM).
    #[arg(long = "cert-file", value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long = "key-file", value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
}

pub fn run(args: Healthcheck) -> Result<(), String> {
    let place = Place::of(&args)?;
    let is_tls = place.url.scheme() == "https";
    super::block_on(async {
        let mut builder = Client::builder().no_proxy().timeout(TIMEOUT);
        // It asks its own container: any certificate is as good as another, unless a password goes elsewhere.
        if args.user.is_none() || place.is_local() {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let (Some(certificate), Some(key)) = (&args.cert_file, &args.key_file) {
            let pem = [read(certificate)?, read(key)?].join("\n");
            let identity = Identity::from_pem(pem.as_bytes());
            builder =
                builder.identity(identity.map_err(|error| format!("--cert-file, --key-file: {}", chain(&error)))?);
        }
        let client = place.connect(builder).build().map_err(|error| format!("cannot ask: {}", chain(&error)))?;
        let mut request = client.get(place.url);
        if let (Some(user), Some(file)) = (&args.user, &args.password_file) {
            request = request.basic_auth(user, Some(read(file)?.trim()));
        }
        match request.send().await {
            Ok(reply) => match reply.status() {
                StatusCode::OK => Ok(()),
                // A daemon that wants a password, or that is asked too often, is alive.
                StatusCode::UNAUTHORIZED if args.user.is_none() => Ok(()),
                StatusCode::TOO_MANY_REQUESTS => Ok(()),
                status => Err(format!("answered {status}")),
            },
            Err(error) if is_tls && args.cert_file.is_none() && was_refused(&error) => Ok(()),
            Err(error) => Err(chain(&error.without_url())),
        }
    })
}

/// Where the daemon is asked.
#[derive(Debug, PartialEq)]
struct Place {
    url: Url,
    /// The unix socket, where it is asked by one.
    socket: Option<String>,
}

impl Place {
    /// The URL that was given, or that at which a daemon with these flags listens.
    fn of(args: &Healthcheck) -> Result<Place, String> {
        let path = if args.ready { "/-/ready" } else { "/-/healthy" };
        let tls = args.web_config_file.as_deref().and_then(WebConfig::asks_for_tls).unwrap_or(false);
        let scheme = if tls { "https" } else { "http" };
        let parse = |text: &str| Url::parse(text).map_err(|error| format!("{text:?} cannot be asked: {error}"));
        let given = args.url.as_deref().unwrap_or(args.listen.first().map_or(":10077", String::as_str));
        if let Some(socket) = given.strip_prefix("unix:") {
            let url = parse(&format!("{scheme}://localhost{path}"))?;
            return Ok(Place { url, socket: Some(socket.to_owned()) });
        }
        if args.url.is_some() {
            return Ok(Place { url: parse(given)?, socket: None });
        }
        // Where it listens on all interfaces, loopback is one of them.
        let (host, port) = given.rsplit_once(':').unwrap_or((given, "10077"));
        let host = match host {
            "" | "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            host => host,
        };
        Ok(Place { url: parse(&format!("{scheme}://{host}:{port}{path}"))?, socket: None })
    }

    fn is_local(&self) -> bool {
        self.socket.is_some() || crate::config::is_loopback(&self.url)
    }

    fn connect(&self, builder: ClientBuilder) -> ClientBuilder {
        match &self.socket {
            #[cfg(unix)]
            Some(path) => builder.unix_socket(Path::new(path)),
            _ => builder,
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Whether the daemon refused us by itself, mostly because it was shown no certificate: somebody is there who knows TLS. With
/// TLS 1.2 the handshake fails; with TLS 1.3 it succeeds, and then the connection is closed.
fn was_refused(error: &reqwest::Error) -> bool {
    let is_alert = causes(error).any(|cause| {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let error = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or_else(|| cause.downcast_ref());
        matches!(error, Some(rustls::Error::AlertReceived(_)))
    });
    is_alert || !error.is_connect() && !error.is_timeout()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// An error with its causes, which alone say what happened.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: Option<&str>, listen: &[&str], ready: bool) -> String {
        let args = Healthcheck {
            url: url.map(str::to_owned),
            listen: listen.iter().map(|&text| text.to_owned()).collect(),
            web_config_file: None,
            ready,
            user: None,
            password_file: None,
            cert_file: None,
            key_file: None,
        };
        let place = Place::of(&args).expect("it can be asked");
        place.socket.map(|socket| format!("{socket} ")).unwrap_or_default() + place.url.as_str()
    }

    #[test]
    fn it_asks_where_the_daemon_listens() {
        for (listen, expected) in [
            (":10077", "http://127.0.0.1:10077/-/healthy"),
            ("0.0.0.0:80", "http://127.0.0.1/-/healthy"),
            ("[::]:9100", "http://[::1]:9100/-/healthy"),
            ("127.0.0.1:9100", "http://127.0.0.1:9100/-/healthy"),
            ("unix:/run/rollcall/x.sock", "/run/rollcall/x.sock http://localhost/-/healthy"),
        ] {
            assert_eq!(place(None, &[listen], false), expected, "{listen}");
        }
        assert_eq!(place(None, &["10.0.0.1:1", ":2"], true), "http://10.0.0.1:1/-/ready");
        assert_eq!(place(Some("https://x.test/prefix/-/ready"), &[":1"], false), "https://x.test/prefix/-/ready");
    }
}
