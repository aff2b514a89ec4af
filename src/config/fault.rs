//! What is wrong with a configuration, and where.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Everything that is wrong with one configuration file. Displayed as one line per fault, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: PathBuf,
    faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the file; none when the file cannot be read.
    pub position: Option<Position>,
    /// The dotted path of the setting; empty where the text is not TOML.
    pub path: String,
    /// What is wrong, and what to do. Holds nothing that was written where a secret is expected.
    pub message: String,
}

/// A place in a text. Both numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl ConfigErrors {
    pub(super) fn new(file: &Path, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.position);
        Self {
            file: file.to_owned(),
            faults,
        }
    }

    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let fault = Fault {
            position: None,
            path: String::new(),
            message: format!("cannot read the configuration: {error}"),
        };
        Self::new(file, vec![fault])
    }

    /// The faults, in the order of the file.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{file}:")?;
            if let Some(Position { line, column }) = fault.position {
                write!(f, "{line}:{column}:")?;
            }
            if !fault.path.is_empty() {
                write!(f, " {}:", fault.path)?;
            }
            write!(f, " {}", fault.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The faults found so far in one text.
pub(super) struct Faults<'t> {
    text: &'t str,
    found: RefCell<Vec<Fault>>,
}

impl<'t> Faults<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            found: RefCell::default(),
        }
    }

    pub(super) fn add(&self, span: &Range<usize>, path: &str, message: String) {
        self.found.borrow_mut().push(Fault {
            position: Some(position(self.text, span.start)),
            path: path.to_owned(),
            message,
        });
    }

    pub(super) fn into_found(self) -> Vec<Fault> {
        self.found.into_inner()
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "a = 1\nä = \"ö\"\n";
        for (offset, line, column) in [(0, 1, 1), (5, 1, 6), (6, 2, 1), (8, 2, 2), (16, 3, 1)] {
            assert_eq!(position(text, offset), Position { line, column });
        }
        assert_eq!(position("", 0), Position { line: 1, column: 1 });
    }
}
