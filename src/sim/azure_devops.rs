//! To come.

use super::{Request, Response, Service, Truth, World};
use hyper::StatusCode;
use std::sync::Arc;

/// To come.
pub struct AzureDevops {
    _world: Arc<World>,
}

impl AzureDevops {
    /// To come.
    pub fn new(world: Arc<World>) -> AzureDevops {
        AzureDevops { _world: world }
    }
}

impl Service for AzureDevops {
    fn vendor(&self) -> &'static str {
        "azure_devops"
    }
    fn answer(&self, _request: Request) -> Response {
        Response::empty(StatusCode::NOT_FOUND)
    }
    fn truth(&self) -> Vec<Truth> {
        Vec::new()
    }
    fn targets(&self, _base: &str) -> String {
        String::new()
    }
}
