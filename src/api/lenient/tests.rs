use super::*;
use crate::failure::{Failure, Reason};

fn field<T: for<'de> FromScalar<'de>>(json: &str) -> Field<T> {
    serde_json::from_str(json).expect("valid JSON")
}

#[test]
fn unix_times_come_in_seconds_or_milliseconds_and_as_text() {
    let moment = Field::Value(Timestamp::new(1_702_985_796, 0));
    for json in ["1702985796", "1702985796.0", "1702985796000", "\"1702985796\"", "\"2023-12-19T11:36:36Z\""] {
        assert_eq!(field::<Timestamp>(json), moment, "{json}");
    }
    for json in ["0", "-1", "null", "\"\"", "\"0\""] {
        assert_eq!(field::<Timestamp>(json), Field::Missing, "{json}");
    }
    for json in ["true", "[]", "{}", "\"soon\"", "1e300"] {
        assert_eq!(field::<Timestamp>(json), Field::Bad, "{json}");
    }
}

#[test]
fn booleans_come_in_any_shape() {
    for json in ["true", "\"true\"", "\"True\"", "1", "\"1\""] {
        assert_eq!(field::<bool>(json), Field::Value(true), "{json}");
    }
    for json in ["false", "\"False\"", "0", "\"0\""] {
        assert_eq!(field::<bool>(json), Field::Value(false), "{json}");
    }
    assert_eq!(field::<bool>("null"), Field::Missing);
    for json in ["2", "\"maybe\"", "[true]", "{\"a\":1}", "0.5"] {
        assert_eq!(field::<bool>(json), Field::Bad, "{json}");
    }
}

#[test]
fn numbers_come_as_strings_too() {
    for json in ["7", "7.0", "\"7\"", "\" 7 \"", "\"7.0\""] {
        assert_eq!(field::<i64>(json), Field::Value(7), "{json}");
        assert_eq!(field::<f64>(json), Field::Value(7.0), "{json}");
    }
    for json in ["7.5", "\"seven\"", "18446744073709551615", "{}"] {
        assert_eq!(field::<i64>(json), Field::Bad, "{json}");
    }
    for json in ["\"inf\"", "\"NaN\"", "true"] {
        assert_eq!(field::<f64>(json), Field::Bad, "{json}");
    }
}

#[test]
fn errors_of_any_shape_are_counted() {
    let rows = [
        ("[]", 0),
        ("null", 0),
        ("[\"SE_FS_LOCKED_FILES\", 5, {\"code\": 1}]", 3),
        ("{}", 1),
        ("\"locked\"", 1),
        ("\"\"", 0),
        ("0", 0),
        ("2", 2),
        ("false", 0),
        ("true", 1),
    ];
    for (json, count) in rows {
        assert_eq!(serde_json::from_str::<Count>(json).expect("valid JSON"), Count(count), "{json}");
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thing<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
    #[serde(borrow)]
    inner: Object<Box<Thing<'a>>>,
}

impl Shape for Thing<'_> {
    type Of<'a> = Thing<'a>;
}

/// Ids of readable items, `None` for the others, and how the list came.
fn read(body: &str) -> Result<(Vec<Option<i64>>, List), Failure> {
    let mut ids = Vec::new();
    let list = items::<Thing<'_>>(body.as_bytes(), "value", |item: Option<Thing<'_>>| {
        ids.push(item.and_then(|thing| thing.id.ok()))
    })?;
    Ok((ids, list))
}

#[test]
fn lists_come_bare_or_in_an_envelope() {
    let found = |count, items| List { found: true, count, items };
    assert_eq!(read(r#"[{"id":1}]"#).expect("a list"), (vec![Some(1)], found(None, 1)));
    assert_eq!(read(r#"{"count":1,"value":[{"id":1}]}"#).expect("a list"), (vec![Some(1)], found(Some(1), 1)));
    assert_eq!(read(r#"{"value":null,"count":0}"#).expect("an empty list"), (vec![], found(Some(0), 0)));
    assert!(!read(r#"{"message":"no"}"#).expect("an object").1.found);
    for body in ["", "{", "7", "null", "\"text\"", r#"{"value":7}"#, r#"{"value":{}}"#, "[1,2", r#"[{"id":1}] x"#] {
        assert_eq!(read(body).expect_err(body).reason, Reason::Decode, "{body}");
    }
}

#[test]
fn an_item_that_cannot_be_read_costs_itself() {
    let body = r#"[{"id":1},null,7,"x",[],[5,"y"],{"id":[]},{"id":2,"name":"\ud800"},{"id":3,"id":3},{"id":4,"name":{"a":[1]}},
        {"id":5,"inner":7},{"id":"6"}]"#;
    let expected = [Some(1), None, None, None, None, None, None, Some(2), None, Some(4), Some(5), Some(6)];
    assert_eq!(read(body).expect("a list").0, expected);
}

#[test]
fn failures_do_not_quote_the_body() {
    let failure = read(r#"{"value":"hunter2 is the password"}"#).expect_err("no list");
    assert!(!failure.message.contains("hunter2"), "{failure}");
}

#[test]
fn bytes_that_are_no_text_cost_a_name_its_looks() {
    let body = b"[{\"id\":1,\"name\":\"caf\xe9\"}]";
    let mut names = Vec::new();
    items::<Thing<'_>>(&body[..], "value", |item: Option<Thing<'_>>| {
        names.extend(item.and_then(|thing| thing.name.ok().map(Cow::into_owned)))
    })
    .expect("a list");
    assert_eq!(names, ["caf\u{fffd}"]);
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(cut("ab", 5), "ab");
    assert_eq!(cut("a\u{e9}", 2), "a");
}
