//! What is wrong with a configuration, and where: `rollcall.yml:12:5: targets[2].auth.password_file: ...`.

use std::{fmt, sync::Arc};

/// A place in a file. Lines and columns count from 1, columns in characters; 0 is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// One thing that is wrong. Its message never carries the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub mark: Mark,
    /// The path of the setting, e.g. `targets[2].interval`; empty for the file as a whole.
    pub path: String,
    /// What, in lower case.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}: {}", self.mark, self.message),
            path => write!(f, "{}: {path}: {}", self.mark, self.message),
        }
    }
}

/// Everything that is wrong with a configuration; never empty. It prints one problem per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(Vec<Problem>);

impl Errors {
    /// The problems, sorted by place, the main file first.
    pub(super) fn new(problems: Vec<Problem>, main: &str) -> Errors {
        debug_assert!(!problems.is_empty(), "no errors is not an error");
        Errors(sorted(problems, main))
    }

    /// One by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Sorts by place: the main file first, the others in the order in which they first appear.
pub(super) fn sorted(mut problems: Vec<Problem>, main: &str) -> Vec<Problem> {
    let mut files: Vec<Arc<str>> = vec![main.into()];
    for problem in &problems {
        if !files.contains(&problem.mark.file) {
            files.push(problem.mark.file.clone());
        }
    }
    problems.sort_by_key(|problem| {
        let file = files.iter().position(|file| *file == problem.mark.file);
        (file, problem.mark.line, problem.mark.column)
    });
    problems
}
