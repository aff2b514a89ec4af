//! Form uploads: a POST that is checked by its fields and goes on as a PUT of its file.
//!
//! The fields stand in the body, so the head of the body is read before a node is asked; Pingora keeps it and gives it to
//! the body's filter again, at each attempt. To nodes that verify for themselves the form goes on as it came.

mod admit;
mod answer;
mod detect;
mod put;
mod read;
mod success;
mod tagging;
mod upload;

pub use admit::admit;
pub use answer::answer;
pub use detect::{check_outside, is_upload};
pub use upload::Upload;
