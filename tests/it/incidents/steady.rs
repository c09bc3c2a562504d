//! Nobody is started again.
//!
//! The installed versions are replayed in each mode, the newer ones in the mode that has both senders.

use super::{VENDORS_LOST, WORK_STUCK, replay, replay::Mode};
use crate::support::Version;

#[test]
fn prometheus_pages_as_often_as_the_documentation_says() {
    replay(Mode::Prometheus, Version::Stable, None, VENDORS_LOST);
}

#[test]
fn prometheus_pages_as_often_as_the_documentation_says_where_work_is_stuck() {
    replay(Mode::Prometheus, Version::Stable, None, WORK_STUCK);
}

#[test]
fn the_daemon_pages_as_often_as_the_documentation_says() {
    replay(Mode::Direct, Version::Stable, None, VENDORS_LOST);
}

#[test]
fn the_daemon_pages_as_often_as_the_documentation_says_where_work_is_stuck() {
    replay(Mode::Direct, Version::Stable, None, WORK_STUCK);
}

#[test]
fn both_at_once_page_as_often_as_the_documentation_says() {
    replay(Mode::Both, Version::Stable, None, VENDORS_LOST);
}

#[test]
fn both_at_once_page_as_often_as_the_documentation_says_with_newer_ones() {
    replay(Mode::Both, Version::Current, None, VENDORS_LOST);
}
