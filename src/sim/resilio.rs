//! To come.

use super::{Request, Response, Service, Truth, World};
use hyper::StatusCode;
use std::sync::Arc;

/// To come.
pub struct Resilio {
    _world: Arc<World>,
}

impl Resilio {
    /// To come.
    pub fn new(world: Arc<World>) -> Resilio {
        Resilio { _world: world }
    }
}

impl Service for Resilio {
    fn vendor(&self) -> &'static str {
        "resilio"
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
