//! Values that must be unique in a configuration.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;

use super::document::Entry;

/// Unique values, each with the path of the setting that has it first. Hashed, so that a file with 100,000 keys loads in
/// linear time (`benches/config.rs`).
pub(super) struct Once<T>(HashMap<T, String>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Once<T> {
    /// Adds the value of a setting.
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
