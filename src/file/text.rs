//! The bytes of a file as text: UTF-8, or UTF-16 where a byte order mark says so. The mark is no part of the text.
//!
//! Windows PowerShell 5.1 and Notepad write such marks, and nobody sees them.

use std::{borrow::Cow, fmt};

/// The mark as a character.
pub const MARK: char = '\u{feff}';

/// How the bytes are a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16,
}

/// A text, and where in its file each of its characters is.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// The text without the mark.
    pub text: Cow<'a, str>,
    encoding: Encoding,
    /// The length of the mark.
    mark: usize,
}

/// Why bytes are no text.
#[derive(Debug, PartialEq, Eq)]
pub struct NoText {
    /// The byte from which on they are none, counted from 1.
    pub byte: usize,
    what: &'static str,
}

impl fmt::Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from byte {} on", self.what, self.byte)
    }
}

/// Reads bytes as a text.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, NoText> {
    // Before UTF-16, with which one of them begins.
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(NoText { byte: 1, what: "it is in UTF-32" });
    }
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return utf16(rest, u16::from_be_bytes);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| NoText { byte: error.valid_up_to() + 1, what: "it is not UTF-8" })?;
    let unmarked = text.strip_prefix(MARK).unwrap_or(text);
    let mark = text.len() - unmarked.len();
    Ok(Decoded { text: Cow::Borrowed(unmarked), encoding: Encoding::Utf8, mark })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Decoded<'static>, NoText> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|pair| unit(*pair)).collect();
    let broken = |units: usize| NoText { byte: 3 + 2 * units, what: "it has a mark of UTF-16 and is none" };
    let mut text = String::with_capacity(units.len());
    let mut read = 0;
    for c in char::decode_utf16(units.iter().copied()) {
        let c = c.map_err(|_| broken(read))?;
        read += c.len_utf16();
        text.push(c);
    }
    match rest {
        [] => Ok(Decoded { text: Cow::Owned(text), encoding: Encoding::Utf16, mark: 2 }),
        _ => Err(broken(read)),
    }
}

impl Decoded<'_> {
    /// Where in the file this place of the text is, as line and byte, both counted from 1.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let bytes = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => 2 * before.encode_utf16().count(),
        };
        (before.matches('\n').count() + 1, self.mark + bytes + 1)
    }
}

/// Bytes without a mark: those of UTF-16 as UTF-8. What is no text stays as it is.
pub fn unmarked(bytes: Vec<u8>) -> Vec<u8> {
    match decode(&bytes) {
        Ok(Decoded { mark: 1.., text, .. }) => text.into_owned().into_bytes(),
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        format!("{MARK}{text}").encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn marks_are_understood_and_dropped() {
        let text = "Pässwörd 🔑\r\n";
        for bytes in [
            text.as_bytes().to_vec(),
            format!("{MARK}{text}").into_bytes(),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes).expect("a text").text, text, "{bytes:x?}");
            assert_eq!(unmarked(bytes), text.as_bytes());
        }
        assert_eq!(decode(b"").expect("a text").text, "");
        assert_eq!(unmarked(vec![0xff, 0xfe]), b"");
        assert_eq!(unmarked(vec![0x30, 0x82, 0xff]), [0x30, 0x82, 0xff], "no text");
    }

    #[test]
    fn what_is_no_text_says_where() {
        for (bytes, expected) in [
            (&b"ab\xffc"[..], "it is not UTF-8 from byte 3 on"),
            (b"\xff\xfea\0b", "it has a mark of UTF-16 and is none from byte 5 on"),
            (b"\xfe\xff\0a\xd8\x01", "it has a mark of UTF-16 and is none from byte 5 on"),
            (b"\xff\xfe\0\0a\0\0\0", "it is in UTF-32 from byte 1 on"),
        ] {
            assert_eq!(decode(bytes).expect_err("no text").to_string(), expected);
        }
    }

    #[test]
    fn places_are_those_of_the_file() {
        let place = |bytes: &[u8]| {
            let decoded = decode(bytes).expect("a text");
            decoded.place(decoded.text.find('!').expect("it is there"))
        };
        assert_eq!(place("ä\nb!".as_bytes()), (2, 5));
        assert_eq!(place(format!("{MARK}ä!").as_bytes()), (1, 6));
        assert_eq!(place(&utf16("🔑\n!", u16::to_le_bytes)), (2, 9));
    }
}
