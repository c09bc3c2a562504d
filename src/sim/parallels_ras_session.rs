//! To come.

use super::{Request, Response, Service, Truth, World};
use hyper::StatusCode;
use std::sync::Arc;

/// To come.
pub struct ParallelsRasSession {
    _world: Arc<World>,
}

impl ParallelsRasSession {
    /// To come.
    pub fn new(world: Arc<World>) -> ParallelsRasSession {
        ParallelsRasSession { _world: world }
    }
}

impl Service for ParallelsRasSession {
    fn vendor(&self) -> &'static str {
        "parallels_ras_session"
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
