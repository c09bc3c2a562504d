//! Text of a vendor, as it may be shown: in the log, on a terminal, on a page.
//!
//! A name may hold a line feed that begins a forged log line, an escape sequence that drives a terminal, or a mark that turns the
//! direction of what follows. Label values are not shown but exposed, and stay what the vendor said.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// A number of things: `1 agent`, `2 agents`.
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The text without characters that command instead of being seen; they are written as in Rust: `\n`, `\u{1b}`, `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, is_commanding)
}

/// The same for a text of several lines that is our own: line feeds and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_commanding(c) && !matches!(c, '\n' | '\t'))
}

/// A line of JSON in which such characters are written as JSON writes them. The line feed at its end stays.
pub fn printable_json(line: &str) -> Cow<'_, str> {
    let commands = |c: char| is_commanding(c) && c != '\n';
    if !line.contains(commands) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        if commands(c) {
            // Writing to a String cannot fail.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(out, "\\u{unit:04x}"));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Formats as [`printable`].
#[derive(Debug, Clone, Copy)]
pub struct Printable<T>(pub T);

impl<T: AsRef<str>> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&printable(self.0.as_ref()))
    }
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Control characters, separators of lines, marks of direction, and what is never seen: tags, and anchors of annotations.
fn is_commanding(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_is_written_out_and_everything_else_stays() {
        for (text, shown) in [
            ("HOST-7", "HOST-7"),
            (r"CORP\svc", r"CORP\svc"),
            ("Büro 日本 مكتب 👩‍💻", "Büro 日本 مكتب 👩‍💻"),
            ("a\nlevel=error", r"a\nlevel=error"),
            ("\x1b[2J\x07", r"\u{1b}[2J\u{7}"),
            ("\u{9b}31m\u{7f}\0", r"\u{9b}31m\u{7f}\u{0}"),
            ("exe\u{202e}gnp.\u{2066}x\u{200f}", r"exe\u{202e}gnp.\u{2066}x\u{200f}"),
            ("a\u{2028}b\u{2029}\u{85}", r"a\u{2028}b\u{2029}\u{85}"),
            ("\u{e0041}", r"\u{e0041}"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(format!("{:>20}|", Printable(text)), format!("{shown:>20}|"));
        }
        assert_eq!(printable_lines("a\n\tb\r\x1b"), "a\n\tb\\r\\u{1b}");
    }

    #[test]
    fn a_line_of_json_says_the_same() {
        let text = "a\u{202e}b\u{7f}\u{9b}\u{e0041}\n\x1b";
        let line = format!("{}\n", serde_json::to_string(text).expect("a text"));
        let shown = printable_json(&line);
        assert!(shown.ends_with('\n') && !shown.trim_end().contains(is_commanding), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).expect("JSON"), text);
    }
}
