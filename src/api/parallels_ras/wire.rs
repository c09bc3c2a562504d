//! What the REST API sends, read leniently: the schema contradicts the samples, and no two versions agree.
//!
//! Enums are integers in every sample, and strings in the schema, with `"14 = LogonDrain"` as their values inside a list
//! inside a list. Ids are integers in some lists and strings in others. So each field takes every spelling that was seen.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::failure::{Failure, Reason};

/// Any value of one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Loose<'a> {
    /// No such field, or `null`.
    #[default]
    Missing,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// Anything that cannot be one value: an object, a fraction, a list of several.
    Odd,
}

impl Loose<'_> {
    /// A whole number, also as a text.
    pub fn number(&self) -> Option<i64> {
        match self {
            Loose::Number(number) => Some(*number),
            Loose::Text(text) => text.trim().parse().ok(),
            Loose::Missing | Loose::Odd => None,
        }
    }

    /// A text, or a number as a text; not an empty one.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Loose::Number(number) => Some(number.to_string().into()),
            Loose::Text(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// An enum in any of its spellings: `14`, `"14"`, `"14 = LogonDrain"`, `"LogonDrain"`. Where a number is given it
    /// counts, as names drift between versions.
    pub fn spelling(&self) -> Option<Spelling<'_>> {
        let text = match self {
            Loose::Number(number) => return Some(Spelling::Code(*number)),
            Loose::Text(text) => text.trim(),
            Loose::Missing | Loose::Odd => return None,
        };
        let number = text.split_once('=').map_or(text, |(number, _)| number).trim();
        match number.parse() {
            Ok(code) => Some(Spelling::Code(code)),
            Err(_) if text.is_empty() => None,
            Err(_) => Some(Spelling::Name(text)),
        }
    }
}

/// How an enum was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling<'a> {
    /// By its number.
    Code(i64),
    /// By its name alone.
    Name(&'a str),
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<'a>, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Loose<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Loose<'de>, E> {
                Ok(Loose::Number(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Loose<'de>, E> {
                Ok(i64::try_from(number).map_or(Loose::Odd, Loose::Number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Loose<'de>, E> {
                // 2^53: beyond it a float is no exact number any more.
                let whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
                Ok(if whole { Loose::Number(number as i64) } else { Loose::Odd })
            }

            fn visit_bool<E>(self, _: bool) -> Result<Loose<'de>, E> {
                Ok(Loose::Odd)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Loose<'de>, E> {
                Ok(Loose::Missing)
            }

            // The schema's list inside a list: one element stands for itself, several are the whole enum and no value.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose<'de>, A::Error> {
                let first = seq.next_element()?.unwrap_or(Loose::Odd);
                let mut only = true;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    only = false;
                }
                Ok(if only { first } else { Loose::Odd })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Odd)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// One item of `GET /api/Agent`: exactly these four fields are documented, others are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentItem<'a> {
    /// A text, `null` allowed; the ids of other lists are numbers.
    #[serde(borrow, default, alias = "Id")]
    pub id: Loose<'a>,
    /// Site.
    #[serde(borrow, default, alias = "SiteId")]
    pub site_id: Loose<'a>,
    /// See [`super::states`].
    #[serde(borrow, default, alias = "AgentState")]
    pub agent_state: Loose<'a>,
    /// See [`super::server_types`].
    #[serde(borrow, default, alias = "ServerType")]
    pub server_type: Loose<'a>,
}

/// One item of a configuration list (brokers, gateways, hosts, providers, VMs); only what a name needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerItem<'a> {
    /// A number or a text.
    #[serde(borrow, default, alias = "Id")]
    pub id: Loose<'a>,
    /// Site, where the list has it.
    #[serde(borrow, default, alias = "SiteId")]
    pub site_id: Loose<'a>,
    /// Name of the server.
    #[serde(borrow, default, alias = "Server")]
    pub server: Loose<'a>,
    /// Name of the object.
    #[serde(borrow, default, alias = "Name")]
    pub name: Loose<'a>,
}

/// The answer to a log-on; everything but the token is left out. The token is opaque, with characters such as `+ = -`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogonAnswer {
    /// For the header `auth_token`.
    pub auth_token: String,
}

/// More items than this are no list of a farm. Each takes more memory than the two bytes that it may have on the wire.
const MOST: usize = 1_000_000;

/// The items of a list, as much of them as is kept.
#[derive(Default)]
struct Items<'a> {
    items: Vec<&'a RawValue>,
    too_many: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Items<'a>, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut list = Items::default();
                while list.items.len() < MOST {
                    let Some(item) = seq.next_element()? else { return Ok(list) };
                    list.items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    list.too_many = true;
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// The items of a list, each still unread, so that one bad item costs itself alone. The body comes from
/// [`text`](crate::api::lenient::text): bytes that are not UTF-8 cost a name its looks, not the list.
pub fn items(body: &str) -> Result<Vec<&RawValue>, Failure> {
    let list: Items<'_> = serde_json::from_str(body).map_err(|error| {
        // Line and column, never the text itself: it is the answer's body.
        Failure::new(Reason::Decode, format!("not a list of items at line {} column {}", error.line(), error.column()))
    })?;
    if list.too_many {
        return Err(Failure::new(Reason::TooLarge, format!("more than {MOST} items")));
    }
    Ok(list.items)
}

/// One item, if it can be read at all.
pub fn item<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).expect("any value is read")
    }

    #[test]
    fn every_spelling_of_an_enum_is_read() {
        for (json, expected) in [
            ("14", Some(Spelling::Code(14))),
            ("-4", Some(Spelling::Code(-4))),
            ("14.0", Some(Spelling::Code(14))),
            (r#""14""#, Some(Spelling::Code(14))),
            (r#"" -4 ""#, Some(Spelling::Code(-4))),
            (r#""14 = LogonDrain""#, Some(Spelling::Code(14))),
            (r#""-4=NotVerified""#, Some(Spelling::Code(-4))),
            (r#""LogonDrain""#, Some(Spelling::Name("LogonDrain"))),
            (r#"["14 = LogonDrain"]"#, Some(Spelling::Code(14))),
            (r#"["LogonDrain"]"#, Some(Spelling::Name("LogonDrain"))),
            ("[14]", Some(Spelling::Code(14))),
            ("[[14]]", Some(Spelling::Code(14))),
            (r#"["0 = OK","14 = LogonDrain"]"#, None),
            ("[]", None),
            ("{}", None),
            (r#"{"code":14}"#, None),
            ("null", None),
            ("true", None),
            ("1.5", None),
            ("1e300", None),
            ("18446744073709551615", None),
            (r#""""#, None),
        ] {
            assert_eq!(loose(json).spelling(), expected, "{json}");
        }
    }

    #[test]
    fn an_id_is_a_text_or_a_number() {
        assert_eq!(loose("361").text().as_deref(), Some("361"));
        assert_eq!(loose(r#""361""#).text().as_deref(), Some("361"));
        assert_eq!(loose(r#""a\"b""#).text().as_deref(), Some("a\"b"));
        assert_eq!(loose(r#""""#).text(), None);
        assert_eq!(loose("null").text(), None);
    }

    #[test]
    fn an_envelope_other_than_a_list_is_a_decode_failure() {
        for body in [r#"{"value":[]}"#, "null", "[{}", "", "[1],"] {
            let failure = items(body).expect_err(body);
            assert_eq!(failure.reason, Reason::Decode, "{body}");
        }
        assert!(items("[]").expect("an empty list is a list").is_empty());
    }

    #[test]
    fn too_many_items_are_not_kept() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert_eq!(items(&list(MOST)).expect("as many as may be").len(), MOST);
        assert_eq!(items(&list(MOST + 1)).expect_err("too many").reason, Reason::TooLarge);
    }
}
