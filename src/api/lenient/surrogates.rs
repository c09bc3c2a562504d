//! Half surrogate pairs. JavaScript and .NET write `"\ud83d"` where they cut a text within a character; it stands for no
//! character, and a strict parser refuses all that is around it.

/// The JSON with U+FFFD instead of each half; `None` where there is none.
pub(super) fn repair(json: &str) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let Some(unit) = unit(&json[at..]) else {
            // Another escape: what it escapes may be a backslash.
            at += 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        };
        let is_pair = is_high(unit) && self::unit(&json[at + ESCAPE..]).is_some_and(is_low);
        if is_pair {
            at += 2 * ESCAPE;
            continue;
        }
        if is_high(unit) || is_low(unit) {
            out.push_str(&json[copied..at]);
            out.push_str("\\ufffd");
            copied = at + ESCAPE;
        }
        at += ESCAPE;
    }
    out.push_str(&json[copied..]);
    (copied > 0).then_some(out)
}

/// The length of `\uXXXX`.
const ESCAPE: usize = 6;

/// The unit of UTF-16 that the text begins with as an escape.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""a\uDE00b""#, Some(r#""a\ufffdb""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ude00\ud83d\n""#, Some(r#""\ufffd\ufffd\n""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\u00e9 \u20ac € \"""#, None),
            (r#""\ud8"#, None),
            (r#""\u+d8d""#, None),
            ("\"\\€\\", None),
            ("", None),
        ] {
            assert_eq!(repair(json).as_deref(), expected, "{json}");
        }
    }
}
