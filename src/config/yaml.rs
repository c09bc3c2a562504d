//! YAML into a tree that knows where everything stands and what every scalar looked like in the file, so that `0123` stays
//! `0123` where a text is wanted, and every error can name its place.
//!
//! It is our own because serde's readers stop at the first error, and a configuration is told everything that is wrong with it
//! at once, each with file, line, column and path. Only the syntax is a library's (`granit-parser`).
//!
//! Anchors, aliases and merge keys are resolved; what aliases add is bounded. Problems never quote a value: it may be a secret.

mod compose;

use super::problem::{Mark, Problem};

/// The file is read whole, so its size is bounded: room for some 50,000 targets.
pub const MAX_BYTES: usize = 32 << 20;

/// A value in the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text as written, after the escapes of its quotes; `plain` when it had none.
    Scalar {
        /// The text.
        text: String,
        /// Without quotes: numbers, booleans and null are such.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping; every key once.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub mark: Mark,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Nothing was given: `key:`, `key: null` or `key: ~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// In words, for errors.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// How many nodes there are in it, itself included.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.size()).sum(),
        }
    }
}

/// Reads the one document of a file. `None` as the tree: there is none, or none that makes sense.
pub fn read(bytes: &[u8], file: &str) -> (Option<Node>, Vec<Problem>) {
    let file: std::sync::Arc<str> = file.into();
    let fail = |line, column, message: &str| {
        let mark = Mark { file: file.clone(), line, column };
        (None, vec![Problem { mark, path: String::new(), message: message.to_owned() }])
    };
    if bytes.len() > MAX_BYTES {
        return fail(1, 1, "the file is larger than 32MiB");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return fail(1, 1, "the file is in UTF-16; save it as UTF-8");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            return fail(line, column, "the file is not in UTF-8 from here on");
        }
    };
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        return fail(
            line,
            1,
            "the file has NUL characters, as UTF-16 without a byte order mark has them; save it as UTF-8",
        );
    }
    compose::compose(text, &file)
}

#[cfg(test)]
mod tests;
