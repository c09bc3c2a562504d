//! Secrets: a type that prints as `<secret>`, and the two ways to give one.

mod missing;

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    failure::{Failure, Reason},
    file::{self, text},
};

/// What stands for a secret.
const SHOWN: &str = "<secret>";

/// A secret text. It prints as `<secret>`, and it is equal to another one of the same content.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> SecretText {
        SecretText(SecretString::from(text.into()))
    }

    /// The text itself, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &SecretText) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretText {}

/// Where a secret comes from.
#[derive(Clone, PartialEq)]
pub enum Secret {
    /// The configuration file.
    Inline(SecretText),
    /// A file of its own, read again at each use; white space around the content is dropped.
    File(PathBuf),
}

/// A path is printed in full: log-on holds go by it, and whoever starts elsewhere names the same file in another way.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Inline(text) => f.debug_tuple("Inline").field(text).finish(),
            Secret::File(path) => {
                f.debug_tuple("File").field(&std::path::absolute(path).unwrap_or_else(|_| path.clone())).finish()
            }
        }
    }
}

impl Secret {
    /// The content now. A file that cannot be read, is empty, or holds what no secret has is a failure of reason `auth` that
    /// names the file: there is nothing to log on with, and what a server would refuse is not sent.
    pub fn read(&self) -> Result<SecretText, Failure> {
        match self {
            Secret::Inline(text) => Ok(text.clone()),
            Secret::File(path) => {
                let bytes = file::read(path, file::LONGEST_SECRET).or_else(|error| {
                    missing::of_this_unit(path).map_or(Err(error), |path| file::read(&path, file::LONGEST_SECRET))
                });
                let bytes = bytes.map_err(|error| unreadable(path, &error))?;
                let content = content(&bytes)
                    .map_err(|what| Failure::new(Reason::Auth, format!("secret file {}: {what}", path.display())))?;
                if content.is_empty() {
                    let message = format!("secret file {} is empty; write the secret into it", path.display());
                    return Err(Failure::new(Reason::Auth, message));
                }
                Ok(SecretText::new(content))
            }
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::NotFound => missing::remedy(path),
        ErrorKind::PermissionDenied => "let the user that rollcall runs as read it".to_owned(),
        _ => "it must be a file of text".to_owned(),
    };
    Failure::new(Reason::Auth, format!("cannot read secret file {}: {error}; {remedy}", path.display()))
}

/// The secret in a file: without byte order marks, and without white space around it. Fails on a control character within it:
/// an editor has put it there, or another encoding, and every server would refuse it.
fn content(bytes: &[u8]) -> Result<String, String> {
    let decoded = text::decode(bytes).map_err(|error| format!("{error}; save it as UTF-8"))?;
    let around = |c: char| c.is_whitespace() || c == text::MARK;
    let secret = decoded.text.trim_matches(around);
    let start = decoded.text.find(secret).unwrap_or_default();
    match unfit(secret) {
        None => Ok(secret.to_owned()),
        Some((at, what)) => {
            let (line, byte) = decoded.place(start + at);
            Err(format!("{what} at byte {byte} (line {line})"))
        }
    }
}

/// Where in a secret a character is that no secret has, and what it is, with what to do.
pub(super) fn unfit(secret: &str) -> Option<(usize, String)> {
    let (at, c) = secret.char_indices().find(|(_, c)| c.is_control() || *c == text::MARK)?;
    let what = match c {
        '\0' => {
            "a NUL character (U+0000), as UTF-16 without a byte order mark has them: save it as UTF-8; it is".to_owned()
        }
        '\n' | '\r' => "more than one line, where only the secret may be; the first ends".to_owned(),
        text::MARK => "a byte order mark (U+FEFF) amid the secret: take it out; it is".to_owned(),
        c => format!("a control character (U+{:04X}) amid the secret: take it out; it is", u32::from(c)),
    };
    Some((at, what))
}

/// Ways to show a secret under its key, or the path of its file under that of the file: the content never.
macro_rules! keys {
    ($($key:ident)+) => {
        $(pub(super) fn $key<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            match secret {
                Secret::Inline(text) => map.serialize_entry(stringify!($key), text)?,
                Secret::File(path) => map.serialize_entry(concat!(stringify!($key), "_file"), path)?,
            }
            map.end()
        })+
    };
}

keys!(api_token bearer_token client_secret password pat prime_secret);

#[cfg(test)]
mod tests;
