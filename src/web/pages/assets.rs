//! `GET /assets/…`: style, script and the icons of the pages, which browsers may keep.

use hyper::StatusCode;

use super::document::{SCRIPT, STYLE};
use crate::{exposition::Body, web::reply::Reply};

/// The icon of a level: a colour, and a sign for those who see none.
const ICONS: [(&str, &str); 4] = [
    ("calm.svg", include_str!("icon/calm.svg")),
    ("notice.svg", include_str!("icon/notice.svg")),
    ("warning.svg", include_str!("icon/warning.svg")),
    ("critical.svg", include_str!("icon/critical.svg")),
];

/// The file of this name.
pub fn asset(name: &str) -> Option<Reply> {
    let (content_type, text) = match name {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => ("image/svg+xml", ICONS.iter().find(|(icon, _)| *icon == name)?.1),
    };
    let reply = Reply::new(StatusCode::OK, content_type, Body::whole(text));
    Some(reply.with_header("cache-control", "public, max-age=31536000, immutable"))
}
