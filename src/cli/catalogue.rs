//! `rollcall metrics`: the metric catalogue.

use serde::Serialize;

use super::output;
use crate::catalogue;

/// Form of the catalogue.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// A table for documents.
    Markdown,
    /// For programs.
    Json,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    r#type: &'static str,
    help: &'static str,
    labels: Vec<&'static str>,
    unit: &'static str,
}

pub fn run(format: Format) -> Result<(), String> {
    let rows: Vec<Row> = catalogue::all()
        .map(|family| Row {
            name: family.name,
            r#type: family.kind.as_str(),
            help: family.help,
            labels: family.all_labels().collect(),
            unit: family.unit,
        })
        .collect();
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())? + "\n",
        Format::Markdown => {
            let lines = rows.iter().map(|row| {
                let labels = row.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
                format!("| `{}` | {} | {labels} | {} |\n", row.name, row.r#type, row.help)
            });
            format!("| metric | type | labels | meaning |\n|---|---|---|---|\n{}", lines.collect::<String>())
        }
        Format::Text => {
            let lines = rows
                .iter()
                .map(|row| format!("{} ({}) {{{}}}\n    {}\n", row.name, row.r#type, row.labels.join(", "), row.help));
            lines.collect()
        }
    };
    output::print(text);
    Ok(())
}
