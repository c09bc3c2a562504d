//! From samples to lines.

use std::sync::Arc;

use crate::{catalogue::Family, exposition::text};

/// The lines of one family of one target.
#[derive(Debug)]
pub(super) struct Lines {
    family: &'static Family,
    base: Arc<[u8]>,
    /// The text so far.
    pub bytes: Vec<u8>,
    /// Series in it.
    pub series: usize,
}

impl Lines {
    /// None yet. `base` are the labels that all of them begin with.
    pub fn new(family: &'static Family, base: &Arc<[u8]>) -> Lines {
        Lines { family, base: Arc::clone(base), bytes: Vec::new(), series: 0 }
    }

    /// The base labels and the values of the family's own ones.
    pub fn labels(&self, values: &[&str]) -> Vec<u8> {
        let mut labels = self.base.to_vec();
        for (name, value) in self.family.labels.iter().zip(values) {
            text::label(&mut labels, name, text::cut(value).0);
        }
        labels
    }

    /// A line with the values of the family's own labels.
    pub fn with(&mut self, values: &[&str], value: f64) {
        let labels = self.labels(values);
        self.raw(&labels, value);
    }

    /// A line whose labels are ready.
    pub fn raw(&mut self, labels: &[u8], value: f64) {
        self.series += 1;
        text::line(&mut self.bytes, self.family.name, labels, value);
    }

    /// The lines of a histogram whose labels are ready.
    pub fn histogram(&mut self, labels: &[u8], cumulative: impl Iterator<Item = (f64, u64)>, sum: f64) {
        self.series += text::histogram(&mut self.bytes, self.family.name, labels, cumulative, sum);
    }
}
