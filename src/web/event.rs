//! Events of the web server.

use std::sync::LazyLock;

use prometheus::IntCounterVec;

use crate::{catalogue::daemon as family, event};

static REQUESTS: LazyLock<IntCounterVec> = LazyLock::new(|| event::counter_vec(&family::HTTP_REQUESTS));

/// A request was answered.
#[derive(Debug)]
pub struct HttpRequest<'a> {
    /// The route's path, `other` for an unknown one.
    pub route: &'a str,
    /// Method; unusual ones are `other`.
    pub method: &'a str,
    /// Status code.
    pub code: u16,
}

impl HttpRequest<'_> {
    /// Counts it.
    pub fn emit(self) {
        let code = self.code.to_string();
        REQUESTS.with_label_values(&[self.route, self.method, &code]).inc();
        tracing::debug!(route = self.route, method = self.method, code, "Request answered.");
    }
}
