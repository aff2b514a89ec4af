//! The configuration read again on SIGHUP, while requests go on.

use std::sync::atomic::{AtomicBool, Ordering};

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{Request, Word, now};

const OTHER_SECRET: &str = "another/secret+of/the/same/access/key/id";

fn get(secret: &str) -> Request {
    Request::new(Word::Aws, "GET", "/bucket01/k")
        .keys("AKIAIOSFODNN7EXAMPLE", secret)
        .date(&now())
        .signed()
}

fn own() -> Request {
    get(support::signer::SECRET_ACCESS_KEY)
}

fn write(gateway: &Gateway, text: &str) {
    std::fs::write(gateway.directory().join("countersign.toml"), text).unwrap();
    gateway.signal("HUP");
}

/// K8: whatever is wrong with the new file, the old configuration stays, and the check stays on.
#[test]
fn k8_a_broken_configuration_leaves_the_old_one_in_use() {
    let rec = Rec::start(Answer::Ok);
    let config = Config::new(rec.address());
    let gateway = Gateway::start(&config);
    let whole = config.text();
    let broken = [
        String::new(),
        "garbage".into(),
        whole[..whole.len() / 2].to_owned(),
        whole.replace("[credentials]", "[credential]"),
        whole.replace("\"v2\"", "\"none\""),
        whole.replace("127.0.0.1:0", "127.0.0.1:1"),
        format!("{whole}\n[[listener]]\naddress = \"127.0.0.1:0\"\n"),
    ];
    for (count, text) in broken.iter().enumerate() {
        write(&gateway, text);
        let count = count + 1;
        let kept = format!("countersign_reloads_total{{outcome=\"kept\"}} {count}\n");
        gateway.await_metric(&kept);
        assert_eq!(gateway.exchange(&own()).status, 200, "{text}");
        rec.clear();
        assert_eq!(gateway.exchange(&get(OTHER_SECRET)).status, 403, "{text}");
        let unsigned = Request::new(Word::Aws, "GET", "/bucket01/k").date(&now());
        assert_eq!(gateway.exchange(&unsigned).status, 403, "{text}");
        rec.assert_untouched();
    }
    std::fs::remove_file(gateway.directory().join("countersign.toml")).unwrap();
    gateway.signal("HUP");
    gateway.await_metric("countersign_reloads_total{outcome=\"kept\"} 8\n");
    assert_eq!(gateway.exchange(&own()).status, 200);
    let log = gateway.log();
    assert!(log.contains("the old one stays"), "{log}");
    assert!(!log.contains(support::signer::SECRET_ACCESS_KEY));
}

#[test]
fn a_new_configuration_is_used_and_no_request_fails() {
    let (first, second) = (Rec::start(Answer::Ok), Rec::start(Answer::Ok));
    let config = Config::new(first.address());
    let gateway = Gateway::start(&config);
    let next = config.text().replace(first.address(), second.address());
    let done = AtomicBool::new(false);
    let mut connection = gateway.connect();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) && sent < 10_000 {
                assert_eq!(connection.exchange(&own()).status, 200);
                sent += 1;
            }
            sent
        });
        for (count, text) in [&next, &config.text(), &next].into_iter().enumerate() {
            write(&gateway, text);
            let applied = format!(
                "countersign_reloads_total{{outcome=\"applied\"}} {}\n",
                count + 1
            );
            gateway.await_metric(&applied);
        }
        done.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
    });
    first.clear();
    second.clear();
    assert_eq!(gateway.exchange(&own()).status, 200);
    first.assert_untouched();
    second.await_requests(1);
}

#[test]
fn a_key_that_is_taken_away_is_good_no_more() {
    let rec = Rec::start(Answer::Ok);
    let config = Config::new(rec.address());
    let gateway = Gateway::start(&config);
    let mut connection = gateway.connect();
    assert_eq!(connection.exchange(&own()).status, 200);
    let next = config
        .text()
        .replace(support::signer::SECRET_ACCESS_KEY, OTHER_SECRET);
    write(&gateway, &next);
    gateway.await_metric("countersign_reloads_total{outcome=\"applied\"} 1\n");
    assert_eq!(connection.exchange(&own()).status, 403);
    assert_eq!(connection.exchange(&get(OTHER_SECRET)).status, 200);
}

/// What is read again and cannot be used yet is named; the rest is used.
#[test]
fn a_change_that_takes_a_restart_is_told() {
    let rec = Rec::start(Answer::Ok);
    let config = Config::new(rec.address());
    let gateway = Gateway::start(&config);
    let next = config
        .clone()
        .line("server", "threads = 2")
        .section("log", "[log]\nlevel = \"info\"\nformat = \"json\"\n")
        .line("cluster", "upstream_keepalive = 7");
    // No table of another name has this one's "threads".
    let next = next.text().replace("threads = 1\n", "");
    write(
        &gateway,
        &next.replace(support::signer::SECRET_ACCESS_KEY, OTHER_SECRET),
    );
    let line = gateway.await_log("only after a restart");
    assert!(
        line.contains("server, log, cluster.upstream_keepalive"),
        "{line}"
    );
    gateway.await_metric("countersign_reloads_total{outcome=\"applied\"} 1\n");
    assert_eq!(gateway.exchange(&get(OTHER_SECRET)).status, 200);
    write(&gateway, &config.text());
    gateway.await_metric("countersign_reloads_total{outcome=\"applied\"} 2\n");
    assert_eq!(gateway.log().matches("only after a restart").count(), 1);
}
