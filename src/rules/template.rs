//! Descriptions: one tiny form, rendered natively and into Prometheus' template language, so that both say the same.
//!
//! `{agent}` is a label of the alert, `{value}` the value of its condition, `{value:share}` the same as a percentage,
//! `{value:duration}` as a duration. `{value:agent waits|agents wait}` is the first text where the value is 1, else the second.
//! A held alert has the value NaN, and its text says `?`.

/// What stands for a value that is not known, because the target cannot be read.
pub const UNKNOWN: &str = "?";

/// A piece of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it is.
    Text(&'a str),
    /// The value of a label.
    Label(&'a str),
    /// The value of the condition.
    Value(Form),
    /// A text for one, and one for any other number.
    Counted(&'a str, &'a str),
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a number.
    Number,
    /// As a percentage, without decimals.
    Share,
    /// As days, hours, minutes and seconds.
    Duration,
}

/// The pieces of a description.
pub fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    template.split_inclusive('}').flat_map(|chunk| {
        let (text, name) = match chunk.split_once('{') {
            Some((text, name)) => (text, name.strip_suffix('}')),
            None => (chunk, None),
        };
        let named = name.map(|name| match name {
            "value" => Piece::Value(Form::Number),
            "value:share" => Piece::Value(Form::Share),
            "value:duration" => Piece::Value(Form::Duration),
            name => match name.strip_prefix("value:").and_then(|texts| texts.split_once('|')) {
                Some((one, many)) => Piece::Counted(one, many),
                None => Piece::Label(name),
            },
        });
        [Some(Piece::Text(text)), named].into_iter().flatten()
    })
}

/// The text of one alert. `label` gives the value of a label, empty where there is none.
pub fn render<'a>(template: &str, label: impl Fn(&str) -> &'a str, value: f64) -> String {
    pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Label(name) => label(name).to_owned(),
            Piece::Counted(one, many) => (if value == 1.0 { one } else { many }).to_owned(),
            Piece::Value(_) if value.is_nan() => UNKNOWN.to_owned(),
            Piece::Value(Form::Number) => significant(value),
            Piece::Value(Form::Share) => format!("{}%", significant(hundredths(value) * 100.0)),
            Piece::Value(Form::Duration) => duration(value),
        })
        .collect()
}

/// The same in Prometheus' template language. A comparison of NaN with itself is false there as everywhere.
pub fn prometheus(template: &str) -> String {
    pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Label(name) => format!("{{{{ $labels.{name} }}}}"),
            Piece::Counted(one, many) => format!("{{{{ if eq $value 1.0 }}}}{one}{{{{ else }}}}{many}{{{{ end }}}}"),
            Piece::Value(form) => {
                let shown = match form {
                    Form::Number => "$value | printf \"%.4g\"",
                    Form::Share => "$value | printf \"%.2f\" | humanizePercentage",
                    Form::Duration => "$value | humanizeDuration",
                };
                format!("{{{{ if eq $value $value }}}}{{{{ {shown} }}}}{{{{ else }}}}{UNKNOWN}{{{{ end }}}}")
            }
        })
        .collect()
}

/// A value in the query of a URL, as Go's `urlquery` writes it.
pub fn query(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// To two decimals, as `%.2f` writes it: a percentage needs no more.
fn hundredths(value: f64) -> f64 {
    format!("{value:.2}").parse().unwrap_or(value)
}

/// Four significant digits, as `%.4g` writes them.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { format!("{}Inf", if value < 0.0 { "-" } else { "+" }) };
    }
    let scientific = format!("{value:.3e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..4).contains(&exponent) {
        return trimmed(&format!("{value:.*}", usize::try_from(3 - exponent).unwrap_or_default()));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

/// As Prometheus' `humanizeDuration` for a second and more.
fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as u64;
    let (d, h, m, s) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{sign}{}s", significant(seconds.abs())),
        (0, 0, _) => format!("{sign}{m}m {s}s"),
        (0, _, _) => format!("{sign}{h}h {m}m {s}s"),
        _ => format!("{sign}{d}d {h}h {m}m {s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_renderings_have_the_same_pieces() {
        let text = "Pool {pool} of {target}: {value:share}, {value} and {value:duration}.";
        let label = |name: &str| if name == "pool" { "a" } else { "b" };
        assert_eq!(render(text, label, 0.25), "Pool a of b: 25%, 0.25 and 0.25s.");
        assert_eq!(render(text, label, 90_061.0), "Pool a of b: 9.006e+06%, 9.006e+04 and 1d 1h 1m 1s.");
        assert_eq!(render(text, label, f64::NAN), "Pool a of b: ?, ? and ?.");
        assert_eq!(render("{value:share}", label, 2.0 / 3.0), "67%");
        let counted = "{value} {value:job waits|jobs wait} in {pool}.";
        assert_eq!(render(counted, label, 1.0), "1 job waits in a.");
        assert_eq!(render(counted, label, 2.0), "2 jobs wait in a.");
        assert_eq!(render(counted, label, f64::NAN), "? jobs wait in a.");
        assert_eq!(
            prometheus("{value:job waits|jobs wait}"),
            "{{ if eq $value 1.0 }}job waits{{ else }}jobs wait{{ end }}"
        );
        assert_eq!(prometheus("on {pool}."), "on {{ $labels.pool }}.");
        assert_eq!(
            prometheus("{value:share}!"),
            "{{ if eq $value $value }}{{ $value | printf \"%.2f\" | humanizePercentage }}{{ else }}?{{ end }}!"
        );
    }

    #[test]
    fn numbers_are_written_as_go_does() {
        let cases = [
            (0.0, "0"),
            (3.0, "3"),
            (12.0, "12"),
            (9999.0, "9999"),
            (12_345.0, "1.234e+04"),
            (66.666_666, "66.67"),
            (-0.5, "-0.5"),
            (0.000_123_45, "0.0001234"),
            (0.000_012, "1.2e-05"),
        ];
        for (value, expected) in cases {
            assert_eq!(significant(value), expected);
        }
        assert_eq!(
            (duration(59.5), duration(-3_600.0), duration(61.0)),
            ("59.5s".into(), "-1h 0m 0s".into(), "1m 1s".into())
        );
    }
}
