//! Tables of states: the vendor's names in the vendor's spelling, and what each of them means.

/// The label of a state that no table knows.
pub const OTHER: &str = "other";

/// The row of a name, in any case.
pub fn find<T: Copy>(table: &[(&'static str, T)], wire: &str) -> Option<(&'static str, T)> {
    table.iter().copied().find(|(name, _)| name.eq_ignore_ascii_case(wire.trim()))
}

/// The names of a table, for complete state sets.
pub const fn names<T: Copy, const N: usize>(table: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut row = 0;
    while row < N {
        names[row] = table[row].0;
        row += 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_its_name_in_any_case() {
        const TABLE: [(&str, u8); 2] = [("TurningOn", 1), ("Off", 2)];
        assert_eq!(find(&TABLE, " turningON "), Some(("TurningOn", 1)));
        assert_eq!(find(&TABLE, "On"), None);
        assert_eq!(find(&TABLE, ""), None);
        assert_eq!(names(&TABLE), ["TurningOn", "Off"]);
    }
}
