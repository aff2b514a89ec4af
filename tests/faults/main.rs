//! Faults: what the client and the node see when the other one, or the gateway itself, breaks off.

mod bodies;
mod every_byte;
mod gathered;
mod leaks;
mod nodes;
mod refusals;
mod seen;
mod stale;
mod stop;
mod unread;

use support::gateway::{Config, Gateway};
use support::rec::Rec;
use support::signer::{Request, Word, now};

fn signed(method: &str, target: &str) -> Request {
    Request::new(Word::Aws, method, target)
        .date(&now())
        .signed()
}

fn get() -> Request {
    signed("GET", "/bucket01/key")
}

/// A signed PUT with this body.
fn put(body: impl Into<Vec<u8>>) -> Request {
    signed("PUT", "/bucket01/key").body(body)
}

/// A gateway in front of these nodes, with further lines for its cluster.
fn in_front_of(nodes: &[&str], lines: &str) -> Gateway {
    let config = Config::new(nodes[0]);
    let one = format!("[\"{}\"]", nodes[0]);
    let cluster = config
        .text_of("cluster")
        .replace(&one, &format!("{nodes:?}"));
    Gateway::start(&config.section("cluster", &format!("{cluster}{lines}")))
}

/// The metrics and the log have nothing against the node.
fn assert_no_failure(gateway: &Gateway, node: &Rec) {
    let failures = format!(
        "countersign_node_failures_total{{node=\"{}\"}} 0",
        node.address()
    );
    let metrics = gateway.admin_get("/metrics").text();
    assert!(metrics.contains(&failures), "{metrics}");
    let log = gateway.log();
    assert!(!log.contains("a node failed"), "{log}");
}
