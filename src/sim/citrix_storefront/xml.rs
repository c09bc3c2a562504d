//! Reading small XML requests, and escaping what goes out.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};
use std::borrow::Cow;

/// The elements of a document that hold text and no elements, in order: local name and trimmed text. None where the
/// document is not well-formed.
pub(super) fn leaves(body: &[u8]) -> Option<Vec<(String, String)>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut leaf = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(start.local_name().as_ref().to_owned());
                text.clear();
                leaf = true;
            }
            Event::Empty(empty) => {
                found.push((empty.local_name().as_ref().to_owned(), String::new()));
                leaf = false;
            }
            Event::End(_) => {
                let name = open.pop()?;
                if std::mem::take(&mut leaf) {
                    found.push((name, text.trim().to_owned()));
                }
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().ok()? {
                Some(character) => text.push(character),
                None => text.push_str(resolve_predefined_entity(&entity.xml10_content())?),
            },
            Event::Eof => return (open.is_empty() && !found.is_empty()).then_some(found),
            _ => {}
        }
    }
}

/// Text for an element or an attribute. A line feed is written as a reference, or a reader would be free to change it.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\n']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_come_with_their_entities_and_a_broken_document_not_at_all() {
        let read = leaves(b"<a xmlns='x'><b> 1 &amp; &#50; </b><p:c/><d><e/></d></a>").expect("well-formed");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(read, [pair("b", "1 & 2"), pair("c", ""), pair("e", "")]);
        assert_eq!(leaves(b"<a><b></a>"), None);
        assert_eq!(leaves(b"{}"), None);
        assert_eq!(escape("a\"<\n"), "a&quot;&lt;&#10;");
    }
}
