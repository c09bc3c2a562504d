use jiff::{
    Timestamp as JiffTimestamp,
    fmt::strtime,
    tz::{Offset, TimeZone},
};
use proptest::{
    prelude::{Strategy, any, prop_oneof},
    sample::select,
};

use super::*;

fn read(text: &str) -> Field<Timestamp> {
    Timestamp::text(Cow::Borrowed(text))
}

#[test]
fn dates_come_with_any_number_of_digits_and_with_or_without_a_zone() {
    let rows = [
        ("2023-11-14T22:13:20Z", 1_700_000_000, 0),
        ("2023-11-14t22:13:20z", 1_700_000_000, 0),
        ("2023-11-14T22:13:20.5Z", 1_700_000_000, 500_000_000),
        ("2023-11-14T22:13:20,5Z", 1_700_000_000, 500_000_000),
        ("2023-11-14T22:13:20.31Z", 1_700_000_000, 310_000_000),
        ("2023-11-14T22:13:20.5033333Z", 1_700_000_000, 503_333_300),
        ("2023-11-14T22:13:20.5033333", 1_700_000_000, 503_333_300),
        ("2023-11-14T22:13:20.123456789Z", 1_700_000_000, 123_456_789),
        ("2023-11-14T22:13:20.1234567899999Z", 1_700_000_000, 123_456_789),
        ("2023-11-14T22:13:20", 1_700_000_000, 0),
        ("2023-11-14 22:13:20", 1_700_000_000, 0),
        (" 2023-11-14T22:13:20Z\r\n", 1_700_000_000, 0),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000, 0),
        ("2023-11-15T00:13:20+0200", 1_700_000_000, 0),
        ("2023-11-15T00:13:20+02", 1_700_000_000, 0),
        ("2023-11-14T16:43:20.000-0530", 1_700_000_000, 0),
        ("2023-11-14T18:43:20.155-03:30", 1_700_000_000, 155_000_000),
        ("2023-11-14T22:13:20-00:00", 1_700_000_000, 0),
        ("2023-11-15T22:12:20+23:59", 1_700_000_000, 0),
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.999Z", -1, 999_000_000),
        ("0002-01-01T00:00:00Z", -62_104_060_800, 0),
        ("9999-12-31T23:59:59.9999999", 253_402_300_799, 999_999_900),
    ];
    for (text, seconds, nanos) in rows {
        assert_eq!(read(text), Field::Value(Timestamp::new(seconds, nanos)), "{text}");
    }
}

#[test]
fn the_year_one_and_an_empty_text_mean_never() {
    for text in ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000+00:00", "", " "] {
        assert_eq!(read(text), Field::Missing, "{text}");
    }
}

#[test]
fn days_are_those_of_their_month() {
    let days = |year: i64, month: i64| {
        (1..=31).filter(|day| matches!(read(&format!("{year}-{month:02}-{day:02}T12:00:00Z")), Field::Value(_))).count()
    };
    assert_eq!(
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(|month| days(2023, month)),
        [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    );
    assert_eq!([1900, 2000, 2024, 2100].map(|year| days(year, 2)), [28, 29, 29, 28]);
    assert_eq!([0, 13, 99].map(|month| days(2023, month)), [0; 3]);
    for day in ["00", "32", "99"] {
        assert_eq!(read(&format!("2023-01-{day}T12:00:00Z")), Field::Bad, "{day}");
    }
}

#[test]
fn hour_24_is_midnight_and_nothing_later() {
    let midnight = Field::Value(Timestamp::new(1_704_067_200, 0));
    for text in ["2024-01-01T00:00:00Z", "2023-12-31T24:00:00Z", "2023-12-31T24:00:00.000", "2023-12-31T24:00:00+00"] {
        assert_eq!(read(text), midnight, "{text}");
    }
    for time in ["24:30:00", "24:00:01", "24:00:00.0000001", "24:60:00", "25:00:00", "99:00:00", "23:60:00"] {
        assert_eq!(read(&format!("2023-12-31T{time}Z")), Field::Bad, "{time}");
    }
}

#[test]
fn the_leap_second_ends_a_day_in_utc() {
    for text in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60+01:00", "2016-12-31T23:59:60.5Z"] {
        let Field::Value(moment) = read(text) else { panic!("{text}") };
        assert_eq!(moment.seconds, 1_483_228_800, "{text}");
    }
    for text in ["2016-12-31T23:59:61Z", "2016-12-31T12:30:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T24:00:60Z"] {
        assert_eq!(read(text), Field::Bad, "{text}");
    }
}

#[test]
fn what_is_no_date_is_bad() {
    let rows = [
        "yesterday",
        "never",
        "NaN",
        "inf",
        "-inf",
        "2023-11-14",
        "2023-11-14T22:13",
        "2023-11-14T22:13Z",
        "20231114T221320Z",
        "2023-13-14T22:13:20Z",
        "2023-1-14T22:13:20Z",
        "2023/11/14T22:13:20Z",
        "2023-11-14_22:13:20Z",
        "2023-11-14T22.13.20Z",
        "14.11.2023 22:13:20",
        "-023-11-14T22:13:20Z",
        "+2023-11-14T22:13:20Z",
        "２０23-11-14T22:13:20Z",
        "2023-11-14T22:13:2 Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20.",
        "2023-11-14T22:13:20.Zulu",
        "2023-11-14T22:13:20.5.5Z",
        "2023-11-14T22:13:20 Z",
        "2023-11-14T22:13:20ZZ",
        "2023-11-14T22:13:20UTC",
        "2023-11-14T22:13:20+",
        "2023-11-14T22:13:20+2",
        "2023-11-14T22:13:20+200",
        "2023-11-14T22:13:20+02:0",
        "2023-11-14T22:13:20+02:00:00",
        "2023-11-14T22:13:20+02.00",
        "2023-11-14T22:13:20+0a:00",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20+99:99",
        "2023-11-14T22:13:20-02:60",
        "2023-11-14T22:13:20 02:00",
        "0001-02-30T00:00:00",
        "/Date(1700000000000)/",
    ];
    for text in rows {
        assert_eq!(read(text), Field::Bad, "{text}");
    }
}

#[test]
fn unix_times_are_read_from_text_as_well() {
    for text in ["1700000000", "1700000000.0", "1700000000000", " 1700000000 "] {
        assert_eq!(read(text), Field::Value(Timestamp::new(1_700_000_000, 0)), "{text}");
    }
    for text in ["0", "-1", "0.0"] {
        assert_eq!(read(text), Field::Missing, "{text}");
    }
}

#[test]
fn a_moment_is_a_unix_time_in_whole_milliseconds() {
    assert_eq!(UnixTime::from(Timestamp::new(1_758_705_954, 299_830_500)), UnixTime(1_758_705_954_299));
    assert_eq!(UnixTime::from(Timestamp::new(-1, 999_000_000)), UnixTime(-1));
}

#[test]
fn spans_are_those_of_dot_net() {
    let rows = [
        ("0.20:00:00", 72_000.0),
        ("1.06:00:00", 108_000.0),
        ("01:00:00", 3600.0),
        ("0.01:00:18.768", 3618.768),
        ("10.05:33:09", 883_989.0),
        ("-00:00:01", 0.0),
    ];
    for (text, seconds) in rows {
        assert_eq!(span(text), Some(Duration::from_secs_f64(seconds)), "{text}");
    }
    for text in ["", "1", "1:2", "a:b:c", "1:2:3:4", "00:00:NaN"] {
        assert_eq!(span(text), None, "{text}");
    }
}

/// From the year 2 to 9998, so that an offset does not lead out of the years of four digits.
fn moments() -> impl Strategy<Value = JiffTimestamp> {
    (-62_100_000_000_i64..253_370_000_000, 0..1_000_000_000)
        .prop_map(|(second, nano)| JiffTimestamp::new(second, nano).expect("within jiff's years"))
}

/// Zones as far from UTC as .NET allows.
fn offsets() -> impl Strategy<Value = Offset> {
    (-14 * 60..=14 * 60_i32).prop_map(|minutes| Offset::from_seconds(minutes * 60).expect("14 hours"))
}

/// A zone as it is printed; `None` is that of a date without one.
fn zones() -> impl Strategy<Value = (Offset, Option<&'static str>)> {
    prop_oneof![
        select(&["Z", "z"]).prop_map(|zone| (Offset::UTC, Some(zone))),
        any::<()>().prop_map(|()| (Offset::UTC, None)),
        (offsets(), select(&["%:z", "%z"])).prop_map(|(offset, zone)| (offset, Some(zone))),
        (-14..=14_i8).prop_map(|hours| (Offset::constant(hours), Some("%:::z"))),
    ]
}

proptest::proptest! {
    #[test]
    fn what_jiff_prints_reads_back(
        moment in moments(),
        (offset, zone) in zones(),
        between in select(&["T", "t", " "]),
        digits in 0..=9_usize,
    ) {
        let fraction = if digits == 0 { String::new() } else { format!(".%{digits}N") };
        let format = format!("%Y-%m-%d{between}%H:%M:%S{fraction}{}", zone.unwrap_or_default());
        let text = strtime::format(&format, &moment.to_zoned(TimeZone::fixed(offset))).expect("a valid format");
        let unit = 10_i32.pow(9 - digits as u32);
        let nanos = moment.as_nanosecond().rem_euclid(1_000_000_000) as i32 / unit * unit;
        let seconds = moment.as_nanosecond().div_euclid(1_000_000_000) as i64;
        proptest::prop_assert_eq!(read(&text), Field::Value(Timestamp::new(seconds, nanos as u32)), "{}", text);
    }

    #[test]
    fn the_standard_form_of_jiff_reads_back(moment in moments()) {
        let nanos = moment.as_nanosecond();
        let expected = Timestamp::new(nanos.div_euclid(1_000_000_000) as i64, nanos.rem_euclid(1_000_000_000) as u32);
        proptest::prop_assert_eq!(read(&moment.to_string()), Field::Value(expected));
    }

    #[test]
    fn a_day_exists_where_jiff_says_so(year in 2..=9999_i16, month in 0..=14_i8, day in 0..=33_i8) {
        let is_day = jiff::civil::Date::new(year, month, day).is_ok();
        let text = format!("{year:04}-{month:02}-{day:02}T12:00:00");
        proptest::prop_assert_eq!(matches!(read(&text), Field::Value(_)), is_day, "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[0-9TZtz:.,+ -]{0,40}|\\PC{0,40}") {
        let _ = (read(&text), span(&text));
    }
}
