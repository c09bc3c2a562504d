//! Tolerant reading of answers: what vendors were seen to send, item by item, without a tree of the whole.
//!
//! - [`Field`]: a scalar in any of its spellings (numbers as strings, booleans of any shape, dates with any number of
//!   fractional digits, with or without a zone). A field of another shape costs itself, never its object.
//! - [`scalar`]: the same from text alone, for XML and headers.
//! - [`Object`]: a nested object; anything else in its place costs itself.
//! - [`items`]: a list, bare or in its envelope, folded while it is read; an item that cannot be read costs itself.

mod date;
mod list;
mod row_count;
mod surrogates;
mod window;

pub use date::{Timestamp, span};
pub use list::{Envelope, List, items, object, page};
pub use row_count::RowCount;
pub use window::Shape;

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::{Warning, Warnings};

/// A field as it came.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Field<T> {
    /// Absent, `null`, or a way to say "never" or "nothing".
    #[default]
    Missing,
    /// There, but not readable as what it should be.
    Bad,
    /// Readable.
    Value(T),
}

impl<T> Field<T> {
    /// The value; a bad one is counted. `what` names the field for the log, e.g. `agent createdOn`.
    pub fn get(self, warnings: &Warnings, what: &str) -> Option<T> {
        match self {
            Field::Missing => None,
            Field::Bad => {
                warnings.add(Warning::BadValue, || format!("{what} cannot be read"));
                None
            }
            Field::Value(value) => Some(value),
        }
    }

    /// What the value means as another type.
    pub fn and_then<U>(self, read: impl FnOnce(T) -> Field<U>) -> Field<U> {
        match self {
            Field::Missing => Field::Missing,
            Field::Bad => Field::Bad,
            Field::Value(value) => read(value),
        }
    }

    /// The value, and silence about a bad one.
    pub fn ok(self) -> Option<T> {
        match self {
            Field::Value(value) => Some(value),
            Field::Missing | Field::Bad => None,
        }
    }
}

impl<T: AsRef<str>> Field<T> {
    /// The text, a blank one as if it were missing.
    pub fn filled(self) -> Field<T> {
        self.and_then(|text| if text.as_ref().trim().is_empty() { Field::Missing } else { Field::Value(text) })
    }
}

/// What a scalar on the wire means for a type.
pub trait FromScalar<'de>: Sized {
    /// From a string.
    fn text(text: Cow<'de, str>) -> Field<Self>;

    /// From a whole number.
    fn int(number: i64) -> Field<Self>;

    /// From another number.
    fn float(number: f64) -> Field<Self>;

    /// From a boolean.
    fn flag(_flag: bool) -> Field<Self> {
        Field::Bad
    }

    /// From a list, which is passed over unless one scalar may stand in it.
    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Field<Self>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Bad)
    }
}

/// A scalar that comes as text: from XML or a header.
pub fn scalar<'de, T: FromScalar<'de>>(text: &'de str) -> Field<T> {
    T::text(Cow::Borrowed(text))
}

impl<'de: 'a, 'a> FromScalar<'de> for Cow<'a, str> {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        Field::Value(text)
    }

    fn int(number: i64) -> Field<Self> {
        Field::Value(Cow::Owned(number.to_string()))
    }

    fn float(number: f64) -> Field<Self> {
        Field::Value(Cow::Owned(number.to_string()))
    }

    fn flag(flag: bool) -> Field<Self> {
        Field::Value(Cow::Borrowed(if flag { "true" } else { "false" }))
    }
}

impl<'de> FromScalar<'de> for i64 {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        let text = text.trim();
        match text.parse() {
            Ok(number) => Field::Value(number),
            Err(_) if text.is_empty() => Field::Missing,
            Err(_) => text.parse().map_or(Field::Bad, i64::float),
        }
    }

    fn int(number: i64) -> Field<Self> {
        Field::Value(number)
    }

    fn float(number: f64) -> Field<Self> {
        // Beyond 2^53 a float is not a whole number that anybody meant.
        if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
            Field::Value(number as i64)
        } else {
            Field::Bad
        }
    }
}

impl<'de> FromScalar<'de> for f64 {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        match text.trim() {
            "" => Field::Missing,
            text => text.parse().map_or(Field::Bad, f64::float),
        }
    }

    fn int(number: i64) -> Field<Self> {
        Field::Value(number as f64)
    }

    fn float(number: f64) -> Field<Self> {
        if number.is_finite() { Field::Value(number) } else { Field::Bad }
    }
}

impl<'de> FromScalar<'de> for bool {
    fn text(text: Cow<'de, str>) -> Field<Self> {
        match text.trim() {
            "" => Field::Missing,
            "1" => Field::Value(true),
            "0" => Field::Value(false),
            text if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes") => Field::Value(true),
            text if text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("no") => Field::Value(false),
            _ => Field::Bad,
        }
    }

    fn int(number: i64) -> Field<Self> {
        match number {
            0 => Field::Value(false),
            1 => Field::Value(true),
            _ => Field::Bad,
        }
    }

    fn float(_number: f64) -> Field<Self> {
        Field::Bad
    }

    fn flag(flag: bool) -> Field<Self> {
        Field::Value(flag)
    }
}

impl<'de, T: FromScalar<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar(PhantomData))
    }
}

struct Scalar<T>(PhantomData<T>);

impl<'de, T: FromScalar<'de>> Visitor<'de> for Scalar<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<T>, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(T::int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(i64::try_from(number).map_or_else(|_| T::float(number as f64), T::int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field<T>, E> {
        Ok(T::float(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Field<T>, E> {
        Ok(T::flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Field<T>, A::Error> {
        T::list(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<T>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Bad)
    }
}

/// A nested object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object<T>(pub Field<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Object(Field::Missing)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nested(PhantomData)).map(Object)
    }
}

struct Nested<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Nested<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Field::Value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<T>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Bad)
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }

    fn visit_str<E>(self, _: &str) -> Result<Field<T>, E> {
        Ok(Field::Bad)
    }
}

/// How many things a field of any shape holds: the elements of a list, a whole number itself, 1 for anything else that is
/// something. Resilio does not say what its `errors` look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: &RawValue = Deserialize::deserialize(deserializer)?;
        let value = value.get();
        match value.as_bytes().first() {
            Some(b'[') => {
                let list: Vec<IgnoredAny> = serde_json::from_str(value).map_err(D::Error::custom)?;
                Ok(Count(list.len() as u64))
            }
            Some(b'{') => Ok(Count(1)),
            _ if matches!(value, "null" | "false" | "\"\"") => Ok(Count(0)),
            _ => Ok(Count(value.parse().unwrap_or(1))),
        }
    }
}

/// A body as text. Bytes that are not UTF-8 become replacement characters: they cost a name its looks, not the list.
pub fn text(body: &[u8]) -> Cow<'_, str> {
    // The strict reading is several times as fast, and nearly always enough.
    std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// The beginning of a text, at most `max` bytes long, cut between characters.
pub fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// The first `max` characters of a server's text, for a message or the log: no control characters.
pub fn shown(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

#[cfg(test)]
mod tests;
