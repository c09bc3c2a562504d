//! Events of direct mode: what becomes of alerts, and of the requests that carry them.

mod notification;
mod transition;

pub use notification::{
    NotificationsDropped, NotificationsFailed, NotificationsSent, NotificationsWaiting, PeerAdded, PeerRemoved,
};
pub use transition::{AlertTransition, AlertsCounted, Transition};
