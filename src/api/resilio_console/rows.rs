//! The runs of one job on its agents as they are kept: two or three bytes each, as ids mostly stand in their order. There may
//! be as many as agents times active runs, and they are read again only when a list changes.

use super::super::resilio::states::RUN;

/// The status of a run on an agent: index in [`RUN`], behind it one of the texts that no table has.
pub type Status = u8;

/// Bits of a status; above them two flags.
const STATUS: u8 = 0x3f;
const INCOMPLETE: u8 = 0x40;
const ERRORS: u8 = 0x80;

/// Nothing was said.
const MISSING: Status = STATUS;

/// As many texts that no table has are kept; of a further one it is only known that it is unknown.
const OTHERS: usize = STATUS as usize - RUN.len() - 1;

/// A run on an agent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The agent's id in the console.
    pub agent_id: i64,
    /// Its status; `None`: nothing was said.
    pub status: Option<Status>,
    /// Whether bytes, or files, are missing.
    pub is_incomplete: bool,
    /// Whether it has errors.
    pub has_errors: bool,
}

/// Rows, packed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// For each row the distance to the id before, seven bits a byte, then status and flags.
    bytes: Vec<u8>,
    count: usize,
    last: i64,
    others: Vec<Box<str>>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The status of this text.
    pub fn status(&mut self, text: &str) -> Status {
        if let Some(index) = RUN.iter().position(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return index as Status;
        }
        let known = self.others.iter().position(|other| **other == *text);
        let index = known.unwrap_or_else(|| {
            if self.others.len() < OTHERS {
                self.others.push(text.into());
            }
            // The last place is that of all further ones.
            self.others.len() - 1
        });
        (RUN.len() + index) as Status
    }

    /// The text of a status that no table has.
    pub fn other(&self, status: Status) -> &str {
        usize::from(status).checked_sub(RUN.len()).and_then(|index| self.others.get(index)).map_or("", |text| text)
    }

    /// Adds one.
    pub fn push(&mut self, row: Row) {
        let distance = row.agent_id.wrapping_sub(self.last);
        // Small distances are small numbers, whatever their sign.
        let mut rest = ((distance << 1) ^ (distance >> 63)) as u64;
        while rest > 0x7f {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags = flag(row.is_incomplete, INCOMPLETE) | flag(row.has_errors, ERRORS);
        self.bytes.push(row.status.unwrap_or(MISSING) | flags);
        (self.last, self.count) = (row.agent_id, self.count + 1);
    }

    /// Gives back what was reserved for more.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.others.shrink_to_fit();
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Row> {
        let mut bytes = self.bytes.iter().copied();
        let mut last = 0_i64;
        (0..self.count).map_while(move |_| {
            let (mut number, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes.next()?;
                number |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            last = last.wrapping_add((number >> 1) as i64 ^ -((number & 1) as i64));
            let byte = bytes.next()?;
            let status = Some(byte & STATUS).filter(|status| *status != MISSING);
            let (is_incomplete, has_errors) = (byte & INCOMPLETE != 0, byte & ERRORS != 0);
            Some(Row { agent_id: last, status, is_incomplete, has_errors })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_they_were_and_small_where_ids_ascend() {
        let ids = [0, 1, -1, 63, 64, -65, 8_191, i64::MAX, i64::MIN, 7, i64::MIN, i64::MAX, 7];
        let mut rows = Rows::default();
        let mut expected = Vec::new();
        for (index, agent_id) in ids.into_iter().enumerate() {
            let status = (index % 3 > 0).then(|| rows.status(["synced", "quantum", "Error"][index % 3]));
            let row = Row { agent_id, status, is_incomplete: index % 2 == 0, has_errors: index % 4 > 1 };
            rows.push(row);
            expected.push(row);
        }
        rows.shrink();
        assert_eq!((rows.iter().collect::<Vec<_>>(), rows.len()), (expected, ids.len()));
        let mut rows = Rows::default();
        let status = Some(rows.status("synced"));
        (1_000..51_000).for_each(|agent_id| {
            rows.push(Row { agent_id, status, is_incomplete: false, has_errors: false });
        });
        assert!(rows.bytes.len() <= 50_000 * 2 + 1, "{} bytes", rows.bytes.len());
        assert!(rows.iter().map(|row| row.agent_id).eq(1_000..51_000));
    }

    #[test]
    fn texts_that_no_table_has_are_kept_once_and_few_of_them() {
        let mut rows = Rows::default();
        let known = rows.status("SYNCED");
        assert_eq!((RUN[usize::from(known)].0, rows.other(known)), ("synced", ""));
        let first = rows.status("quantum");
        assert_eq!((rows.status("quantum"), rows.other(first)), (first, "quantum"));
        let all: Vec<Status> = (0..1_000).map(|index| rows.status(&format!("state {index}"))).collect();
        assert!(all.iter().all(|status| *status < MISSING && usize::from(*status) > RUN.len()));
        assert_eq!((rows.others.len(), rows.other(all[0])), (OTHERS, "state 0"));
    }
}
