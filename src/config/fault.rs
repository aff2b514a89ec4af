//! The faults of a configuration, with their positions.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// All faults of one configuration file. Displayed as one line per fault, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: PathBuf,
    faults: Vec<Fault>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its position in the file; none when the file cannot be read.
    pub position: Option<Position>,
    /// The dotted path of the setting; empty where the text is not TOML.
    pub path: String,
    /// What is wrong, and what to do. Contains no value of a setting that holds a secret.
    pub message: String,
}

/// A position in a text. Both numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl ConfigErrors {
    /// `faults` are in the order of the file.
    pub(super) fn new(file: &Path, faults: Vec<Fault>) -> Self {
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
    found: RefCell<Vec<Found>>,
}

/// A fault, with its offset in bytes.
struct Found {
    offset: usize,
    path: String,
    message: String,
}

impl<'t> Faults<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            found: RefCell::default(),
        }
    }

    pub(super) fn add(&self, span: &Range<usize>, path: &str, message: String) {
        self.found.borrow_mut().push(Found {
            offset: span.start,
            path: path.to_owned(),
            message,
        });
    }

    /// The faults in the order of the text; at the same offset, in the order in which they were added.
    pub(super) fn into_found(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.offset);
        let mut cursor = Cursor::start(self.text);
        let placed = |fault: Found| Fault {
            position: Some(cursor.position(fault.offset)),
            path: fault.path,
            message: fault.message,
        };
        found.into_iter().map(placed).collect()
    }
}

/// Converts rising offsets to positions in one pass over the text.
struct Cursor<'t> {
    rest: &'t str,
    offset: usize,
    at: Position,
}

impl<'t> Cursor<'t> {
    fn start(text: &'t str) -> Self {
        Self {
            rest: text,
            offset: 0,
            at: Position { line: 1, column: 1 },
        }
    }

    /// The position of an offset, which must not be less than that of the previous call.
    fn position(&mut self, offset: usize) -> Position {
        // No fault starts past the end of the text or within a character; if one did, the end of the text would be used.
        let (passed, rest) = self
            .rest
            .split_at_checked(offset.saturating_sub(self.offset))
            .unwrap_or((self.rest, ""));
        if let Some(newline) = passed.rfind('\n') {
            self.at.line += passed.matches('\n').count();
            self.at.column = 1 + passed[newline + 1..].chars().count();
        } else {
            self.at.column += passed.chars().count();
        }
        self.offset += passed.len();
        self.rest = rest;
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let text = "a = 1\nä = \"ö\"\n";
        let places = [(0, 1, 1), (5, 1, 6), (6, 2, 1), (8, 2, 2), (16, 3, 1)];
        let mut onwards = Cursor::start(text);
        for (offset, line, column) in places {
            let position = Position { line, column };
            assert_eq!(Cursor::start(text).position(offset), position);
            assert_eq!(onwards.position(offset), position);
            assert_eq!(onwards.position(offset), position);
        }
        assert_eq!(
            Cursor::start("").position(0),
            Position { line: 1, column: 1 }
        );
    }
}
