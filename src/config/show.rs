//! The running configuration as YAML, with every default, without any secret. Read again, it gives the same targets.
//!
//! The settings serialize as they are written in the configuration; here is how some of their values are written.

use std::{fmt::Display, sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Target, size};
use crate::duration;

pub(super) fn to_yaml(settings: &impl Serialize) -> String {
    // A value stays on the line of its key, however long it is.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: false };
    serde_saphyr::to_string_with_options(settings, options)
        .expect("the settings are texts, numbers, lists and mappings")
}

pub(super) fn targets<S: Serializer>(targets: &[Arc<Target>], serializer: S) -> Result<S::Ok, S::Error> {
    /// The name and the vendor come first.
    #[derive(Serialize)]
    struct Named<'a> {
        name: &'a str,
        vendor: &'static str,
        #[serde(flatten)]
        target: &'a Target,
    }
    serializer.collect_seq(targets.iter().map(|target| Named { name: &target.name, vendor: target.vendor(), target }))
}

pub(super) fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration::print(*duration))
}

pub(super) fn size<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&size::print(*bytes))
}

/// Pairs as a mapping.
pub(super) fn map<S: Serializer>(entries: &[(String, impl Serialize)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

/// An empty text where there is none.
pub(super) fn or_empty<S: Serializer>(text: &Option<impl Serialize>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => text.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

/// An empty mapping where there is none.
pub(super) fn or_none<S: Serializer>(section: &Option<impl Serialize>, serializer: S) -> Result<S::Ok, S::Error> {
    match section {
        Some(section) => section.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text: String) {
            let written = to_yaml(&std::collections::BTreeMap::from([("key", [&text])]));
            let (tree, problems) = crate::config::yaml::read(written.as_bytes(), "written");
            proptest::prop_assert!(problems.is_empty(), "{problems:?} in {written}");
            let shown = format!("{:?}", tree.map(|node| node.value));
            proptest::prop_assert!(shown.contains(&format!("text: {text:?}")), "{shown}");
        }
    }

    #[test]
    fn texts_that_could_be_something_else_are_read_back_too() {
        for text in [
            "",
            "no",
            "~",
            "null",
            "0123",
            "1_000",
            "1:30",
            "a: b",
            "a:",
            "- a",
            "# a",
            "a #b",
            "*a",
            "&a",
            "!a",
            "|",
            ">-",
            "%",
            "@a",
            "`a",
            "CORP\\svc \"x\"\n",
            "bell\u{7}",
            " blank ",
            "line\u{2028}end",
            "\u{feff}",
            "'",
            "\"",
            "---",
            "...",
            "2024-01-01",
            "=",
        ] {
            let written = to_yaml(&std::collections::BTreeMap::from([("key", text), (text, "value")]));
            let (tree, problems) = crate::config::yaml::read(written.as_bytes(), "written");
            assert!(problems.is_empty(), "{problems:?} in {written}");
            let shown = format!("{:?}", tree.map(|node| node.value));
            assert!(
                shown.contains(&format!("text: {text:?}")) && shown.contains(&format!("key: {text:?}")),
                "{shown} of {written}"
            );
        }
    }
}
