//! Agents that wait for approval, and those that were declined. There are few: their lists are kept as they came.

use tokio::time::Instant;

use super::{
    super::{Warnings, fingerprint::ContentHash},
    agents,
    session::Session,
};
use crate::{failure::Failure, http::Body};

/// The longest of the two lists, in bytes.
const LONGEST: usize = 8 << 20;

/// The two lists as they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pending {
    /// Those that wait for approval.
    pub waiting: Vec<u8>,
    /// Those that were declined.
    pub declined: Vec<u8>,
    /// What they come from; `None` where that cannot be told.
    pub hash: Option<(ContentHash, ContentHash)>,
}

/// The answers of `/pending_agents`, without and with `declined=true`.
pub async fn fetch(session: &Session, deadline: Instant) -> Result<[Body; 2], Failure> {
    let waiting = session.list("pending_agents", "pending_agents", &[], deadline).await?;
    let declined = session.list("pending_agents", "pending_agents", &[("declined", "true")], deadline).await?;
    Ok([waiting, declined])
}

impl Pending {
    /// Reads the answers; an unreadable list fails here and not with the agents.
    pub fn read([waiting, declined]: &[Body; 2]) -> Result<std::sync::Arc<Pending>, Failure> {
        let hash = ContentHash::of(waiting.as_sent()).zip(ContentHash::of(declined.as_sent()));
        let text = |body: &Body| {
            let text = body.start(LONGEST)?;
            // What is odd in it is counted where it is used.
            agents::check(&text, &Warnings::default())?;
            Ok(text)
        };
        let lists = text(waiting).and_then(|waiting| Ok((waiting, text(declined)?)));
        let (waiting, declined) = lists.map_err(|failure: Failure| failure.context("GET /api/v2/pending_agents"))?;
        Ok(std::sync::Arc::new(Pending { waiting, declined, hash }))
    }
}
