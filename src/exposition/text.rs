//! Sample lines. The same bytes serve text 0.0.4 and OpenMetrics: only headers and the end differ.

use std::io::Write;

/// Label values are cut to this many bytes, at a character boundary.
pub const LONGEST_VALUE: usize = 256;

/// Appends `text` as a label value: backslash, quote and line feed are escaped.
pub fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'\\' => b"\\\\",
            b'"' => b"\\\"",
            b'\n' => b"\\n",
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..index]);
        out.extend_from_slice(escaped);
        plain = index + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
}

/// Cuts a label value to its longest form; true where something was lost.
pub fn cut(text: &str) -> (&str, bool) {
    if text.len() <= LONGEST_VALUE {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(LONGEST_VALUE)], true)
}

/// Appends one label, `name="value"`, with a comma in front where it is not the first.
pub fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    if out.last().is_some_and(|byte| *byte != b'{') {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value);
    out.push(b'"');
}

/// Appends a value. Whole numbers are written without a point.
pub fn number(out: &mut Vec<u8>, value: f64) {
    // Up to here a float tells every whole number apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        integer(out, value as i64);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        write!(out, "{value}").expect("writing to memory cannot fail");
    }
}

fn integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    let mut rest = value.unsigned_abs();
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends a whole line whose labels are ready: `name{labels} value`.
pub fn line(out: &mut Vec<u8>, name: &str, labels: &[u8], value: f64) {
    out.extend_from_slice(name.as_bytes());
    if !labels.is_empty() {
        out.push(b'{');
        out.extend_from_slice(labels);
        out.push(b'}');
    }
    out.push(b' ');
    number(out, value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("only UTF-8 is written")
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(text(|out| escape(out, "a\\b\"c\nd\r\té")), "a\\\\b\\\"c\\nd\r\té");
    }

    #[test]
    fn numbers_are_short_and_exact() {
        let cases = [
            (0.0, "0"),
            (-3.0, "-3"),
            (1_763_771_283.0, "1763771283"),
            (1_763_771_283.123, "1763771283.123"),
            (0.1, "0.1"),
            (1e300, &format!("1{}", "0".repeat(300))),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(|out| number(out, value)), expected);
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "é".repeat(200);
        let (short, lost) = cut(&long);
        assert!(lost && short.len() == 256);
        let odd = format!("x{long}");
        assert_eq!(cut(&odd).0.len(), 255);
        assert_eq!(cut("short"), ("short", false));
    }
}
