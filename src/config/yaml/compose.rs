//! Parser events into the tree.
//!
//! Our own for the reason that the module above names: a library's tree has no places, and ends at the first duplicate key.

use std::{collections::HashMap, sync::Arc};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::{Entry, Node, Value};
use crate::config::problem::{Mark, Problem};

/// Nodes that aliases may add to a file: enough for 10,000 targets that merge a common part, and some 100 MB at the worst.
const MAX_ALIASED_NODES: usize = 500_000;

/// A list or a mapping that is still open.
struct Frame {
    mark: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    /// The entries, and the key whose value is to come.
    Map(Vec<Entry>, Option<(String, Mark)>),
}

struct Composer {
    file: Arc<str>,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    problems: Vec<Problem>,
}

/// The tree of the one document.
pub(super) fn compose(text: &str, file: &Arc<str>) -> (Option<Node>, Vec<Problem>) {
    let mut composer = Composer {
        file: file.clone(),
        stack: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        aliased: 0,
        problems: Vec::new(),
    };
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    let mut documents = 0;
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((Event::DocumentStart(..), span)) => {
                documents += 1;
                if documents > 1 {
                    composer.problem(composer.mark(&span), "a second document begins here; a file holds one");
                    return (composer.root, composer.problems);
                }
            }
            Ok((event, span)) => {
                if composer.event(event, &span).is_err() {
                    return (None, composer.problems);
                }
            }
            Err(error) => {
                let at = error.marker();
                let tab = is_tab(error.kind()).then(|| indented_with_tab(text, at.line())).flatten();
                let (line, column) = tab.unwrap_or((at.line(), at.col() + 1));
                composer.problem(Mark { file: file.clone(), line, column }, &explain(error.kind()));
                return (None, composer.problems);
            }
        }
    }
    (composer.root, composer.problems)
}

/// The tree cannot be built any further; the problem was told.
struct Stop;

impl Composer {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let mark = self.mark(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = self.tag(&mark, tag.as_deref());
                let plain = style == ScalarStyle::Plain && !as_text;
                let node = Node { mark, value: Value::Scalar { text: text.into_owned(), plain } };
                self.complete(node, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(&mark, tag.as_deref());
                self.stack.push(Frame { mark, anchor, content: Content::List(Vec::new()) });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(&mark, tag.as_deref());
                self.stack.push(Frame { mark, anchor, content: Content::Map(Vec::new(), None) });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let frame = self.stack.pop().expect("the parser closes only what it opened");
                let value = match frame.content {
                    Content::List(items) => Value::List(items),
                    Content::Map(entries, _) => Value::Map(self.merge(entries)),
                };
                self.complete(Node { mark: frame.mark, value }, frame.anchor);
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some((node, size)) => {
                    self.aliased += size;
                    if self.aliased > MAX_ALIASED_NODES {
                        self.problem(mark, "the aliases of this file add more than 500000 values");
                        return Err(Stop);
                    }
                    let node = node.clone();
                    self.complete(node, 0);
                }
                None => {
                    self.problem(mark, "an alias cannot stand for what it is a part of");
                    return Err(Stop);
                }
            },
            Event::UnresolvedAlias(_) => {
                self.problem(
                    mark.clone(),
                    "no anchor of this name stands before this alias; a value that begins with * must be in quotes",
                );
                self.complete(Node { mark, value: Value::Scalar { text: String::new(), plain: true } }, 0);
            }
            _ => {}
        }
        Ok(())
    }

    /// A value is complete: it is the root, an item, a key, or the value of a key.
    fn complete(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            let size = node.size();
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut frame.content {
            Content::List(items) => items.push(node),
            Content::Map(entries, key @ Some(_)) => {
                if let Some((key, mark)) = key.take() {
                    entries.push(Entry { key, mark, node });
                }
            }
            Content::Map(_, key) => match node.value {
                Value::Scalar { text, .. } => *key = Some((text, node.mark)),
                _ => {
                    *key = Some((String::new(), node.mark.clone()));
                    self.problem(node.mark, "a key must be a text");
                }
            },
        }
    }

    /// Resolves `<<` and tells duplicate keys. Keys of the mapping itself win over merged ones, earlier merged ones over later.
    fn merge(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut own: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        for entry in entries {
            if entry.key == "<<" {
                match entry.node.value {
                    Value::Map(inner) => merged.extend(inner),
                    Value::List(items) => {
                        for item in items {
                            match item.value {
                                Value::Map(inner) => merged.extend(inner),
                                _ => self.problem(item.mark, "<< takes mappings"),
                            }
                        }
                    }
                    // Of an alias without an anchor it was told already.
                    Value::Scalar { .. } if entry.node.is_null() => {}
                    Value::Scalar { .. } => self.problem(entry.node.mark, "<< takes a mapping or a list of mappings"),
                }
            } else if let Some(line) = lines.get(&entry.key) {
                let message = format!("{} is given twice, first in line {line}", quoted_key(&entry.key));
                self.problem(entry.mark, &message);
            } else {
                lines.insert(entry.key.clone(), entry.mark.line);
                own.push(entry);
            }
        }
        for entry in merged {
            if !lines.contains_key(&entry.key) {
                lines.insert(entry.key.clone(), entry.mark.line);
                own.push(entry);
            }
        }
        own
    }

    /// Whether a tag makes a text of its scalar. Tags are otherwise left to JSON-like types; a foreign one is a problem.
    fn tag(&mut self, mark: &Mark, tag: Option<&Tag>) -> bool {
        match tag.map(Tag::core_suffix) {
            None => false,
            Some(Some("str")) => true,
            Some(Some("int" | "float" | "bool" | "null" | "map" | "seq")) => false,
            Some(_) => {
                self.problem(mark.clone(), "tags are not used here; a value that begins with ! must be in quotes");
                false
            }
        }
    }

    fn mark(&self, span: &Span) -> Mark {
        Mark { file: self.file.clone(), line: span.start.line(), column: span.start.col() + 1 }
    }

    fn problem(&mut self, mark: Mark, message: &str) {
        self.problems.push(Problem { mark, path: String::new(), message: message.to_owned() });
    }
}

/// A key in an error: cut, and without control characters.
fn quoted_key(key: &str) -> String {
    format!("{:?}", key.chars().take(40).collect::<String>())
}

/// A syntax error in words of ours where the parser's do not help, or quote the file.
fn explain(kind: &ErrorKind) -> String {
    match kind {
        kind if is_tab(kind) => "a tab cannot indent in YAML; use spaces".to_owned(),
        ErrorKind::UnexpectedCharacter { .. } => "a value that begins with this character must be in quotes".to_owned(),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "no key can stand here; a value that contains \": \" must be in quotes, and an indentation may be wrong"
                .to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "a quote is opened and never closed".to_owned(),
        ErrorKind::InvalidQuotedScalarIndent => {
            "a quote is still open here, or the lines within it are not indented".to_owned()
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "unknown escape in double quotes; in single quotes a backslash is only a backslash".to_owned()
        }
        ErrorKind::RecursionLimitExceeded => "nested too deeply".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("{open} is opened and never closed"),
        ErrorKind::InputIo { .. } | ErrorKind::InputDecoding { .. } | ErrorKind::Custom(_) => {
            "cannot be read".to_owned()
        }
        ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::ExpectedDocumentStart => {
            "this line fits none above it: keys that belong together begin in the same column, and so do the - of a list; \
             a key ends with a colon and a space"
                .to_owned()
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "something follows the closing quote; a quote within single quotes is written twice: 'it''s'".to_owned()
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "something follows the closing quote; a quote within double quotes is written \\\"".to_owned()
        }
        ErrorKind::ExpectedFlowMappingSeparator => "a comma or the closing } is missing before this".to_owned(),
        ErrorKind::ExpectedFlowSequenceSeparator => "a comma or the closing ] is missing before this".to_owned(),
        ErrorKind::InvalidFlowScalarIndent => "lines within brackets must be indented".to_owned(),
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => {
            "the text of | or > begins in the next line; a value that begins with one of them must be in quotes".to_owned()
        }
        ErrorKind::InvalidBlockScalarIndent => "the lines of a text after | or > must be indented alike".to_owned(),
        // What is short and plain stays as it is.
        kind if is_plain(&kind.to_string()) => kind.to_string(),
        _ => "no YAML from here on; a value with special characters must be in quotes".to_owned(),
    }
}

/// Whether people understand it who know nothing of how YAML is read.
fn is_plain(text: &str) -> bool {
    const JARGON: &[&str] =
        &["while ", "scalar", "expected", "EOF", "eof", "context", "internal", "handle", "BOM", "surrogate"];
    !JARGON.iter().any(|word| text.contains(word))
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// The first line from the given one on that a tab indents: the parser names the value that the line would continue.
fn indented_with_tab(text: &str, from: usize) -> Option<(usize, usize)> {
    text.lines().enumerate().skip(from.saturating_sub(1)).find_map(|(index, line)| {
        let column = line.chars().take_while(|c| matches!(c, ' ' | '\t')).position(|c| c == '\t')?;
        Some((index + 1, column + 1))
    })
}
