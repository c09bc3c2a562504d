//! How much of a list could be read. A list of which nothing can be read is no empty fleet, and one of which most cannot be
//! read is no smaller one: after an update of a server a member may have another name in every row.

use super::List;
use crate::failure::{Failure, Reason};

/// The rows of a list, over all its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCount {
    rows: usize,
    unreadable: usize,
    /// What the pages say that they hold.
    announced: i64,
}

impl RowCount {
    /// Counts a row.
    pub fn add(&mut self, readable: bool) {
        self.rows += 1;
        self.unreadable += usize::from(!readable);
    }

    /// Notes what a page says that it holds.
    pub fn announce(&mut self, page: List) {
        self.announced = self.announced.saturating_add(page.count.unwrap_or_default().max(0));
    }

    /// Judges the list once all of it is there. `what` are its rows, in the plural.
    ///
    /// Fails with `decode` where there are rows and none can be read, and where rows are announced and there is none. Where
    /// more than half cannot be read, gives the failure that makes the poll partial: what was read is good, but what is
    /// missing may well be there.
    pub fn judge(&self, what: &str) -> Result<Option<Failure>, Failure> {
        let RowCount { rows, unreadable, announced } = *self;
        if rows == 0 && announced > 0 {
            return Err(Failure::new(
                Reason::Decode,
                format!("{announced} {what} are announced, and the list is empty"),
            ));
        }
        if rows > 0 && unreadable == rows {
            return Err(Failure::new(Reason::Decode, format!("none of the {rows} {what} in the list can be read")));
        }
        let mostly = unreadable > rows / 2;
        let failure =
            || Failure::new(Reason::Decode, format!("{unreadable} of the {rows} {what} in the list cannot be read"));
        Ok(mostly.then(failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(good: usize, bad: usize, announced: Option<i64>) -> Result<Option<String>, String> {
        let mut count = RowCount::default();
        (0..good).for_each(|_| count.add(true));
        (0..bad).for_each(|_| count.add(false));
        count.announce(List { found: true, count: announced, items: good + bad });
        let text = |failure: Failure| {
            assert_eq!(failure.reason, Reason::Decode);
            failure.message
        };
        count.judge("agents").map(|defect| defect.map(text)).map_err(text)
    }

    #[test]
    fn a_list_is_judged_by_how_much_of_it_can_be_read() {
        assert_eq!(judged(0, 0, None), Ok(None));
        assert_eq!(judged(0, 0, Some(0)), Ok(None));
        assert_eq!(judged(0, 0, Some(-1)), Ok(None));
        assert_eq!(judged(3, 0, Some(20)), Ok(None));
        assert_eq!(judged(1, 1, None), Ok(None));
        assert_eq!(judged(2, 2, None), Ok(None));
        assert_eq!(judged(1, 2, None), Ok(Some("2 of the 3 agents in the list cannot be read".to_owned())));
        assert_eq!(judged(0, 1, None), Err("none of the 1 agents in the list can be read".to_owned()));
        assert_eq!(judged(0, 0, Some(20)), Err("20 agents are announced, and the list is empty".to_owned()));
    }
}
