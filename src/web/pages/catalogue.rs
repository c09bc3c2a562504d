//! `/catalogue`: every metric, what it means and how many series it has now.

use maud::html;

use super::{Context, Document, text};
use crate::catalogue::{self, Family};

/// The page.
pub fn page<'a>(cx: &Context<'_>) -> Document<'a> {
    let asked = cx.parameter("q").to_lowercase();
    let is_asked = |family: &&Family| {
        asked.is_empty() || family.name.contains(&asked) || family.help.to_lowercase().contains(&asked)
    };
    let found: Vec<&'static Family> = catalogue::all().filter(is_asked).collect();
    let fixed = html! {
        h1 { "Metrics" }
        form.filters action=(cx.link("/catalogue")) {
            p { label for="q" { "Name or meaning" } input #q type="search" name="q" value=(cx.parameter("q")) maxlength="200"; }
            p { button type="submit" { "Show" } @if !asked.is_empty() { " " a href=(cx.link("/catalogue")) { "Clear" } } }
        }
    };
    let body = html! {
        p.summary { strong { (text::counted(found.len(), "metric")) } @if !asked.is_empty() { " found" }
            ". Those of targets also carry the labels that stand first." }
        div.scroll { table.catalogue {
            thead { tr { th scope="col" { "Metric" } th scope="col" { "Type" } th scope="col" { "Labels" } th scope="col" { "Meaning" } } }
            tbody { @for family in &found { tr #(family.name) {
                th scope="row" { code { (family.name) } }
                td { (family.kind.as_str()) }
                td { @for (index, label) in family.all_labels().enumerate() { @if index > 0 { ", " } code { (label) } } }
                td { (family.help) }
            } } }
        } }
    };
    Document { title: "Metrics", place: "/catalogue", level: None, live: false, fixed, body }
}
