//! One value, read as what it should be.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use reqwest::Url;

use super::{Context, Section, closest};
use crate::{
    config::{
        problem::Mark,
        size,
        yaml::{Entry, Node, Value},
    },
    duration,
    glob::Glob,
};

/// One value with its path.
#[derive(Clone)]
pub struct Item<'a> {
    /// What all accessors share.
    pub ctx: &'a Context<'a>,
    /// The value.
    pub node: &'a Node,
    /// Its path.
    pub path: String,
}

impl<'a> Item<'a> {
    /// Notes an error about it.
    pub fn error(&self, message: impl Into<String>) {
        self.ctx.error(&self.node.mark, &self.path, message);
    }

    /// Notes a warning about it.
    pub fn warn(&self, message: impl Into<String>) {
        self.ctx.warn(&self.node.mark, &self.path, message);
    }

    /// Where it stands.
    pub fn mark(&self) -> &'a Mark {
        &self.node.mark
    }

    /// The text as written.
    fn raw(&self, wanted: &str) -> Option<&'a str> {
        let text = self.scalar();
        if text.is_none() {
            self.error(format!("must be {wanted}, not {}", self.node.kind()));
        }
        text
    }

    /// The text as written, without a word about it where it is none.
    pub fn scalar(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar { text, .. } if !self.node.is_null() => Some(text),
            _ => None,
        }
    }

    /// The plain scalar of a number or boolean.
    fn plain(&self, wanted: &str) -> Option<&'a str> {
        let text = self.raw(wanted)?;
        if matches!(self.node.value, Value::Scalar { plain: false, .. }) {
            self.error(format!("must be {wanted}, without quotes"));
            return None;
        }
        Some(text)
    }

    /// A text, as written: the plain `0123` is the text `0123`.
    pub fn text(&self) -> Option<String> {
        self.raw("a text").map(str::to_owned)
    }

    /// A text of this many characters.
    pub fn text_of(&self, length: RangeInclusive<usize>) -> Option<String> {
        let text = self.text()?;
        let count = text.chars().count();
        if count < *length.start() {
            self.error("is empty");
            return None;
        }
        if count > *length.end() {
            self.error(format!("has {count} characters; {} is the most", length.end()));
            return None;
        }
        Some(text)
    }

    /// A text that is not empty.
    pub fn filled(&self) -> Option<String> {
        self.text_of(1..=usize::MAX)
    }

    /// `true` or `false`.
    pub fn bool(&self) -> Option<bool> {
        match self.plain("true or false")? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            text => {
                self.error(format!("must be true or false, not {text:?}"));
                None
            }
        }
    }

    /// A whole number.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.plain("a whole number")?;
        match text.parse::<i64>() {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(number) if *range.end() == i64::MAX => {
                self.error(format!("must be {} at the least, not {number}", range.start()));
                None
            }
            Ok(number) => {
                self.error(format!("must be from {} to {}, not {number}", range.start(), range.end()));
                None
            }
            Err(_) => {
                self.error(format!("must be a whole number, not {text:?}"));
                None
            }
        }
    }

    /// A number.
    pub fn float(&self) -> Option<f64> {
        let text = self.plain("a number")?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.error(format!("must be a number, not {text:?}"));
        }
        number
    }

    /// A duration that is not shorter than the given one.
    pub fn duration(&self, shortest: Duration) -> Option<Duration> {
        match duration::parse(self.raw("a duration such as 30s")?) {
            // Anything but nothing: `1ns` would not help anybody.
            Ok(duration) if duration < shortest && shortest == Duration::from_nanos(1) => {
                self.error("must be longer than 0s");
            }
            Ok(duration) if duration < shortest => self.error(format!(
                "must be {} at the least, not {}",
                duration::print(shortest),
                duration::print(duration)
            )),
            Ok(duration) => return Some(duration),
            Err(message) => self.error(message),
        }
        None
    }

    /// A size in bytes, not 0.
    pub fn bytes(&self) -> Option<u64> {
        match size::parse(self.raw("a size such as 64MiB")?) {
            Ok(0) => self.error("must be larger than 0"),
            Ok(bytes) => return Some(bytes),
            Err(message) => self.error(message),
        }
        None
    }

    /// One of several words.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.raw("a text")?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let hint =
                closest(text, names.iter().copied()).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            self.error(format!("must be one of {}, not {text:?}{hint}", names.join(", ")));
        }
        found
    }

    /// A glob.
    pub fn glob(&self) -> Option<Glob> {
        let text = self.filled()?;
        match Glob::new(&text) {
            Ok(glob) => Some(glob),
            Err(error) => {
                self.error(format!("{text:?} is not a valid glob: {error}"));
                None
            }
        }
    }

    /// A path; a relative one starts at the configuration file.
    pub fn path(&self) -> Option<PathBuf> {
        let text = self.filled()?;
        let name = text.trim_end_matches(['\r', '\n']);
        if name.contains(char::is_control) {
            // What stands in the wrong place may be a key or a token.
            self.error(
                "must be the name of a file, and has line breaks or control characters; is it the text of the file?",
            );
            return None;
        }
        Some(self.ctx.base_dir.join(name))
    }

    /// The base URL of an HTTP API: no credentials, no query, no fragment. A slash at its end is dropped. Its text is not shown,
    /// as it may hold what should not have been written there.
    pub fn url(&self) -> Option<Url> {
        let text = self.filled()?;
        let lower = text.trim().to_ascii_lowercase();
        let has_scheme = lower.starts_with("https:") || lower.starts_with("http:");
        let problem = match Url::parse(text.trim()) {
            _ if text.contains("${") => "is taken as it stands: variables are not expanded".to_owned(),
            _ if !has_scheme => "must begin with https:// or http://".to_owned(),
            Err(error) => format!("is not a URL: {error}"),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                "must not hold credentials; they belong into auth".to_owned()
            }
            Ok(url) if url.query().is_some() => "must not have a query (?)".to_owned(),
            Ok(url) if url.fragment().is_some() => "must not have a fragment (#)".to_owned(),
            Ok(mut url) => {
                let path = url.path().trim_end_matches('/').to_owned();
                url.set_path(&path);
                return Some(url);
            }
        };
        self.error(problem);
        None
    }

    /// Notes an error where a base URL has at its end what the daemon adds itself.
    pub fn refuse_end(&self, url: &Url, ends: &[&str]) {
        let path = url.path().to_ascii_lowercase();
        if let Some(end) = ends.iter().find(|end| path.ends_with(*end)) {
            self.error(format!("must be without {end} at its end: the paths of requests are added to it"));
        }
    }

    /// The items of a list; nothing is an empty one.
    pub fn list(&self) -> Vec<Item<'a>> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Item { node, path: format!("{}[{index}]", self.path), ..self.clone() })
                .collect(),
            _ => {
                self.error(format!("must be a list, not {}", self.node.kind()));
                Vec::new()
            }
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&'a [Entry]> {
        match &self.node.value {
            Value::Map(entries) => Some(entries),
            _ => {
                self.error(format!("must be a mapping, not {}", self.node.kind()));
                None
            }
        }
    }

    /// A mapping with known keys.
    pub fn section(&self) -> Option<Section<'a>> {
        let entries = self.entries()?;
        Some(Section::new(self.ctx, Some((entries, &self.node.mark)), self.path.clone()))
    }
}
