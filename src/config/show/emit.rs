//! A small YAML writer: block style, texts in quotes wherever a reader could take them for something else.

use std::fmt::{self, Write as _};

/// A value to be written.
pub(in crate::config) enum Out {
    /// A number, boolean or duration, which needs no quotes.
    Raw(String),
    /// A text, quoted where it has to be.
    Text(String),
    List(Vec<Out>),
    Map(Vec<(String, Out)>),
}

impl Out {
    pub(in crate::config) fn raw(value: impl fmt::Display) -> Out {
        Out::Raw(value.to_string())
    }

    pub(in crate::config) fn text(value: &str) -> Out {
        Out::Text(value.to_owned())
    }

    /// The value on the line of its key, where it fits there.
    fn inline(&self) -> Option<String> {
        match self {
            Out::Raw(text) => Some(text.clone()),
            Out::Text(text) => Some(quoted(text)),
            Out::List(items) if items.is_empty() => Some("[]".to_owned()),
            Out::Map(entries) if entries.is_empty() => Some("{}".to_owned()),
            _ => None,
        }
    }

    /// The lines of a list or mapping. The first one is not indented where it follows a dash.
    fn block(&self, f: &mut fmt::Formatter<'_>, indent: usize, mut after_dash: bool) -> fmt::Result {
        let mut start = |f: &mut fmt::Formatter<'_>| match std::mem::take(&mut after_dash) {
            true => Ok(()),
            false => write!(f, "{:indent$}", ""),
        };
        match self {
            Out::Raw(_) | Out::Text(_) => {}
            Out::List(items) => {
                for item in items {
                    start(f)?;
                    f.write_str("- ")?;
                    match item.inline() {
                        Some(text) => writeln!(f, "{text}")?,
                        None => item.block(f, indent + 2, true)?,
                    }
                }
            }
            Out::Map(entries) => {
                for (key, value) in entries {
                    start(f)?;
                    match value.inline() {
                        Some(text) => writeln!(f, "{}: {text}", quoted(key))?,
                        None => {
                            writeln!(f, "{}:", quoted(key))?;
                            value.block(f, indent + 2, false)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.block(f, 0, false)
    }
}

/// A text as a YAML scalar.
fn quoted(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && !text.ends_with(':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@+-".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Everything that is not printable in YAML, and what some readers take for a line break.
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("writing to a string cannot fail");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_could_be_something_else_are_quoted() {
        for (text, expected) in [
            ("web", "web"),
            ("https://ras.example.com:20443/", "https://ras.example.com:20443/"),
            ("", "\"\""),
            ("no", "\"no\""),
            ("0123", "\"0123\""),
            ("*", "\"*\""),
            ("<secret>", "\"<secret>\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("CORP\\svc \"x\"\n", "\"CORP\\\\svc \\\"x\\\"\\n\""),
            ("bell\u{7}", "\"bell\\u0007\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text: String) {
            let written = Out::Map(vec![("key".to_owned(), Out::List(vec![Out::Text(text.clone())]))]).to_string();
            let (tree, problems) = crate::config::yaml::read(written.as_bytes(), "written");
            proptest::prop_assert!(problems.is_empty(), "{problems:?} in {written}");
            let shown = format!("{:?}", tree.map(|node| node.value));
            proptest::prop_assert!(shown.contains(&format!("text: {text:?}")), "{shown}");
        }
    }
}
