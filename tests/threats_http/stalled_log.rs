//! L6: whoever reads the log no more does not make the gateway grow.

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{Request, Word};

/// Documented in `docs/observing.md`.
const MAX_WAITING: u64 = 8 * 1024 * 1024;
const MAX_MEMORY: u64 = 16 * 1024 * 1024;
/// How many requests are sent: with lines as long as they can be, more than may wait.
const REQUESTS: usize = 1_000;

fn metric(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.admin_get("/metrics").text();
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .expect("a metric of this name")
        .parse()
        .expect("a number")
}

#[test]
fn l6_a_log_that_nobody_reads_takes_bounded_memory_and_loses_counted_lines() {
    for format in ["text", "json"] {
        let rec = Rec::start(Answer::Ok);
        let log = format!("[log]\nformat = \"{format}\"");
        let mut gateway = Gateway::start_unread(&Config::new(rec.address()).section("log", &log));
        let mut connection = gateway.connect();
        let target = format!(
            "/bucket01/{}?prefix={}",
            "k".repeat(7_000),
            "q".repeat(7_000)
        );
        let request = Request::new(Word::Aws, "GET", &target);
        // What requests alone take.
        for _ in 0..20 {
            assert_eq!(connection.exchange(&request).status, 403);
        }
        let before = gateway.peak_memory();
        for _ in 20..REQUESTS {
            assert_eq!(connection.exchange(&request).status, 403);
        }
        let grown = gateway.peak_memory() - before;
        assert!(grown <= MAX_MEMORY, "{grown} bytes for the log");
        println!("{format}: {grown} bytes more for a log that nobody reads");
        // The line comes behind the answer.
        gateway.await_metric("countersign_requests_in_flight 0");
        let waiting = metric(&gateway, "countersign_log_waiting_bytes");
        assert!(
            waiting > MAX_WAITING / 2 && waiting <= MAX_WAITING,
            "{waiting}"
        );
        let dropped = metric(&gateway, "countersign_log_lines_dropped_total") as usize;
        assert!(dropped > REQUESTS / 4, "{dropped}");
        // Once it is read, what waited comes out whole, and every line that is missing was counted.
        gateway.read_log();
        gateway.await_metric("countersign_log_waiting_bytes 0");
        let (status, log) = gateway.stop();
        assert!(status.success());
        let access: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("AccessDenied"))
            .collect();
        assert_eq!(access.len() + dropped, REQUESTS);
        for line in access {
            assert!(line.len() < 16 * 1024, "{}", line.len());
            for mark in ["k…(7010 bytes)", "k…(7000 bytes)", "q…(7007 bytes)"] {
                assert!(line.contains(mark), "{line}");
            }
        }
    }
}
