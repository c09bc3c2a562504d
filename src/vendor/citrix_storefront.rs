//! CitrixStorefront.

use std::sync::Arc;

use super::{Api, BoxFuture, Context, Observation, logon::Logons};
use crate::{
    config::{Target, target},
    failure::Failure,
    http::Client,
};

/// The API of one target.
#[derive(Debug)]
pub struct CitrixStorefront {}

impl CitrixStorefront {
    /// Nothing is sent before the first poll.
    pub fn new(
        _target: Arc<Target>,
        _settings: target::CitrixStorefront,
        _http: Client,
        _logons: Arc<Logons>,
    ) -> CitrixStorefront {
        CitrixStorefront {}
    }
}

impl Api for CitrixStorefront {
    fn poll<'a>(&'a mut self, _cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(async { todo!("helper") })
    }
}
