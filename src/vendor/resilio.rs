//! Resilio.

use std::sync::Arc;

use super::{Api, BoxFuture, Context, Observation};
use crate::{
    config::{Target, target},
    failure::Failure,
    http::Client,
};

/// The API of one target.
#[derive(Debug)]
pub struct Resilio {}

impl Resilio {
    /// Nothing is sent before the first poll.
    pub fn new(_target: Arc<Target>, _settings: target::Resilio, _http: Client) -> Resilio {
        Resilio {}
    }
}

impl Api for Resilio {
    fn poll<'a>(&'a mut self, _cx: &'a Context<'a>) -> BoxFuture<'a, Result<Observation, Failure>> {
        Box::pin(async { todo!("helper") })
    }
}
