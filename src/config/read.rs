//! Typed access to the tree: every accessor notes what is wrong and goes on, so that all errors are told at once.
//!
//! A `Section` is a mapping, an `Item` any value. An accessor that returns `None`, or the default, has noted why when something
//! was wrong; a configuration with notes is never built. Items of secret settings never show their value.

mod item;
mod names;
mod section;

pub use item::Item;
pub use names::closest;
pub use section::Section;

use std::{cell::RefCell, path::Path};

use super::problem::{Mark, Problem};

/// What all accessors share.
pub struct Context<'a> {
    /// Relative paths start here.
    pub base_dir: &'a Path,
    /// A secret file that cannot be read is an error and not a warning.
    pub strict: bool,
    /// What is wrong.
    pub errors: RefCell<Vec<Problem>>,
    /// What has to be said although it is valid.
    pub warnings: RefCell<Vec<Problem>>,
    /// Every setting that was asked for, for the test of the annotated configuration.
    #[cfg(test)]
    pub known: RefCell<std::collections::BTreeSet<String>>,
}

impl<'a> Context<'a> {
    /// Nothing noted yet.
    pub fn new(base_dir: &'a Path, strict: bool) -> Context<'a> {
        Context {
            base_dir,
            strict,
            errors: RefCell::default(),
            warnings: RefCell::default(),
            #[cfg(test)]
            known: RefCell::default(),
        }
    }

    /// Notes an error.
    pub fn error(&self, mark: &Mark, path: &str, message: impl Into<String>) {
        self.errors.borrow_mut().push(problem(mark, path, message.into()));
    }

    /// Notes a warning.
    pub fn warn(&self, mark: &Mark, path: &str, message: impl Into<String>) {
        self.warnings.borrow_mut().push(problem(mark, path, message.into()));
    }
}

fn problem(mark: &Mark, path: &str, message: String) -> Problem {
    Problem { mark: mark.clone(), path: path.to_owned(), message }
}
