//! A mapping whose keys are known.

use std::{cell::RefCell, ops::RangeInclusive, time::Duration};

use super::{Context, Item, closest};
use crate::{
    config::{problem::Mark, yaml::Entry},
    glob::Globs,
};

/// A mapping whose keys are known, or the absence of one. What is asked for is known; `finish` tells the rest.
pub struct Section<'a> {
    /// What all accessors share.
    pub ctx: &'a Context<'a>,
    /// Its path.
    pub path: String,
    given: Option<(&'a [Entry], &'a Mark)>,
    known: RefCell<Vec<&'static str>>,
    holds_secrets: bool,
}

impl<'a> Section<'a> {
    /// A mapping, or none where the configuration does not have it.
    pub fn new(ctx: &'a Context<'a>, given: Option<(&'a [Entry], &'a Mark)>, path: String) -> Section<'a> {
        Section { ctx, path, given, known: RefCell::default(), holds_secrets: false }
    }

    /// A key without a value may be half of a secret (`{password hunter2}`), so its name is not shown.
    pub fn holding_secrets(mut self) -> Section<'a> {
        self.holds_secrets = true;
        self
    }

    /// Where it stands, where it is given.
    pub fn mark(&self) -> Option<&'a Mark> {
        self.given.map(|(_, mark)| mark)
    }

    /// Notes an error about a key that is not there: at the place of the whole.
    pub fn error(&self, key: &str, message: impl Into<String>) {
        if let Some(mark) = self.mark() {
            self.ctx.error(mark, &self.path_of(key), message);
        }
    }

    /// Notes an error about a key: where it is given at its place, else at that of the whole.
    pub fn error_of(&self, key: &'static str, message: impl Into<String>) {
        match self.get(key) {
            Some(item) => item.error(message),
            None => self.error(key, message),
        }
    }

    /// The path of a key.
    pub fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// The value of a key, where one is given.
    pub fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.add_known_key(key);
        let entry = self.given?.0.iter().find(|entry| entry.key == key)?;
        let item = Item { ctx: self.ctx, node: &entry.node, path: self.path_of(key) };
        (!item.node.is_null()).then_some(item)
    }

    /// The value of a key that must be given.
    pub fn require(&self, key: &'static str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            match self.given.and_then(|(entries, _)| entries.iter().find(|entry| entry.key == key)) {
                Some(entry) => self.ctx.error(&entry.mark, &self.path_of(key), "has no value"),
                None => self.error(key, "is missing"),
            }
        }
        item
    }

    /// A mapping within, given or not.
    pub fn section(&self, key: &'static str) -> Section<'a> {
        let inner = self.get(key).and_then(|item| item.section());
        inner.unwrap_or_else(|| Section::new(self.ctx, None, self.path_of(key)))
    }

    /// The items of a list; a list that is not given is empty.
    pub fn list(&self, key: &'static str) -> Vec<Item<'a>> {
        self.get(key).map(|item| item.list()).unwrap_or_default()
    }

    /// A text, or the default.
    pub fn text(&self, key: &'static str, default: &str) -> String {
        self.get(key).and_then(|item| item.text()).unwrap_or_else(|| default.to_owned())
    }

    /// A boolean, or the default.
    pub fn bool(&self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(|item| item.bool()).unwrap_or(default)
    }

    /// A duration of at least so much, or the default.
    pub fn duration(&self, key: &'static str, shortest: Duration, default: Duration) -> Duration {
        self.get(key).and_then(|item| item.duration(shortest)).unwrap_or(default)
    }

    /// A port, or the default.
    pub fn port(&self, key: &'static str, default: u16) -> u16 {
        let port = self.get(key).and_then(|item| item.integer(1..=65_535));
        port.and_then(|port| u16::try_from(port).ok()).unwrap_or(default)
    }

    /// A text of this many characters that must be given.
    pub fn require_text(&self, key: &'static str, length: RangeInclusive<usize>) -> Option<String> {
        self.require(key)?.text_of(length)
    }

    /// One of several words, or the default.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)], default: T) -> T {
        self.get(key).and_then(|item| item.choice(choices)).unwrap_or(default)
    }

    /// Globs; those that are not given are none.
    pub fn globs(&self, key: &'static str) -> Globs {
        Globs(self.list(key).iter().filter_map(Item::glob).collect())
    }

    /// Tells the keys that nobody asked for.
    pub fn finish(self) {
        let known = self.known.borrow();
        for entry in self.given.map(|(entries, _)| entries).unwrap_or_default() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            if self.holds_secrets && entry.node.is_null() {
                self.ctx.error(&entry.mark, &self.path, "unknown key without a value; is a colon missing?");
                continue;
            }
            let hint = closest(&entry.key, known.iter().copied()).map(|name| format!("; did you mean {name}?"));
            let name: String = entry.key.chars().take(40).collect::<String>().escape_debug().collect();
            self.ctx.error(&entry.mark, &self.path_of(&name), format!("unknown key{}", hint.unwrap_or_default()));
        }
    }

    fn add_known_key(&self, key: &'static str) {
        self.known.borrow_mut().push(key);
        #[cfg(test)]
        self.ctx.known.borrow_mut().insert(super::super::tests::without_indices(&self.path_of(key)));
    }
}
