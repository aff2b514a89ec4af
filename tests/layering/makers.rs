//! Who may make or name what: one file, or one room.

use crate::source::{Named, Source, Token, files};
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

/// Pingora's trait has a signature with `HttpPeer`: the type is imported and named there once, and no code makes one. So
/// `upstream_peer` can only fail. It is never called: `proxy_upstream_filter` answers every request, and ends with
/// `Ok(false)`, which tells Pingora to connect to nothing. Otherwise each forwarded request would be 500 InternalError: every
/// test with a node would fail.
#[test]
fn no_code_makes_a_peer_of_pingora() {
    let proxy = "src/gateway/proxy.rs";
    let rule = |file: &Source| {
        let paths = file.paths();
        let named = paths
            .iter()
            .filter(|path| path.segments.contains(&"HttpPeer"));
        let allowed = |path: &Named<'_>| {
            let imported = path.after == ";" && path.renamed.is_none();
            let returned = path.segments == ["HttpPeer"] && path.before == "<" && path.after == ">";
            file.path == proxy && (imported || returned)
        };
        let why = "only the signature of upstream_peer names it";
        let refused = named.clone().enumerate();
        let refused = refused.filter(|(at, path)| *at >= 2 || !allowed(path));
        let mut faults: Vec<_> = refused
            .map(|(_, path)| (path.line, why.to_owned()))
            .collect();
        for callback in callbacks(file) {
            let texts: Vec<&str> = callback.iter().map(|token| token.text).collect();
            if texts[1] == "proxy_upstream_filter"
                && !texts.ends_with(&["Ok", "(", "false", ")", "}"])
            {
                faults.push((
                    callback[0].line,
                    "lets Pingora connect to a node".to_owned(),
                ));
            }
        }
        faults
    };
    let filter = |body: &str| {
        format!(
            "impl ProxyHttp for Proxy {{ async fn proxy_upstream_filter(&self) -> Result<bool> {{ {body} }} }}"
        )
    };
    let (wrong, right) = (
        filter("self.forward().await"),
        filter("self.forward().await?; Ok(false)"),
    );
    let refused = [
        ("src/cluster/mod.rs", "fn f(peer: &HttpPeer) {}"),
        (
            "src/cluster/connect.rs",
            "HttpPeer::new(address, false, name)",
        ),
        (proxy, "Box::new(HttpPeer::new(address, false, name))"),
        (proxy, "HttpPeer::new_uds(path, false, name)"),
        (proxy, "use pingora::prelude::HttpPeer as Peer;"),
        (proxy, "HttpPeer { scheme }"),
        (
            proxy,
            "use pingora::prelude::HttpPeer; fn f() -> Box<HttpPeer> { g() } fn g() -> Box<HttpPeer> { h() }",
        ),
        (proxy, &wrong),
    ];
    let accepted = [
        (
            proxy,
            "use pingora::prelude::HttpPeer; fn f() -> Result<Box<HttpPeer>> { g() }",
        ),
        (proxy, &right),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// The functions of an `impl ProxyHttp`, each from `fn` to its closing brace.
fn callbacks(file: &Source) -> Vec<Vec<Token<'_>>> {
    let tokens = file.tokens();
    let is_proxy = |window: &[Token<'_>]| window[0].text == "ProxyHttp" && window[1].text == "for";
    let Some(start) = tokens.windows(2).position(is_proxy) else {
        return Vec::new();
    };
    let mut found: Vec<Vec<Token<'_>>> = Vec::new();
    let (mut depth, mut inside) = (0, false);
    for token in &tokens[start..] {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            "fn" if depth == 1 => {
                inside = true;
                found.push(Vec::new());
            }
            _ => {}
        }
        if let Some(callback) = found.last_mut().filter(|_| inside) {
            callback.push(*token);
        }
        if token.text == "}" && depth == 1 {
            inside = false;
        }
        if token.text == "}" && depth == 0 {
            break;
        }
    }
    found
}

/// A callback hands over to a function that does not know Pingora's trait.
#[test]
fn a_callback_of_pingora_has_ten_lines_at_most() {
    let rule = |file: &Source| {
        let lines = |callback: &[Token<'_>]| {
            let last = callback.last().map_or(0, |last| last.line);
            last + 1 - callback[0].line
        };
        let callbacks = callbacks(file);
        let long = callbacks.iter().filter(|callback| lines(callback) > 10);
        long.map(|callback| {
            (
                callback[0].line,
                format!("{} is too long", callback[1].text),
            )
        })
        .collect()
    };
    let sample = |lines: usize| {
        let body = "\n".repeat(lines - 1);
        format!("impl ProxyHttp for Proxy {{\nfn a() {{}}\nfn b() {{{body}}}\nfn c() {{}} }}")
    };
    let (long, full) = (sample(11), sample(10));
    let path = "src/gateway/proxy.rs";
    holds(&files(&["src"]), rule, &[(path, &long)], &[(path, &full)]);
    let proxy = files(&["src/gateway"]);
    let proxy = proxy
        .iter()
        .find(|file| file.path == path)
        .expect("it is there");
    assert_eq!(callbacks(proxy).len(), 10, "the callbacks of {path}");
}

/// A connection to a node is opened and taken where a permit is required for it (`Cluster::next_node`).
#[test]
fn connections_to_nodes_are_opened_and_taken_in_one_file() {
    let home = "src/cluster/connect.rs";
    let rule = |file: &Source| {
        if file.path == home || file.path.starts_with("src/node/") {
            return Vec::new();
        }
        let why = format!("only {home} opens or takes a connection to a node");
        let mut faults = paths_that(file, &why, |path| {
            let full = path.in_crate().unwrap_or_else(|| path.segments.clone());
            let opens = path.has(&["Connection", "open"]) || path.has(&["Connection", "of"]);
            let moves = ["take", "give_back"]
                .iter()
                .any(|name| full.ends_with(&["node", name]));
            let renames = full.ends_with(&["node", "Connection"]) && path.renamed.is_some();
            !path.modules.contains(&"tests") && (opens || moves || renames)
        });
        let why = "only src/node/stream.rs connects to a node; reach.rs sends nothing";
        let places = ["src/cluster/reach.rs", "src/server/socket.rs"];
        faults.extend(paths_that(file, why, |path| {
            let connects = [["TcpStream", "connect"], ["UnixStream", "connect"]];
            let connects = connects.iter().any(|connect| path.has(connect));
            connects && !places.contains(&&*file.path) && !path.modules.contains(&"tests")
        }));
        faults
    };
    let refused = [
        (
            "src/gateway/exchange.rs",
            "Connection::open(address, within).await",
        ),
        (
            "src/gateway/exchange.rs",
            "node::Connection::of(stream, address)",
        ),
        ("src/cluster/mod.rs", "fn f() { node::take(address, now) }"),
        ("src/server/run.rs", "use crate::node::{sweep, take};"),
        (
            "src/server/run.rs",
            "crate::node::give_back(connection, 8, now)",
        ),
        (
            "src/gateway/attempt.rs",
            "use crate::node::Connection as C;",
        ),
        (
            "src/gateway/attempt.rs",
            "tokio::net::TcpStream::connect(address)",
        ),
    ];
    let accepted = [
        (
            home,
            "Connection::open(address, within); node::take(address, now)",
        ),
        (
            "src/gateway/exchange.rs",
            "fn f(connection: node::Connection) { node.open() }",
        ),
        (
            "src/wire/guard.rs",
            "mem::take(buffer); connection.take_head()",
        ),
        (
            "src/server/idle_nodes.rs",
            "mod tests { use crate::node::take; }",
        ),
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
