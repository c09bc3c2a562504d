use super::*;
use crate::failure::{Failure, Reason};

fn field<T: for<'de> Wire<'de>>(json: &str) -> Field<T> {
    serde_json::from_str(json).expect("valid JSON")
}

#[test]
fn dates_come_with_any_number_of_digits_and_with_or_without_a_zone() {
    let rows = [
        ("2023-11-14T22:13:20Z", 1_700_000_000, 0),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000, 500_000_000),
        ("2023-11-14T22:13:20.31Z", 1_700_000_000, 310_000_000),
        ("2023-11-14T22:13:20.5033333Z", 1_700_000_000, 503_333_300),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000, 123_456_789),
        ("2023-11-14T22:13:20", 1_700_000_000, 0),
        ("2023-11-14 22:13:20", 1_700_000_000, 0),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000, 0),
        ("2023-11-14T16:43:20.000-0530", 1_700_000_000, 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800, 0),
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.999Z", -1, 999_000_000),
        ("9999-12-31T23:59:59.9999999", 253_402_300_799, 999_999_900),
    ];
    for (text, seconds, nanos) in rows {
        assert_eq!(date(text), Field::Value(Moment::new(seconds, nanos)), "{text}");
    }
    assert_eq!(date("0001-01-01T00:00:00"), Field::Missing, "how .NET says never");
    for text in [
        "yesterday",
        "2023-11-14",
        "2023-13-14T22:13:20Z",
        "2023-11-14T22:13:20.Zulu",
        "2023-11-14T22:13:20.1234567890Z",
    ] {
        assert_eq!(date(text), Field::Bad, "{text}");
    }
}

#[test]
fn dates_agree_with_a_general_parser_over_four_centuries() {
    for day in (-80_000..120_000).step_by(97) {
        let millis = day * 86_400_000 + 12_345_678;
        let text = jiff::Timestamp::from_millisecond(millis).expect("in range").to_string();
        let moment = Moment::new(millis.div_euclid(1000), millis.rem_euclid(1000) as u32 * 1_000_000);
        assert_eq!(date(&text), Field::Value(moment), "{text}");
    }
}

#[test]
fn unix_times_come_in_seconds_or_milliseconds_and_as_text() {
    let moment = Field::Value(Moment::new(1_702_985_796, 0));
    for json in ["1702985796", "1702985796.0", "1702985796000", "\"1702985796\"", "\"2023-12-19T11:36:36Z\""] {
        assert_eq!(field::<Moment>(json), moment, "{json}");
    }
    for json in ["0", "-1", "null", "\"\"", "\"0\""] {
        assert_eq!(field::<Moment>(json), Field::Missing, "{json}");
    }
    for json in ["true", "[]", "{}", "\"soon\"", "1e300"] {
        assert_eq!(field::<Moment>(json), Field::Bad, "{json}");
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
    let expected = [Some(1), None, None, None, None, None, None, None, None, Some(4), Some(5), Some(6)];
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
