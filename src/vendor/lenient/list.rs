//! Lists, bare or in an envelope, folded while they are read.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Field, Object};
use crate::failure::{Failure, Reason};

/// How a list came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct List {
    /// Whether there was a list at all, bare or under its key; `null` under the key is an empty one.
    pub found: bool,
    /// The `count` of the envelope, where it has one.
    pub count: Option<i64>,
    /// Items, unreadable ones included.
    pub items: usize,
}

/// Reads a list, bare or under `key` of an object, and hands over item by item; `None` is one that cannot be read.
///
/// Fails with `decode` where the body is no JSON or neither an array nor an object. An object without the key is not an
/// error here: the caller sees `found`.
///
/// The items are decoded in one pass, as wire types take nearly everything; only where one of them cannot be decoded the
/// rest is read again with every item on its own.
pub fn items<'de, T: Deserialize<'de>>(
    body: &'de str,
    key: &str,
    mut each: impl FnMut(Option<T>),
) -> Result<List, Failure> {
    let mut delivered = 0;
    let fast = list(body, key, |item: Object<T>| {
        delivered += 1;
        each(item.0.ok());
    });
    if let Ok(list) = fast {
        return Ok(list);
    }
    let mut position = 0;
    let slow = list(body, key, |item: &RawValue| {
        position += 1;
        if position > delivered {
            each(serde_json::from_str::<Object<T>>(item.get()).ok().and_then(|item| item.0.ok()));
        }
    });
    slow.map_err(|error| unreadable(&error))
}

/// Reads a single object; anything else is a failure of reason `decode`.
pub fn object<'de, T: Deserialize<'de>>(body: &'de str) -> Result<T, Failure> {
    match serde_json::from_str::<Object<T>>(body) {
        Ok(Object(Field::Value(value))) => Ok(value),
        Ok(_) => Err(Failure::new(Reason::Decode, "not a JSON object")),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The failure of a body that is no JSON. Serde's own message may quote the body; this one does not.
fn unreadable(error: &serde_json::Error) -> Failure {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "JSON ends too early",
        serde_json::error::Category::Data => "JSON of an unexpected shape",
        _ => "not JSON",
    };
    Failure::new(Reason::Decode, format!("{what} (line {}, column {})", error.line(), error.column()))
}

fn list<'de, T, F>(body: &'de str, key: &str, mut each: F) -> serde_json::Result<List>
where
    T: Deserialize<'de>,
    F: FnMut(T),
{
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let mut list = List::default();
    Root { key: Some(key), list: &mut list, each: &mut each, item: PhantomData }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(list)
}

/// The root (with a key to look for), or the value of that key (without).
struct Root<'k, 'f, F, T> {
    key: Option<&'k str>,
    list: &'f mut List,
    each: &'f mut F,
    item: PhantomData<T>,
}

impl<'de, F: FnMut(T), T: Deserialize<'de>> DeserializeSeed<'de> for Root<'_, '_, F, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(T), T: Deserialize<'de>> Visitor<'de> for Root<'_, '_, F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.list.found = true;
        while let Some(item) = seq.next_element()? {
            self.list.items += 1;
            (self.each)(item);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(key) = self.key else {
            return Err(A::Error::custom("an object instead of a list"));
        };
        while let Some(name) = map.next_key::<String>()? {
            if name == key {
                map.next_value_seed(Root {
                    key: None,
                    list: &mut *self.list,
                    each: &mut *self.each,
                    item: PhantomData,
                })?;
            } else if name == "count" {
                self.list.count = map.next_value::<Field<i64>>()?.ok();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.key.is_some() {
            return Err(E::custom("null instead of a list"));
        }
        self.list.found = true;
        Ok(())
    }
}
