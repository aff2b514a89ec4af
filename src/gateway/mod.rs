//! One request, from its head to the end of its answer: the Pingora proxy, and the only room with a `ProxyHttp`.
//!
//! | file | what it does, in the order of a request |
//! |---|---|
//! | `proxy`, `context` | Pingora's callbacks, and what is kept of one request |
//! | `client` | what is read from the client and written to it |
//! | `admit`, `permit` | the check: from the head to a `Permit` |
//! | `body` | the proof of the request's body while it streams |
//! | `form` | form uploads: the check of their fields, the PUT that they become, the answer |
//! | `forward` | the request that goes on to the node |
//! | `relay` | the node's answer in the client's words and framing |
//! | `respond`, `wire_fault` | the answer to a refusal, and to what is no request |
//! | `observe` | one access line, one set of metrics |

mod admit;
mod body;
mod client;
mod context;
mod form;
mod forward;
mod observe;
mod permit;
mod proxy;
mod relay;
mod respond;
mod wire_fault;

pub use proxy::Proxy;
pub use wire_fault::answer_to_fault;
