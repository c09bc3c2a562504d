//! The last poll in detail: requests, parts that failed, decode warnings, extras.

use maud::{Markup, html};

use super::super::text;
use crate::{
    api::{Warning, right_of_extra},
    failure::Failure,
    snapshot::{Snapshot, history::LastPoll},
};

/// The section; nothing before the first poll ended.
pub fn section(snapshot: &Snapshot) -> Markup {
    let Some(last) = snapshot.history.last() else { return html! {} };
    html! {
        h2 { "The last poll" }
        @for note in &last.notes { p { (text::name(note)) } }
        @if !last.failed_parts.is_empty() || !last.unread.is_empty() { (parts(&last)) }
        (requests(&last))
        @if !last.warnings.is_empty() { (warnings(&last)) }
        @if !last.extras.is_empty() { (extras(snapshot.target.vendor(), &last)) }
    }
}

fn failed(failure: &Failure) -> Markup {
    html! { (failure.reason()) ": " (failure.reason.why()) br; code { (failure.message) } }
}

fn parts(last: &LastPoll) -> Markup {
    html! {
        h3 { "Parts that could not be read" }
        div.scroll { table {
            thead { tr { th scope="col" { "Part" } th scope="col" { "Why" } } }
            tbody {
                @for (part, failure) in &last.failed_parts { tr { th scope="row" { @if part.is_empty() { "all" } @else { (text::name(part)) } } td { (failed(failure)) } } }
                @for (part, failure) in &last.unread { tr { th scope="row" { (text::name(part)) } td { (failed(failure)) } } }
            }
        } }
    }
}

fn requests(last: &LastPoll) -> Markup {
    html! {
        h3 { "Requests" }
        @if last.requests.is_empty() { p.muted { "It sent none." } } @else {
            div.scroll { table.requests {
                thead { tr { th scope="col" { "Request" } th scope="col" { "Answer" } th scope="col" { "Took" } th scope="col" { "Bytes" } } }
                tbody { @for request in &last.requests { tr {
                    th scope="row" { code { (crate::printable::printable(&request.request)) } @if let Some(said) = &request.said { br; span.muted { "It said: " q { (said) } } } }
                    td { @match (&request.status, &request.failure) {
                        (Some(status), _) => { @if *status >= 400 { span.mark.warning aria-hidden="true" { "▲" } } (status) }
                        (None, Some(failure)) => { span.mark.warning aria-hidden="true" { "▲" } (failed(failure)) }
                        (None, None) => { "–" }
                    } }
                    td.n { (text::short(request.took)) }
                    td.n { (text::count(request.bytes as u64)) }
                } } }
            } }
            @if last.left_out > 0 { p.muted { "and " (text::count(last.left_out)) " more" } }
        }
    }
}

const fn oddity(kind: Warning) -> &'static str {
    match kind {
        Warning::UnknownState => "A state that no table knows; it counts as unknown.",
        Warning::BadItem => "An item that cannot be read; it is left out.",
        Warning::Duplicate => "Several of one name; they are told apart by their ids.",
        Warning::TruncatedLabel => "A name of more than 256 bytes; it is cut.",
        Warning::BadValue => "A field that cannot be read; it is left out.",
    }
}

fn warnings(last: &LastPoll) -> Markup {
    html! {
        h3 { "Odd in the data" }
        div.scroll { table {
            thead { tr { th scope="col" { "Kind" } th scope="col" { "Times" } th scope="col" { "What was seen" } } }
            tbody { @for (kind, count, seen) in &last.warnings { tr {
                th scope="row" { (kind.as_str()) br; span.muted { (oddity(*kind)) } }
                td.n { (text::count(*count)) }
                td { ul.plain { @for text in seen { li { code { (text) } } } } }
            } } }
        } }
    }
}

fn extras(vendor: &str, last: &LastPoll) -> Markup {
    html! {
        h3 { "Extras" }
        div.scroll { table {
            thead { tr { th scope="col" { "Extra" } th scope="col" { "Last try" } th scope="col" { "Right that it needs" } } }
            tbody { @for (name, outcome) in &last.extras { tr {
                th scope="row" { code { (name) } }
                td { @match outcome { Ok(()) => { "✓ worked" } Err(failure) => { "▲ " (failed(failure)) } } }
                td { (right_of_extra(vendor, name).unwrap_or("not known")) }
            } } }
        } }
    }
}
