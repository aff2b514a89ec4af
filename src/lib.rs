//! Countersign.

#[cfg(feature = "embedded")]
pub mod embedded;
