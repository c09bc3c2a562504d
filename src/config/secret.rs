//! Secrets: a type that prints as `<secret>`, and the two ways to give one.

use std::{fmt, io::ErrorKind, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    failure::{Failure, Reason},
    file,
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
    /// The content now. A file that cannot be read, or is empty, is a failure of reason `auth` that names the file: there is
    /// nothing to log on with.
    pub fn read(&self) -> Result<SecretText, Failure> {
        match self {
            Secret::Inline(text) => Ok(text.clone()),
            Secret::File(path) => match file::read_text(path, file::LONGEST_SECRET) {
                Ok(content) if content.trim().is_empty() => Err(Failure::new(
                    Reason::Auth,
                    format!("secret file {} is empty; write the secret into it", path.display()),
                )),
                Ok(content) => Ok(SecretText::new(content.trim())),
                Err(error) => {
                    let remedy = match error.kind() {
                        ErrorKind::NotFound => "write the secret into it, or give another path",
                        ErrorKind::PermissionDenied => "let the user that rollcall runs as read it",
                        _ => "it must be a file of text",
                    };
                    let message = format!("cannot read secret file {}: {error}; {remedy}", path.display());
                    Err(Failure::new(Reason::Auth, message))
                }
            },
        }
    }
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
