//! The gateway: the Pingora glue.

pub mod options;
