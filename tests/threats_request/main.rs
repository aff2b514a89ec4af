//! Threats that lie in the request itself: its path, its query, its headers, its Host. Each test is named by its threat's id.
//!
//! A row of a table is one request. Either the node gets exactly what was signed, or the client gets an error document and
//! the node gets nothing, not one byte.

mod content;
mod headers;
mod host;
mod names;
mod operations;
mod path;
mod presigned;
mod query;
mod scene;
mod spelling;
#[cfg(feature = "embedded")]
mod store;
mod version_4;
