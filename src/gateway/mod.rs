//! One request, from its head to the end of its response: admit → permit → node → answer. The only module that implements
//! Pingora's `ProxyHttp`.
//!
//! | file | what it does, in the order of a request |
//! |---|---|
//! | `proxy`, `context` | Pingora's callbacks, and the state of a request between them |
//! | `request` | the stages of a request: begin, admit, forward |
//! | `client` | reads the request body from the client, writes the response to it |
//! | `admit`, `permit` | checks the head of a request, and returns a `Permit` or a refusal |
//! | `form` | form uploads: the check of their fields, the PUT for the node, the response |
//! | `body` | what a request claims about its body, and its verification |
//! | `exchange`, `forwarding` | selects the node and the connection; retries |
//! | `forward` | writes the head of the request to the node |
//! | `attempt`, `payload` | one attempt at a node: sends the verified body, reads the response |
//! | `answer`, `relay` | the node's response in the client's dialect and framing |
//! | `respond`, `wire_fault` | the response to a refused request, and to an invalid request header |
//! | `observe` | the access log line and the metrics |

mod admit;
mod answer;
mod attempt;
mod body;
mod client;
mod context;
mod exchange;
mod form;
mod forward;
mod forwarding;
mod observe;
mod payload;
mod permit;
mod proxy;
mod relay;
mod request;
mod respond;
mod wire_fault;

pub use proxy::Proxy;
pub use wire_fault::answer_to_fault;
