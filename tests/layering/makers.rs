//! Who may make or name what: one file, or one room.

use crate::source::{Named, Source, files};
use crate::{holds, paths_that};

/// A fault for each path that names this, outside of these places.
fn named_only_in(file: &Source, name: &str, places: &[&str]) -> Vec<(usize, String)> {
    if places.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let why = format!("only {} name it", places.join(", "));
    paths_that(file, &why, |path: &Named<'_>| path.segments.contains(&name))
}

#[test]
fn one_room_is_a_proxy() {
    let rule = |file: &Source| {
        paths_that(file, "only gateway/ is a proxy", |path| {
            path.segments.last() == Some(&"ProxyHttp")
                && ["for", "as"].contains(&path.after)
                && file.room() != Some("gateway")
        })
    };
    let refused = [
        (
            "src/cluster/mod.rs",
            "impl pingora::proxy::ProxyHttp for Other {}",
        ),
        ("src/cli/serve.rs", "use pingora::proxy::ProxyHttp as P;"),
    ];
    let accepted = [("src/gateway/proxy.rs", "impl ProxyHttp for Proxy {}")];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// Pingora's trait makes the proxy name the type; only one file makes one.
#[test]
fn one_file_makes_peers() {
    let rule = |file: &Source| {
        let mut faults = named_only_in(
            file,
            "HttpPeer",
            &["src/cluster/peer.rs", "src/gateway/proxy.rs"],
        );
        faults.extend(paths_that(
            file,
            "only cluster/peer.rs makes peers",
            |path| {
                let made = path.segments.windows(2).any(|pair| pair[0] == "HttpPeer");
                let named = path.segments.last() == Some(&"HttpPeer");
                (made || named && ["{", "as"].contains(&path.after))
                    && file.path != "src/cluster/peer.rs"
            },
        ));
        faults
    };
    let refused = [
        ("src/cluster/mod.rs", "fn f(peer: &HttpPeer) {}"),
        (
            "src/gateway/proxy.rs",
            "Box::new(HttpPeer::new(address, false, name))",
        ),
        (
            "src/gateway/proxy.rs",
            "HttpPeer::new_uds(path, false, name)",
        ),
        (
            "src/gateway/proxy.rs",
            "use pingora::prelude::HttpPeer as Peer;",
        ),
        ("src/cli/demo.rs", "HttpPeer { scheme }"),
    ];
    let accepted = [
        (
            "src/gateway/proxy.rs",
            "fn f() -> Result<Box<HttpPeer>> { g() }",
        ),
        ("src/cluster/peer.rs", "HttpPeer::new(address, false, name)"),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// What speaks to a client through Pingora's session knows which protocol it is: nothing else may.
#[test]
fn a_session_is_named_by_the_proxy_and_the_server() {
    let rule = |file: &Source| {
        let mut faults = Vec::new();
        for name in ["Session", "ServerSession"] {
            let places = [
                "src/gateway/proxy.rs",
                "src/gateway/client.rs",
                "src/server/",
            ];
            faults.extend(named_only_in(file, name, &places));
        }
        faults
    };
    let refused = [
        ("src/gateway/admit.rs", "use pingora::proxy::Session;"),
        (
            "src/wire/guard.rs",
            "fn f(session: &mut pingora::proxy::Session) {}",
        ),
        (
            "src/gateway/respond.rs",
            "use pingora::protocols::http::ServerSession;",
        ),
    ];
    let accepted = [
        ("src/gateway/client.rs", "use pingora::proxy::Session;"),
        ("src/server/admin.rs", "ServerSession::new_http1(stream)"),
        ("src/address/mod.rs", "Operation::CreateSession"),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// A number that steers is a count of our own: a metric is for whoever looks.
#[test]
fn no_code_reads_the_value_of_a_metric() {
    const TYPES: &[&str] = &[
        "IntGauge",
        "Gauge",
        "IntCounter",
        "Counter",
        "Histogram",
        "IntCounterVec",
    ];
    let rule = |file: &Source| {
        let mut faults = Vec::new();
        for name in TYPES.iter().chain(&["prometheus"]) {
            faults.extend(named_only_in(file, name, &["src/metrics"]));
        }
        // Where they may be named, nothing is asked but our own counts: no `gauge.get()`, no `self.dropped.get()`.
        if file.path.starts_with("src/metrics") {
            let tokens = file.tokens();
            let asks = tokens.windows(5).filter(|window| {
                let texts: Vec<&str> = window.iter().map(|token| token.text).collect();
                texts[1..] == [".", "get", "(", ")"] && texts[0] != "self"
            });
            faults
                .extend(asks.map(|window| (window[0].line, "reads the value of a metric".into())));
        }
        faults
    };
    let refused = [
        ("src/metrics.rs", "if self.connections_gauge.get() > 3 {}"),
        ("src/metrics/node.rs", "self.failures.get()"),
        ("src/server/run.rs", "use prometheus::IntGauge;"),
    ];
    let accepted = [
        ("src/metrics.rs", "fn exported(&self) -> i64 { self.get() }"),
        ("src/server/run.rs", "while in_flight.get() > 0 {}"),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// What differs between vendors stands in their files: an arm for one of them elsewhere is an arm that the next one lacks.
#[test]
fn no_code_but_the_dialects_tells_vendors_apart() {
    let rule = |file: &Source| {
        if file.path.starts_with("src/dialect/") || file.path.ends_with("tests.rs") {
            return Vec::new();
        }
        paths_that(file, "only dialect/ tells vendors apart", |path| {
            let [.., "DialectName", variant] = path.segments[..] else {
                return false;
            };
            let is_variant =
                variant.contains(char::is_lowercase) && variant.starts_with(char::is_uppercase);
            is_variant && (["=>", "|"].contains(&path.after) || ["==", "!="].contains(&path.before))
        })
    };
    let refused = [
        (
            "src/answer/auth.rs",
            "match name { DialectName::Aws => 400 }",
        ),
        ("src/gateway/relay.rs", "if dialect == DialectName::Wos {}"),
        (
            "src/config/cluster.rs",
            "match name { DialectName::Aws | DialectName::Wos => 400 }",
        ),
    ];
    let accepted = [
        (
            "src/dialect/mod.rs",
            "match name { DialectName::Aws => 400 }",
        ),
        ("src/cli/demo.rs", "dialect: DialectName::Aws,"),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}
