//! What may stand in a configuration only once.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;

use super::document::Entry;

/// Values of one kind, each with the path of the setting that had it first. A look-up takes as long among a hundred
/// thousand values as among ten.
pub(super) struct Once<T>(HashMap<T, String>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Once<T> {
    /// Takes the value of a setting.
    ///
    /// # Errors
    /// The path of the setting that had the same value first.
    pub(super) fn take(&mut self, value: T, entry: &Entry<'_>) -> Result<(), &str> {
        match self.0.entry(value) {
            Slot::Occupied(first) => Err(first.into_mut()),
            Slot::Vacant(free) => {
                free.insert(entry.path.clone());
                Ok(())
            }
        }
    }
}
