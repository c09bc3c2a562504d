//! Answers of vendors: each becomes a failure that says little, or an exposition that can be read back.

use std::{borrow::Cow, io::Read, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::time::Instant;

use super::exposed;
use crate::{
    api::{
        Context, Observation, Part, Warnings,
        fingerprint::PartFingerprints,
        lenient::{self, Field, Shape, Timestamp},
        memory::Memory,
    },
    clock::UnixTime,
    config::Target,
    failure::Failure,
    http::Answer,
};

/// When everything happens.
pub const NOW: UnixTime = UnixTime(1_700_000_000_000);

/// Calls with the context of a poll.
pub fn with_context<T>(call: impl FnOnce(&Context<'_>) -> T) -> T {
    let (memory, warnings, known) = (Memory::default(), Warnings::default(), PartFingerprints::default());
    let deadline = Instant::now() + Duration::from_secs(60);
    let done = call(&Context { now: NOW, deadline, memory: &memory, warnings: &warnings, known: &known });
    for (_, detail) in warnings.details() {
        assert!(detail.len() <= 600, "a line of the log of {} bytes: {detail:.200}", detail.len());
    }
    done
}

/// Reads an answer of a vendor and shows what it brought.
pub fn decode(
    vendor: &str,
    read: impl FnOnce(&[u8], &Context<'_>, &Arc<Target>) -> Result<Part, Failure>,
    body: &[u8],
) {
    let target = exposed::target(vendor);
    with_context(|cx| match read(body, cx, &target) {
        Ok(part) => {
            cx.warnings.merge(&part.warnings);
            exposed::reads_back(&target, Observation::single(part));
        }
        Err(failure) => failed_or(Err(failure)),
    });
}

/// Whatever it was, a failure of it is short: it goes to a log, a page and a metric.
pub fn failed_or(result: Result<(), Failure>) {
    if let Err(failure) = result {
        let length = failure.message.len();
        assert!((1..=1000).contains(&length), "a message of {length} bytes: {:.200}", failure.message);
        let day = Duration::from_secs(86_400);
        assert!(failure.retry_after.is_none_or(|wait| wait <= day), "{failure:?}");
    }
}

/// What an answer means, whatever is in it.
pub fn http_answer(answer: &Answer) {
    let day = Duration::from_secs(86_400);
    assert!(answer.retry_after().is_none_or(|wait| wait <= day), "{answer:?}");
    failed_or(Err(answer.failure()));
    let (json, xml) = (answer.json(), answer.xml());
    assert!(!answer.is_html() || (json.is_err() && xml.is_err()), "a page for people is no data");
    failed_or(json.map(|_| ()));
    failed_or(xml.map(|_| ()));
}

/// Dates are what `jiff` makes of them too, where both read them.
pub fn times(text: &str) {
    let text = text.trim();
    if let Field::Value(moment) = lenient::scalar::<Timestamp>(text) {
        let seconds = moment.as_secs_f64();
        assert!((-62_135_596_800.0..253_402_387_200.0).contains(&seconds), "{text:?} is {seconds}");
        // A leap second is the second before in jiff.
        if let Ok(other) = text.parse::<jiff::Timestamp>()
            && !text.contains(":60")
        {
            // Its own seconds are cut towards 1970.
            let seconds = other.as_nanosecond().div_euclid(1_000_000_000);
            assert_eq!(i128::from(UnixTime::from(moment).0.div_euclid(1000)), seconds, "{text:?}");
        }
    }
    let _ = lenient::span(text);
    let _ = lenient::scalar::<bool>(text);
    assert!(lenient::scalar::<f64>(text).ok().is_none_or(f64::is_finite), "{text:?}");
    assert!(lenient::shown(text, 20).chars().all(|c| !c.is_control()), "{text:?}");
    let cut = lenient::cut(text, 16);
    assert!(cut.len() <= 16 && text.starts_with(cut), "{text:?}");
}

/// Gives its bytes in pieces of sizes that the first of them tells.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 61 + 7;
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Thing<'a> {
    id: Field<i64>,
    #[serde(borrow)]
    name: Field<Cow<'a, str>>,
}

impl Shape for Thing<'_> {
    type Of<'a> = Thing<'a>;
}

/// A list is the same whole and in pieces, and has as many items as `serde_json` finds.
pub fn json_list(data: &[u8]) {
    let read = |source: &mut dyn Read| {
        let mut found = Vec::new();
        let list = lenient::items::<Thing<'_>>(source, "value", |item: Option<Thing<'_>>| {
            found.push(item.map(|thing| (thing.id, thing.name.ok().map(Cow::into_owned))));
        });
        (list, found)
    };
    let (list, found) = read(&mut &*data);
    let dripped = read(&mut Drip(data, data.first().copied().unwrap_or_default().into()));
    assert_eq!((&list, &found), (&dripped.0, &dripped.1), "whole, and in pieces");
    if let Ok(serde_json::Value::Array(items)) = serde_json::from_slice(data) {
        let list = list.expect("serde_json reads it as a list");
        assert_eq!((list.items, found.len()), (items.len(), items.len()));
        for (item, found) in items.iter().zip(found) {
            // A number of serde_json's tree stays what it was; one of ours may be a text on the wire.
            if let (Some(id), Some((read, _))) = (item.get("id").and_then(serde_json::Value::as_i64), found) {
                assert_eq!(read, Field::Value(id), "{item}");
            }
        }
    } else if let Err(failure) = list {
        failed_or(Err(failure));
    }
}
