//! Sizes in bytes: `64MiB`, `1GB`, `65536`.

/// The units, the larger ones of each kind first.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a size; the error says what to write instead.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let refused = || format!("{text:?} is not a size; say for example 64MiB, 500kB or 1048576");
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| refused())?;
    let factor = match unit.trim() {
        "" => 1,
        unit => match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => *factor,
            None => {
                // Only the case differs: `kb` may be meant as 1000 or as 1024, so it is not guessed.
                return Err(match UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
                    Some((name, _)) => format!("{text:?}: the unit is written {name}"),
                    None => refused(),
                });
            }
        },
    };
    number.checked_mul(factor).ok_or_else(refused)
}

/// The shortest exact form in binary units.
pub fn print(bytes: u64) -> String {
    match UNITS.iter().take(3).find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_or_decimal() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("1 GiB", 1 << 30),
            ("8KiB", 8192),
            ("1kB", 1000),
            ("2MB", 2_000_000),
            ("1GB", 1_000_000_000),
            ("77", 77),
            ("5B", 5),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(parse(&print(bytes)), Ok(bytes), "{text}");
        }
        assert_eq!(print(64 << 20), "64MiB");
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, expected) in [
            ("64mb", "\"64mb\": the unit is written MB"),
            ("64M", "\"64M\" is not a size; say for example 64MiB, 500kB or 1048576"),
            ("lots", "\"lots\" is not a size; say for example 64MiB, 500kB or 1048576"),
            ("99999999999GiB", "\"99999999999GiB\" is not a size; say for example 64MiB, 500kB or 1048576"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }
}
