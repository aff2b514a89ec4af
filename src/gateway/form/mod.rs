//! Form uploads: a POST that is signed by its fields and forwarded as a PUT of its file.
//!
//! The fields are in the body, so the body is read up to the file before a node is contacted. Pingora buffers what is read, and
//! each attempt gets it from there. To nodes that verify signatures themselves the form is forwarded unchanged.

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
pub use upload::{FormProof, Upload};
