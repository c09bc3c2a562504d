//! `/agents`: every agent, searched, filtered, sorted and paged on the server; the filters live in the address.

mod find;
mod view;

use super::{Context, Document};
use find::{Found, Query};

/// The page.
pub fn page<'a>(cx: &Context<'_>) -> Document<'a> {
    let query = Query::of(cx.request);
    let found = Found::of(cx.snapshots(), &query);
    let fixed = view::form(cx, &query, &found);
    let body = view::results(cx, &query, &found);
    Document { title: "Agents", place: "/agents", level: None, live: true, fixed, body }
}
