//! Reading StoreFront's XML: any namespace, any encoding, names in any case, elements with their whole text.
//!
//! The vendor's pages disagree with their own samples on namespaces and on the case of names, so that only local names
//! are given on, and all comparisons ignore ASCII case. Messages name places, never content: it may be a token.

use std::{borrow::Cow, io::Read};

use quick_xml::{
    Reader, XmlVersion,
    encoding::{DecodingReader, decode, detect_encoding},
    events::{BytesRef, BytesStart, Event},
};

use crate::{
    failure::{Failure, Reason},
    http::MAX_OBJECT,
};

/// Deeper nesting than this is no answer of a StoreFront.
const DEPTH: usize = 64;

/// More elements and attributes than this are in no document of the log-on. Each costs much more in memory than on the wire.
const MAX_ELEMENTS: usize = 10_000;

/// Is told of the elements of a document. The root has depth 1.
pub trait Visitor {
    /// An element begins.
    fn open(&mut self, depth: usize, name: &str) -> Result<(), Failure>;

    /// An attribute of the element that has just begun; declarations of namespaces are left out.
    fn attribute(&mut self, depth: usize, name: &str, value: &str) {
        let _ = (depth, name, value);
    }

    /// An element ends. `text` is its text behind its last child, trimmed: for an element without children, all of it.
    fn close(&mut self, depth: usize, name: &str, text: &str);
}

/// Walks a whole document. A document that is cut off, empty or not well-formed is a failure of reason `decode`.
pub fn walk(body: &[u8], visitor: &mut impl Visitor) -> Result<(), Failure> {
    let document = text(body)?;
    let mut reader = Reader::from_str(&document);
    let mut depth = 0;
    let mut elements = 0_usize;
    let mut text = String::new();
    loop {
        let event = reader.read_event().map_err(|_| broken("not well-formed", reader.error_position()))?;
        match event {
            Event::Start(start) => {
                depth += 1;
                elements += 1;
                open(depth, &start, visitor)?;
                text.clear();
            }
            Event::Empty(start) => {
                elements += 1;
                open(depth + 1, &start, visitor)?;
                visitor.close(depth + 1, local(start.name().0), "");
                text.clear();
            }
            Event::End(end) => {
                visitor.close(depth, local(end.name().0), text.trim_ascii());
                depth -= 1;
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            // Entities arrive as events of their own.
            Event::GeneralRef(reference) => {
                resolve(&reference, &mut text).ok_or_else(|| broken("bad entity", reader.buffer_position()))?;
            }
            Event::Eof if elements == 0 => return Err(Failure::new(Reason::Decode, "not an XML document")),
            // The reader itself does not mind open elements at the end.
            Event::Eof if depth > 0 => return Err(Failure::new(Reason::Decode, "the XML is cut off")),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn open(depth: usize, start: &BytesStart<'_>, visitor: &mut impl Visitor) -> Result<(), Failure> {
    if depth > DEPTH {
        return Err(Failure::new(Reason::Decode, "the XML is nested too deeply"));
    }
    visitor.open(depth, local(start.name().0))?;
    if start.attributes_raw().is_empty() {
        return Ok(());
    }
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| Failure::new(Reason::Decode, "an attribute cannot be read"))?;
        let name = attribute.key.0;
        if !name.starts_with("xmlns") {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_else(|_| attribute.value.clone());
            visitor.attribute(depth, local(name), value.trim());
        }
    }
    Ok(())
}

/// The name without its prefix.
fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// `None`: a reference to a character that there is not. Entities that XML does not define stay as they are.
fn resolve(reference: &BytesRef<'_>, into: &mut String) -> Option<()> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        into.push(character);
        return Some(());
    }
    let character = match &**reference {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        other => {
            into.push('&');
            into.push_str(other);
            ';'
        }
    };
    into.push(character);
    Some(())
}

fn broken(what: &str, position: u64) -> Failure {
    Failure::new(Reason::Decode, format!("the XML is {what} near byte {position}"))
}

/// The document as text: UTF-8, UTF-16 with a mark or by its first bytes, else what its declaration says.
///
/// UTF-8 that calls itself UTF-16, as a sample of the vendor does, is read as what it is.
fn text(body: &[u8]) -> Result<Cow<'_, str>, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let wide = body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") || body.iter().take(4).any(|b| *b == 0);
    let failure = || Failure::new(Reason::Decode, "the encoding of the XML cannot be read");
    if wide {
        detect_encoding(body).ok_or_else(failure)?;
        let mut text = String::new();
        DecodingReader::new(body).read_to_string(&mut text).map_err(|_| failure())?;
        return Ok(Cow::Owned(text.trim_start_matches('\u{feff}').to_owned()));
    }
    if let Ok(text) = std::str::from_utf8(body) {
        return Ok(Cow::Borrowed(text));
    }
    let head: String = body.iter().take(200).take_while(|byte| **byte != b'>').map(|byte| char::from(*byte)).collect();
    match Reader::from_str(&format!("{head}>")).read_event() {
        Ok(Event::Decl(declaration)) => {
            let encoding = declaration.encoder().ok_or_else(failure)?;
            decode(body, encoding).map_err(|_| failure())
        }
        _ => Err(failure()),
    }
}

/// An element with everything in it, for the small documents of the log-on.
#[derive(Debug, Default, PartialEq)]
pub struct Element {
    /// Local name in lower case.
    pub name: String,
    /// Its text, trimmed; of an element with children what is behind the last of them.
    pub text: String,
    /// Its attributes, names local and in lower case.
    attributes: Vec<(String, String)>,
    /// Its children in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document; one that is too long, or of too many elements and attributes, is a failure of reason `too_large`.
    pub fn parse(body: &[u8]) -> Result<Element, Failure> {
        // Some of it is kept: a token, a place.
        if body.len() > MAX_OBJECT {
            return Err(Failure::new(Reason::TooLarge, format!("the XML is longer than {MAX_OBJECT} bytes")));
        }
        let mut tree = Tree::default();
        walk(body, &mut tree)?;
        tree.check()?;
        tree.root.ok_or_else(|| Failure::new(Reason::Decode, "not an XML document"))
    }

    /// The first child of this name, given in lower case.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element below at this path of names in lower case.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text at this path; empty where there is none.
    pub fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).map_or("", |element| &element.text)
    }

    /// An attribute, named in lower case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// This element and all below it that have this name, in the order of the document.
    pub fn all<'a>(&'a self, name: &'a str) -> Vec<&'a Element> {
        let mut found = Vec::new();
        let mut waiting = vec![self];
        while let Some(element) = waiting.pop() {
            if element.name == name {
                found.push(element);
            }
            waiting.extend(element.children.iter().rev());
        }
        found
    }
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    /// Elements and attributes so far.
    count: usize,
}

impl Tree {
    fn check(&self) -> Result<(), Failure> {
        if self.count > MAX_ELEMENTS {
            let message = format!("the XML has more than {MAX_ELEMENTS} elements and attributes");
            return Err(Failure::new(Reason::TooLarge, message));
        }
        Ok(())
    }
}

impl Visitor for Tree {
    fn open(&mut self, _depth: usize, name: &str) -> Result<(), Failure> {
        self.count += 1;
        self.check()?;
        self.open.push(Element { name: name.to_ascii_lowercase(), ..Element::default() });
        Ok(())
    }

    fn attribute(&mut self, _depth: usize, name: &str, value: &str) {
        self.count += 1;
        if self.count > MAX_ELEMENTS {
            // Told at the next element, or at the end.
            return;
        }
        if let Some(element) = self.open.last_mut() {
            element.attributes.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    fn close(&mut self, _depth: usize, _name: &str, text: &str) {
        let Some(mut element) = self.open.pop() else { return };
        element.text = text.to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = self.root.take().or(Some(element)),
        }
    }
}

/// Text as XML content.
pub fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn names_are_local_and_text_is_whole() {
        let root = Element::parse(
            br#"<?xml version="1.0"?><!-- a --><m:Root xmlns:m="urn:x" m:A="1 &amp; 2"><m:B> a&amp;b <![CDATA[<c>]]>&#x41;&nbsp; </m:B><e/></m:Root><!--NeedCopy-->"#,
        )
        .expect("well-formed");
        assert_eq!(root.name, "root");
        assert_eq!(root.attribute("a"), Some("1 & 2"));
        assert_eq!(root.text_at(&["b"]), "a&b <c>A&nbsp;");
        assert!(root.child("e").is_some());
    }

    #[test]
    fn every_encoding_that_windows_writes_is_read() {
        let document = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>Zürich</a>";
        let latin: Vec<u8> = document.replace("utf-16", "windows-1252").chars().map(|c| c as u8).collect();
        let bodies = [
            document.as_bytes().to_vec(),
            format!("\u{feff}{document}").into_bytes(),
            wide(document, true, false),
            wide(document, true, true),
            wide(document, false, false),
            wide(document, false, true),
            latin,
        ];
        for body in bodies {
            assert_eq!(Element::parse(&body).expect("readable").text, "Zürich");
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
    }

    #[test]
    fn a_document_of_very_many_elements_or_attributes_is_too_large() {
        let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        let attributes = |count: usize| format!("<a{}/>", " b=''".repeat(count - 1));
        for make in [elements, attributes] as [fn(usize) -> String; 2] {
            assert!(Element::parse(make(MAX_ELEMENTS).as_bytes()).is_ok());
            let failure = Element::parse(make(MAX_ELEMENTS + 1).as_bytes()).expect_err("too many");
            assert_eq!(failure.reason, Reason::TooLarge);
        }
    }

    #[test]
    fn what_a_document_declares_is_neither_unfolded_nor_fetched() {
        let laughs: String =
            (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
        let declared = format!("<!DOCTYPE a [<!ENTITY l0 \"lol\">{laughs}]><a b=\"&l9;\">&l9;</a>");
        let fetched = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><a b=\"&x;\">&x;</a>";
        let outside = "<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/a.dtd\"><a b=\"&x;\">&x;</a>";
        for (document, text) in [(&*declared, "&l9;"), (fetched, "&x;"), (outside, "&x;")] {
            let root = Element::parse(document.as_bytes()).expect("well-formed");
            assert_eq!((&*root.text, root.attribute("b")), (text, Some(text)));
        }
    }

    #[test]
    fn what_is_cut_off_or_broken_is_a_decode_failure() {
        let deep = "<a>".repeat(65);
        for body in ["", "   ", "text", "<a><b></b>", "<a><b></a>", "<a>&#0;</a>", "<a", "<!DOCTYPE a [", &deep] {
            let failure = Element::parse(body.as_bytes()).expect_err(body);
            assert_eq!(failure.reason, Reason::Decode, "{body}: {failure}");
        }
    }
}
