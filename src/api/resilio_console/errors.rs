//! The errors of an agent, a job or a run: how many, and of which codes. What they look like is documented nowhere; the
//! vendor's own client knows objects with a code, a message and a description.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::{
    Part, Subject,
    lenient::{Field, Object},
    table::OTHER,
};
use crate::catalogue::resilio_console::ERROR;

/// The codes that the vendor's own client names, as they are told.
const CODES: [&str; 10] = ["10001", "10002", "10003", "10004", "10005", "10006", "10007", "10008", "10200", "10300"];

/// A set of [`CODES`], and whether there are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codes(u16);

impl Codes {
    const OTHER: u16 = 1 << CODES.len();

    fn add(&mut self, code: &str) {
        let known = CODES.iter().position(|known| *known == code.trim());
        self.0 |= known.map_or(Codes::OTHER, |index| 1 << index);
    }

    /// Adds those of another set.
    pub fn extend(&mut self, other: Codes) {
        self.0 |= other.0;
    }

    /// Sets a sample for each.
    pub fn set(self, part: &mut Part, subject: &'static str) {
        let known = CODES.iter().enumerate().filter(|(index, _)| self.0 & (1 << index) != 0).map(|(_, code)| *code);
        let other = (self.0 & Codes::OTHER != 0).then_some(OTHER);
        known.chain(other).for_each(|code| part.set(&ERROR, Subject::Target, &[code, subject], 1.0));
    }
}

/// Errors of any shape: a list of objects with a code, of codes, of texts; or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Errors {
    /// How many; `None` where nothing was said.
    pub count: Option<u64>,
    /// Their codes.
    pub codes: Codes,
}

impl Errors {
    /// Whether there are any.
    pub fn any(self) -> bool {
        self.count.is_some_and(|count| count > 0)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorItem<'a> {
    #[serde(borrow)]
    code: Field<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for Errors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: &RawValue = Deserialize::deserialize(deserializer)?;
        let value = value.get();
        let mut codes = Codes::default();
        let count = match value.as_bytes().first() {
            Some(b'[') => {
                let list: Vec<&RawValue> = serde_json::from_str(value).map_err(serde::de::Error::custom)?;
                list.iter().for_each(|error| codes.add(&code(error.get())));
                Some(list.len() as u64)
            }
            // An object of nothing is an error that nobody has named.
            Some(b'{') => {
                codes.add(&code(value));
                Some(1)
            }
            _ => match value {
                "null" => None,
                "false" | "\"\"" => Some(0),
                // A number of errors; one that is a code is that one.
                number if CODES.contains(&number) => {
                    codes.add(number);
                    Some(1)
                }
                number => {
                    let count = number.parse().unwrap_or(1);
                    codes.add_some(count > 0);
                    Some(count)
                }
            },
        };
        Ok(Errors { count, codes })
    }
}

impl Codes {
    fn add_some(&mut self, some: bool) {
        self.0 |= if some { Codes::OTHER } else { 0 };
    }
}

/// The code of one error; empty where it has none.
fn code(error: &str) -> Cow<'_, str> {
    if error.starts_with('{') {
        let item = serde_json::from_str::<Object<ErrorItem<'_>>>(error);
        let code = item.ok().and_then(|item| item.0.ok()?.code.ok());
        return code.map_or(Cow::Borrowed(""), |code| Cow::Owned(code.into_owned()));
    }
    let scalar = serde_json::from_str::<Field<Cow<'_, str>>>(error);
    scalar.ok().and_then(Field::ok).map_or(Cow::Borrowed(""), |code| Cow::Owned(code.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_and_told_apart_whatever_they_look_like() {
        let known = |codes: &[&str]| {
            let mut set = Codes::default();
            codes.iter().for_each(|code| set.add(code));
            set
        };
        for (json, count, codes) in [
            ("null", None, &[][..]),
            ("[]", Some(0), &[]),
            ("false", Some(0), &[]),
            ("0", Some(0), &[]),
            ("3", Some(3), &["?"]),
            ("10200", Some(1), &["10200"]),
            (r#""disk full""#, Some(1), &["?"]),
            (r#"{"code":10300}"#, Some(1), &["10300"]),
            (
                r#"[{"code":10200,"message":"m"},{"code":"10300"},10001,"10002"]"#,
                Some(4),
                &["10200", "10300", "10001", "10002"],
            ),
            (r#"[{"code":7},{},"SE_FS_LOCKED_FILES",null,[1]]"#, Some(5), &["?"]),
        ] {
            let errors: Errors = serde_json::from_str(json).expect(json);
            assert_eq!(errors, Errors { count, codes: known(codes) }, "{json}");
        }
    }
}
