//! The admin listener: metrics, health and readiness.

use super::signed;
use super::support::gateway::{Config, Gateway};
use super::support::rec::{Answer, Rec, nobody};
use super::support::signer::{Request, Word, unix_time};
use super::support::wire::Connection;

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
    for (code, count) in [
        ("AccessDenied", 1.0),
        ("SignatureDoesNotMatch", 1.0),
        ("InvalidRequest", 1.0),
    ] {
        expect(
            &format!("countersign_refusals_total{{code=\"{code}\"}}"),
            count,
        );
    }
    expect("countersign_received_bytes_total", 10.0);
    let refusals = value(&metrics, "countersign_sent_bytes_total") - 6.0 * 5.0;
    assert!(refusals > 100.0, "one document of a refusal: {refusals}");
    expect("countersign_requests_in_flight", 0.0);
    expect("countersign_log_lines_dropped_total", 0.0);
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
fn health_and_readiness_are_told_and_nothing_else() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    for (path, text) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/healthz?x=1", "ok\n"),
    ] {
        let response = gateway.admin_get(path);
        assert_eq!(
            (
                response.status,
                response.text().as_str(),
                response.header("content-type")
            ),
            (200, text, Some("text/plain"))
        );
    }
    for path in [
        "/",
        "/metric",
        "/metrics/",
        "//metrics",
        "/status",
        "/bucket01/key",
        "/readyz/..",
        "/HEALTHZ",
    ] {
        let response = gateway.admin_get(path);
        assert_eq!(
            (response.status, response.text().as_str()),
            (404, "not found\n"),
            "{path}"
        );
    }
    let admin = gateway.admin().to_owned();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request = Request::new(Word::Aws, method, "/metrics").header("Connection", "close");
        assert_eq!(
            Connection::open(&admin).exchange(&request).status,
            404,
            "{method}"
        );
    }
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
