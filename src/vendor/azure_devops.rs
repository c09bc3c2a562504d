//! AzureDevOps.

use std::sync::Arc;

use super::{Api, BoxFuture, Context, Observation, logon::Logons};
use crate::{
    config::{Target, target},
    failure::Failure,
    http::Client,
};

/// The API of one target.
#[derive(Debug)]
pub struct AzureDevOps {}

impl AzureDevOps {
    /// Nothing is sent before the first poll.
    pub fn new(
        _target: Arc<Target>,
        _settings: target::AzureDevOps,
        _http: Client,
        _logons: Arc<Logons>,
    ) -> AzureDevOps {
        AzureDevOps {}
    }
}

impl Api for AzureDevOps {
    fn poll<'a>(&'a mut self, _cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(async { todo!("helper") })
    }
}
