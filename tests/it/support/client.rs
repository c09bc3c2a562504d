//! The requests of the tests.

use std::sync::LazyLock;

use reqwest::{Client, Error, Method, StatusCode, header::HeaderMap, redirect::Policy};

use super::{WAIT_TIMEOUT, runtime};

/// Nothing is followed, unpacked, kept open for the next request or sent through a proxy.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let client = Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).timeout(WAIT_TIMEOUT);
    runtime().block_on(async { client.build() }).expect("a client without options that can be wrong")
});

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came: nothing unpacks it.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// One request with these headers.
#[track_caller]
pub fn http(method: &str, url: &str, headers: &[(&str, &str)]) -> Answer {
    ask(method, url, headers).unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

/// The same where nobody may answer.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> Result<Answer, Error> {
    let request = CLIENT.request(Method::from_bytes(method.as_bytes()).expect("a method"), url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    runtime().block_on(async {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.bytes().await?.to_vec() })
    })
}
