//! Markdown of our own runbooks as HTML: headings, paragraphs, lists, tables, code, emphasis and links. Anything else, and
//! HTML within it, is text.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The text as HTML; its headings stand `deeper` levels lower. `address` says where a link leads; `None`: nowhere, and its text
/// stays.
pub fn render(text: &str, deeper: u8, address: &dyn Fn(&str) -> Option<String>) -> Markup {
    let mut out = String::with_capacity(2 * text.len());
    let mut links: Vec<bool> = Vec::new();
    let mut in_head = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(tag) => open(&mut out, tag, deeper, &mut links, &mut in_head, address),
            Event::End(tag) => close(&mut out, tag, deeper, &mut links, &mut in_head),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => push(&mut out, &text),
            Event::Code(code) => {
                out.push_str("<code>");
                push(&mut out, &code);
                out.push_str("</code>");
            }
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>"),
            Event::Rule => out.push_str("<hr>"),
            _ => {}
        }
    }
    PreEscaped(out)
}

/// Text, escaped by the templates' own function.
fn push(out: &mut String, text: &str) {
    out.push_str(&html! { (text) }.into_string());
}

fn open(
    out: &mut String,
    tag: Tag<'_>,
    deeper: u8,
    links: &mut Vec<bool>,
    in_head: &mut bool,
    address: &dyn Fn(&str) -> Option<String>,
) {
    match tag {
        Tag::Paragraph => out.push_str("<p>"),
        Tag::Heading { level, .. } => out.push_str(&format!("<h{}>", heading(level, deeper))),
        Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => {
            out.push_str("<pre tabindex=\"0\"><code>")
        }
        Tag::BlockQuote(_) => out.push_str("<blockquote>"),
        Tag::List(None) => out.push_str("<ul>"),
        Tag::List(Some(1)) => out.push_str("<ol>"),
        Tag::List(Some(first)) => out.push_str(&format!("<ol start=\"{first}\">")),
        Tag::Item => out.push_str("<li>"),
        Tag::Emphasis => out.push_str("<em>"),
        Tag::Strong => out.push_str("<strong>"),
        Tag::Table(columns) => {
            debug_assert!(columns.iter().all(|column| *column == Alignment::None), "no table of ours is aligned");
            out.push_str("<div class=\"scroll\"><table>");
        }
        Tag::TableHead => {
            *in_head = true;
            out.push_str("<thead><tr>");
        }
        Tag::TableRow => out.push_str("<tr>"),
        Tag::TableCell if *in_head => out.push_str("<th scope=\"col\">"),
        Tag::TableCell => out.push_str("<td>"),
        Tag::Link { dest_url, .. } => {
            let leads = address(&dest_url);
            links.push(leads.is_some());
            if let Some(leads) = leads {
                out.push_str("<a rel=\"noreferrer\" href=\"");
                push(out, &leads);
                out.push_str("\">");
            }
        }
        _ => {}
    }
}

fn close(out: &mut String, tag: TagEnd, deeper: u8, links: &mut Vec<bool>, in_head: &mut bool) {
    match tag {
        TagEnd::Paragraph => out.push_str("</p>"),
        TagEnd::Heading(level) => out.push_str(&format!("</h{}>", heading(level, deeper))),
        TagEnd::CodeBlock => out.push_str("</code></pre>"),
        TagEnd::BlockQuote(_) => out.push_str("</blockquote>"),
        TagEnd::List(true) => out.push_str("</ol>"),
        TagEnd::List(false) => out.push_str("</ul>"),
        TagEnd::Item => out.push_str("</li>"),
        TagEnd::Emphasis => out.push_str("</em>"),
        TagEnd::Strong => out.push_str("</strong>"),
        TagEnd::Table => out.push_str("</tbody></table></div>"),
        TagEnd::TableHead => {
            *in_head = false;
            out.push_str("</tr></thead><tbody>");
        }
        TagEnd::TableRow => out.push_str("</tr>"),
        TagEnd::TableCell => out.push_str(if *in_head { "</th>" } else { "</td>" }),
        TagEnd::Link if links.pop() == Some(true) => out.push_str("</a>"),
        _ => {}
    }
}

fn heading(level: HeadingLevel, deeper: u8) -> u8 {
    (level as u8 + deeper).min(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_becomes_html_and_nothing_in_it_runs() {
        let text = "# A\n\nSee [B](B.md), [c](../c.md).\n\n1. *x* `<b>`\n\n   ```promql\n   up{a=\"b\"}\n   ```\n\n| a | b |\n|---|---|\n| 1 | <script>x</script> |\n";
        let shown = render(text, 1, &|link| (link == "B.md").then(|| "/r/B?\"".to_owned())).into_string();
        for part in [
            "<h2>A</h2>",
            "<a rel=\"noreferrer\" href=\"/r/B?&quot;\">B</a>, c.",
            "<ol><li><p><em>x</em> <code>&lt;b&gt;</code></p>",
            "up{a=&quot;b&quot;}",
            "<th scope=\"col\">a</th>",
            "&lt;script&gt;x&lt;/script&gt;",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn every_runbook_becomes_html() {
        for alert in crate::rules::catalogue::all() {
            let Some(text) = crate::rules::runbook::of(alert.name) else { panic!("{} has no runbook", alert.name) };
            let shown = render(text, 0, &|_| None).into_string();
            assert!(shown.starts_with(&format!("<h1>{}</h1>", alert.name)), "{}", alert.name);
            assert_eq!(shown.matches("<pre").count(), shown.matches("</pre>").count());
        }
    }
}
