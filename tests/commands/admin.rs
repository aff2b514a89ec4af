//! The admin listener: metrics, health and readiness.

use std::os::unix::net::UnixListener;

use super::signed;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec, nobody};
use support::signer::{Request, Word, unix_time};
use support::wire::{Connection, SAFETY_NET};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The value of one series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}"))
        .parse()
        .expect("a number")
}

fn requests(dialect: &str, operation: &str, outcome: &str, version: &str) -> String {
    format!(
        "countersign_requests_total{{dialect=\"{dialect}\",operation=\"{operation}\",outcome=\"{outcome}\",version=\"{version}\"}}"
    )
}

#[test]
fn the_metrics_count_what_has_happened() {
    let (node, absent) = (Rec::start(Answer::raw(ANSWER)), nobody());
    let config = Config::new(node.address());
    let cluster = config.text_of("cluster").replace(
        &format!("\"{}\"", node.address()),
        &format!("\"{}\", \"{absent}\"", node.address()),
    );
    let gateway = Gateway::start(&config.section("cluster", &cluster));
    let mut connection = gateway.connect();
    for word in Word::BOTH {
        for _ in 0..2 {
            assert_eq!(
                connection
                    .exchange(&signed(word, "GET", "/bucket01/key"))
                    .status,
                200
            );
        }
    }
    assert_eq!(
        connection
            .exchange(&signed(Word::Aws, "PUT", "/bucket01/key").body("0123456789"))
            .status,
        200
    );
    let presigned = Request::new(Word::Aws, "DELETE", "/bucket01/key").presigned(unix_time(60));
    assert_eq!(connection.exchange(&presigned).status, 200);
    assert_eq!(
        connection
            .exchange(&Request::new(Word::Aws, "GET", "/bucket01/key"))
            .status,
        403
    );
    let mut wrong = signed(Word::Wos, "GET", "/bucket01/key");
    wrong.method = "HEAD".into();
    assert_eq!(connection.exchange(&wrong).status, 403);
    let mut broken = gateway.connect();
    broken.send("no request\r\n\r\n");
    assert_eq!(broken.receive().status, 400);
    assert!(broken.closes());
    gateway.signal("HUP");
    gateway.await_metric("countersign_reloads_total{outcome=\"applied\"} 1");
    gateway.await_metric(&format!(
        "{} 1",
        requests("wos", "HeadObject", "refused", "v2")
    ));
    gateway.await_metric("countersign_connections 1");

    let response = gateway.admin_get("/metrics");
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("text/plain; version=0.0.4"))
    );
    let metrics = response.text();
    let families: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("# "))
        .collect();
    let golden: Vec<&str> = include_str!("../golden/metrics.txt").lines().collect();
    assert_eq!(families, golden);

    let expect = |series: &str, wanted: f64| {
        assert_eq!(value(&metrics, series), wanted, "{series}\n{metrics}")
    };
    expect(
        &format!(
            "countersign_build_info{{version=\"{}\"}}",
            env!("CARGO_PKG_VERSION")
        ),
        1.0,
    );
    expect(&requests("aws", "GetObject", "forwarded", "v2"), 2.0);
    expect(&requests("wos", "GetObject", "forwarded", "v2"), 2.0);
    expect(&requests("aws", "PutObject", "forwarded", "v2"), 1.0);
    expect(&requests("aws", "DeleteObject", "forwarded", "v2"), 1.0);
    expect(&requests("none", "GetObject", "refused", "none"), 1.0);
    expect(&requests("none", "Unknown", "refused", "none"), 1.0);
    let all: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("countersign_requests_total{"))
        .map(|line| value(line, line.rsplit_once(' ').expect("a value").0))
        .sum();
    assert_eq!(all, 9.0, "{metrics}");
    for (code, reason) in [
        ("AccessDenied", "NotSigned"),
        ("SignatureDoesNotMatch", "SignatureMismatch"),
        ("InvalidRequest", "WireRequestLine"),
    ] {
        expect(
            &format!("countersign_refusals_total{{code=\"{code}\",reason=\"{reason}\"}}"),
            1.0,
        );
    }
    expect("countersign_received_bytes_total", 10.0);
    let refusals = value(&metrics, "countersign_sent_bytes_total") - 6.0 * 5.0;
    assert!(refusals > 100.0, "one document of a refusal: {refusals}");
    expect("countersign_requests_in_flight", 0.0);
    expect("countersign_log_lines_dropped_total", 0.0);
    assert!(value(&metrics, "countersign_log_waiting_bytes") >= 0.0);
    for (family, count) in [("request", 9.0), ("verification", 8.0), ("node", 6.0)] {
        expect(
            &format!("countersign_{family}_duration_seconds_count"),
            count,
        );
        expect(
            &format!("countersign_{family}_duration_seconds_bucket{{le=\"+Inf\"}}"),
            count,
        );
        assert!(
            value(
                &metrics,
                &format!("countersign_{family}_duration_seconds_sum")
            ) > 0.0
        );
    }
    // Of six requests every other one asks the absent node first.
    expect(
        &format!("countersign_node_failures_total{{node=\"{absent}\"}}"),
        3.0,
    );
    expect(
        &format!(
            "countersign_node_connections_total{{node=\"{}\",state=\"new\"}}",
            node.address()
        ),
        1.0,
    );
    expect(
        &format!(
            "countersign_node_connections_total{{node=\"{}\",state=\"reused\"}}",
            node.address()
        ),
        5.0,
    );
}

#[test]
fn d_the_admin_listener_tells_what_there_is_and_nothing_else() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let admin = gateway.admin().to_owned();
    let ask = |method: &str, path: &str| {
        let request = Request::new(Word::Aws, method, path);
        let mut connection = Connection::open(&admin);
        let response = connection.exchange(&request);
        assert!(connection.closes(), "{method} {path}: one request each");
        response
    };
    for (path, start) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/healthz?x=1", "ok\n"),
        ("/metrics", "# HELP countersign_"),
        ("/", "/metrics  the metrics"),
    ] {
        let response = ask("GET", path);
        assert_eq!(response.status, 200, "{path}");
        assert!(response.text().starts_with(start), "{}", response.text());
        let head = ask("HEAD", path);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), response.header("content-type"));
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        // The metrics grow from one look to the next.
        assert!(length > 0 && (path == "/metrics" || length == response.body.len()));
        let options = ask("OPTIONS", path);
        assert_eq!((options.status, options.body.len()), (200, 0), "{path}");
        assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let refused = ask(method, path);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    let told = ask("GET", "/").text();
    let paths: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(paths, ["/metrics", "/healthz", "/readyz"]);
    for path in [
        "/metric",
        "/metrics/",
        "//metrics",
        "/status",
        "/bucket01/key",
        "/readyz/..",
        "/HEALTHZ",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let response = ask(method, path);
            assert_eq!(
                (response.status, response.text().as_str()),
                (404, "not found\n"),
                "{method} {path}"
            );
        }
    }
    // A body that nobody asked for does not cost the answer.
    let posted = Request::new(Word::Aws, "POST", "/metrics").body(vec![b'x'; 100_000]);
    assert_eq!(Connection::open(&admin).exchange(&posted).status, 405);
    // A signature opens no door here, nor is this a way to the nodes.
    assert_eq!(
        Connection::open(&admin)
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        404
    );
    node.assert_untouched();
    // And the listener tells nothing of this.
    let metrics = gateway.exchange(&signed(Word::Aws, "GET", "/metrics"));
    assert_eq!(
        (metrics.status, metrics.text().contains("countersign_")),
        (200, false)
    );
}

fn ready(gateway: &Gateway) -> (u16, String) {
    ready_at(gateway.admin())
}

fn ready_at(admin: &str) -> (u16, String) {
    let response = Connection::open(admin).exchange(&Request::new(Word::Aws, "GET", "/readyz"));
    (response.status, response.text())
}

/// Asks until the answer is this one: it may be as old as a second.
fn await_ready(gateway: &Gateway, status: u16, text: &str) {
    let until = std::time::Instant::now() + SAFETY_NET;
    while ready(gateway) != (status, text.to_owned()) {
        assert!(std::time::Instant::now() < until, "not {status} {text:?}");
    }
}

#[test]
fn d_a_gateway_whose_nodes_are_gone_is_not_ready() {
    const GONE: &str = "no node can be reached\n";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("node.sock");
    let unix = format!("unix:{}", socket.display());
    let config = Config::new(&nobody());
    let cluster = config
        .text_of("cluster")
        .replace("nodes = [", &format!("nodes = [\"{unix}\", "));
    let gateway = Gateway::start(&config.section("cluster", &cluster));
    assert_eq!(ready(&gateway), (503, GONE.into()));
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    // The second of two nodes is there: a connection is enough.
    let node = UnixListener::bind(&socket).expect("a directory of ours");
    await_ready(&gateway, 200, "ready\n");
    drop(node);
    std::fs::remove_file(&socket).expect("a socket of ours");
    await_ready(&gateway, 503, GONE);
}

/// Requests that are served say as much as a connection, and one that fails says more than those before it.
#[test]
fn d_the_last_attempts_tell_whether_a_node_can_be_reached() {
    let node = Rec::start(Answer::raw(ANSWER));
    let gateway = Gateway::in_front_of(node.address());
    let request = signed(Word::Aws, "GET", "/bucket01/key");
    assert_eq!(gateway.exchange(&request).status, 200);
    gateway.await_metric("countersign_node_duration_seconds_count 1");
    let connections = node.connections();
    for _ in 0..20 {
        assert_eq!(ready(&gateway), (200, "ready\n".into()));
    }
    assert_eq!(
        node.connections(),
        connections,
        "a node is asked for nothing"
    );
}

/// However often it is asked, the nodes see a connection a second at most.
#[test]
fn d_readiness_does_not_multiply_what_the_nodes_see() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let (admin, started) = (gateway.admin(), std::time::Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(ready_at(admin), (200, "ready\n".into()));
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs() as usize + 1;
    assert!(node.connections() <= seconds, "{}", node.connections());
}

/// Who connects to the admin listener and says nothing, or not all of it, neither stays for ever nor keeps others out.
#[test]
fn l9_a_silent_connection_to_the_admin_listener_makes_room() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let mut silent: Vec<Connection> = (0..200)
        .map(|_| Connection::open(gateway.admin()))
        .collect();
    for connection in &mut silent {
        connection.send("GET /healthz HTTP/1.1\r\nHost:");
    }
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    // The first ones have made room, and the last ones have their deadline.
    for connection in silent.iter_mut().take(100) {
        assert!(connection.closes());
    }
    let last = silent.last_mut().expect("two hundred");
    assert!(last.closes());
}
