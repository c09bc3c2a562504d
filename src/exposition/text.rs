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

/// Appends the lines of a histogram whose labels are ready: its buckets with `le`, its sum and its count. `cumulative` has
/// the upper end of each bucket, infinity last, and how many observations are not above it. Returns how many lines these are.
pub fn histogram(
    out: &mut Vec<u8>,
    name: &str,
    labels: &[u8],
    cumulative: impl Iterator<Item = (f64, u64)>,
    sum: f64,
) -> usize {
    let mut head = name.as_bytes().to_vec();
    let (mut lines, mut count) = (2, 0);
    head.extend_from_slice(b"_bucket{");
    head.extend_from_slice(labels);
    head.extend_from_slice(if labels.is_empty() { b"le=\"" } else { b",le=\"" });
    for (bound, not_above) in cumulative {
        out.extend_from_slice(&head);
        // OpenMetrics wants the point in whole numbers, too.
        let bound = if bound == f64::INFINITY { "+Inf".to_owned() } else { format!("{bound:?}") };
        out.extend_from_slice(bound.as_bytes());
        out.extend_from_slice(b"\"} ");
        number(out, not_above as f64);
        out.push(b'\n');
        (lines, count) = (lines + 1, not_above);
    }
    for (suffix, value) in [("_sum", sum), ("_count", count as f64)] {
        out.extend_from_slice(name.as_bytes());
        line(out, suffix, labels, value);
    }
    lines
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
    fn a_histogram_has_its_buckets_its_sum_and_its_count() {
        let buckets = [(0.5, 1), (10.0, 3), (f64::INFINITY, 4)];
        let lines = |labels: &[u8]| text(|out| assert_eq!(histogram(out, "h", labels, buckets.into_iter(), 71.5), 5));
        let expected = [
            r#"h_bucket{a="b",le="0.5"} 1"#,
            r#"h_bucket{a="b",le="10.0"} 3"#,
            r#"h_bucket{a="b",le="+Inf"} 4"#,
            r#"h_sum{a="b"} 71.5"#,
            r#"h_count{a="b"} 4"#,
        ];
        assert_eq!(lines(br#"a="b""#).lines().collect::<Vec<_>>(), expected);
        assert!(lines(b"").starts_with("h_bucket{le=\"0.5\"} 1\n") && lines(b"").ends_with("h_sum 71.5\nh_count 4\n"));
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
