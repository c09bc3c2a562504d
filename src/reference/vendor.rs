//! What each vendor has on the page, from `vendor/<vendor>.md`: a line for its agents and one for its pools, then the sections
//! `Health` and `Metrics`. The table of its metrics comes before what the latter says.

use super::{code, filled, metrics as families, table};
use crate::{
    catalogue,
    vendors::{Vendor, vendor_table},
};

macro_rules! pages {
    ($($vendor:ident $name:ident $row:tt)+) => {
        /// In the order of the table of vendors.
        const PAGES: &[&str] = &[$(include_str!(concat!("vendor/", stringify!($name), ".md"))),+];
    };
}
vendor_table!(pages);

/// A page, read.
struct Page {
    name: &'static str,
    agent: &'static str,
    pool: &'static str,
    health: &'static str,
    metrics: &'static str,
}

fn pages() -> impl Iterator<Item = Page> {
    Vendor::ALL.iter().zip(PAGES).map(|(vendor, text)| {
        let name = vendor.as_str();
        read(name, text).unwrap_or_else(|| {
            panic!(
                "src/reference/vendor/{name}.md has the lines `agent: ` and `pool: `, then `## Health` and `## Metrics`"
            )
        })
    })
}

fn read(name: &'static str, text: &'static str) -> Option<Page> {
    let (head, text) = text.split_once("\n## Health\n")?;
    let (health, metrics) = text.split_once("\n## Metrics\n")?;
    let (agent, pool) = head.strip_prefix("agent: ")?.trim_end().split_once("\npool: ")?;
    Some(Page { name, agent, pool, health: health.trim(), metrics: metrics.trim() })
}

pub fn agents() -> String {
    table("vendor | agent | pool", pages().map(|page| [code(page.name), page.agent.to_owned(), page.pool.to_owned()]))
}

pub fn health() -> String {
    let sections = pages().map(|page| format!("### {}\n\n{}", page.name, filled(page.health)));
    sections.collect::<Vec<_>>().join("\n")
}

pub fn metrics() -> String {
    let sections = pages().map(|page| {
        let table = families(catalogue::of(page.name).unwrap_or_default());
        format!("### {}\n\n{table}\n{}", page.name, filled(page.metrics))
    });
    sections.map(|section| section.trim_end().to_owned()).collect::<Vec<_>>().join("\n\n")
}
