//! To come.

use super::{Request, Response, Service, Truth, World};
use hyper::StatusCode;
use std::sync::Arc;

/// To come.
pub struct ParallelsRas {
    _world: Arc<World>,
}

impl ParallelsRas {
    /// To come.
    pub fn new(world: Arc<World>) -> ParallelsRas {
        ParallelsRas { _world: world }
    }
}

impl Service for ParallelsRas {
    fn vendor(&self) -> &'static str {
        "parallels_ras"
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
