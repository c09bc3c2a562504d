//! To come.

use super::{Request, Response, Service, Truth, World};
use hyper::StatusCode;
use std::sync::Arc;

/// To come.
pub struct CitrixStorefront {
    _world: Arc<World>,
}

impl CitrixStorefront {
    /// To come.
    pub fn new(world: Arc<World>) -> CitrixStorefront {
        CitrixStorefront { _world: world }
    }
}

impl Service for CitrixStorefront {
    fn vendor(&self) -> &'static str {
        "citrix_storefront"
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
