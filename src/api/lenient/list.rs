//! Lists, bare or in an envelope, folded while they are read.

use std::{borrow::Cow, io::Read};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    Field, Object,
    window::{Shape, Window},
};
use crate::failure::{Failure, Reason};

impl Shape for String {
    type Of<'a> = String;
}

impl Shape for IgnoredAny {
    type Of<'a> = IgnoredAny;
}

impl Shape for Option<IgnoredAny> {
    type Of<'a> = Option<IgnoredAny>;
}

impl Shape for Field<i64> {
    type Of<'a> = Field<i64>;
}

impl Shape for Field<Cow<'_, str>> {
    type Of<'a> = Field<Cow<'a, str>>;
}

impl<T: Shape> Shape for Object<T> {
    type Of<'a> = Object<T::Of<'a>>;
}

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

/// Reads a list, bare or under `key` of an object where there is a key, and hands over item by item; `None` is one that
/// cannot be read.
///
/// Fails with `decode` where the body is no JSON or neither an array nor such an object, and with what fails in `body`
/// itself. An object without the key is not an error here: the caller sees `found`.
pub fn items<'k, T: Shape>(
    body: impl Read,
    key: impl Into<Option<&'k str>>,
    mut each: impl FnMut(Option<T::Of<'_>>),
) -> Result<List, Failure> {
    let key = key.into();
    let mut window = Window::new(body)?;
    let mut list = List::default();
    if window.take(b'[')? {
        elements::<T, _>(&mut window, &mut list, &mut each)?;
    } else if let Some(key) = key {
        if !window.take(b'{')? {
            return Err(window.unexpected("neither a JSON list nor an object"));
        }
        let mut other = |name: &str, window: &mut Window<_>| {
            match name {
                "count" => list.count = window.value::<Field<i64>, _>(Field::ok)?.ok().flatten(),
                // It is passed over, whatever it is.
                _ => _ = window.value::<IgnoredAny, _>(|_| ())?,
            }
            Ok(())
        };
        let mut found = List::default();
        members::<T, _>(&mut window, |name| name == key, &mut found, &mut each, &mut other)?;
        list = List { count: list.count, ..found };
    } else {
        return Err(window.unexpected("not a JSON list"));
    }
    match window.peek()? {
        None => Ok(list),
        Some(_) => Err(window.broken("more behind the JSON")),
    }
}

/// The names of an envelope's members, in any case.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// The list.
    pub items: &'static str,
    /// How many there are in all pages.
    pub total: &'static str,
    /// What leads to the next page.
    pub continuation: &'static str,
}

/// Reads a page of a list in its envelope, and hands over item by item as [`items`] does. `count` of the list is the number
/// in all pages; beside it stands what leads to the next page, where there is one.
pub fn page<T: Shape>(
    body: impl Read,
    envelope: Envelope,
    mut each: impl FnMut(Option<T::Of<'_>>),
) -> Result<(List, Option<String>), Failure> {
    let mut window = Window::new(body)?;
    let (mut list, mut total, mut next) = (List::default(), None, None);
    if !window.take(b'{')? {
        return Err(window.unexpected("not a JSON object"));
    }
    let mut other = |name: &str, window: &mut Window<_>| {
        if name.eq_ignore_ascii_case(envelope.total) {
            total = window.value::<Field<i64>, _>(Field::ok)?.ok().flatten();
        } else if name.eq_ignore_ascii_case(envelope.continuation) {
            let text = window.value::<Field<Cow<'_, str>>, _>(|text| text.filled().ok().map(Cow::into_owned))?;
            next = text.ok().flatten();
        } else {
            let _ = window.value::<IgnoredAny, _>(|_| ())?;
        }
        Ok(())
    };
    let is_key = |name: &str| name.eq_ignore_ascii_case(envelope.items);
    members::<T, _>(&mut window, is_key, &mut list, &mut each, &mut other)?;
    match window.peek()? {
        None => Ok((List { count: total, ..list }, next)),
        Some(_) => Err(window.broken("more behind the JSON")),
    }
}

/// What is behind the `[` of the list.
fn elements<T: Shape, R: Read>(
    window: &mut Window<R>,
    list: &mut List,
    each: &mut impl FnMut(Option<T::Of<'_>>),
) -> Result<(), Failure> {
    list.found = true;
    if window.take(b']')? {
        return Ok(());
    }
    loop {
        list.items += 1;
        if window.value::<Object<T>, _>(|item| each(item.0.ok()))?.is_err() {
            each(None);
        }
        if window.take(b']')? {
            return Ok(());
        }
        comma(window)?;
    }
}

/// What is behind the `{` of the envelope. Members beside the list are for `other`, which passes over their values.
fn members<T: Shape, R: Read>(
    window: &mut Window<R>,
    is_key: impl Fn(&str) -> bool,
    list: &mut List,
    each: &mut impl FnMut(Option<T::Of<'_>>),
    other: &mut impl FnMut(&str, &mut Window<R>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if window.take(b'}')? {
        return Ok(());
    }
    loop {
        let Ok(name) = window.value::<String, _>(|name| name)? else {
            return Err(window.unexpected("not JSON"));
        };
        if !window.take(b':')? {
            return Err(window.unexpected("not JSON"));
        }
        if is_key(&name) && window.take(b'[')? {
            elements::<T, _>(window, list, each)?;
        } else if is_key(&name) {
            if !matches!(window.value::<Option<IgnoredAny>, _>(|value| value.is_none())?, Ok(true)) {
                return Err(window.broken("something else instead of a list"));
            }
            list.found = true;
        } else {
            other(&name, window)?;
        }
        if window.take(b'}')? {
            return Ok(());
        }
        comma(window)?;
    }
}

fn comma<R: Read>(window: &mut Window<R>) -> Result<(), Failure> {
    if window.take(b',')? { Ok(()) } else { Err(window.unexpected("not JSON")) }
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
    let what = what_is_wrong(error);
    Failure::new(Reason::Decode, format!("{what} (line {}, column {})", error.line(), error.column()))
}

/// What kind of an error it is.
pub(super) fn what_is_wrong(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "JSON ends too early",
        serde_json::error::Category::Data => "JSON of an unexpected shape",
        _ => "not JSON",
    }
}
