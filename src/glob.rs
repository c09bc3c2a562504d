//! Globs on names: `*`, `?`, `[a-z]`, `{a,b}`; case counts, and `/` is a character like any other.

use serde::{Serialize, Serializer};

/// One glob.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: globset::GlobMatcher,
}

impl Glob {
    /// Compiles a glob; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Glob, String> {
        let glob = globset::Glob::new(text).map_err(|error| error.kind().to_string())?;
        Ok(Glob { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    /// The glob that matches everything.
    pub fn any() -> Glob {
        Glob::new("*").expect("an asterisk is a valid glob")
    }

    /// Whether the name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// The one name that it matches, where it holds no character that stands for others.
    pub fn literal(&self) -> Option<&str> {
        Some(&*self.text).filter(|text| !text.contains(['*', '?', '[', ']', '{', '}', '\\']))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.text == other.text
    }
}

/// Several globs.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Globs(pub Vec<Glob>);

impl Globs {
    /// Whether one of them matches the name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|glob| glob.matches(name))
    }
}
