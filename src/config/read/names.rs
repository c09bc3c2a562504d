//! Names that were meant.

/// The name that was probably meant: at most a third of it differs.
pub fn closest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase().replace('-', "_");
    // No name is as long, and a text of a megabyte must not cost its square.
    let given: String = given.chars().take(64).collect();
    let near = names.into_iter().map(|name| (strsim::osa_distance(&given, &name.to_lowercase()), name));
    near.filter(|(distance, name)| *distance * 3 <= name.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let names = ["interval", "timeout", "stale_after", "url"];
        for (given, meant) in [
            ("intervall", Some("interval")),
            ("tiemout", Some("timeout")),
            ("stale-after", Some("stale_after")),
            ("URL", Some("url")),
            ("port", None),
            ("", None),
        ] {
            assert_eq!(closest(given, names), meant, "{given}");
        }
    }
}
