//! E1 at a store that resolves paths: the embedded node.

use countersign::embedded::{Node, NodeOptions};

use crate::scene::{BUCKET, Placement, Style};
use support::gateway::Gateway;
use support::signer::{DOMAIN, Request, Word};
use support::wire::Connection;

/// The embedded node keeps keys as paths of files: whatever reaches it is resolved.
#[test]
fn e1_a_store_of_files_keeps_each_key_in_its_bucket() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(NodeOptions {
        root: root.path().into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth: None,
        domains: vec![DOMAIN.into()],
    });
    let node = node.expect("a free port");
    for bucket in [BUCKET, "bucket02"] {
        node.create_bucket(bucket).expect("a writable directory");
    }
    let gateway = Gateway::in_front_of(node.address());
    let mut connection = gateway.connect();
    let mut ask = |style: Style, method, key: &str, body: &str| {
        let request = style.request(Word::Aws, method, key).body(body);
        connection.exchange(&Placement::Header.sign(request))
    };
    let kept = [
        "%252e%252e%252fbucket02%252fk",
        "..%255Cbucket02%255Ck",
        "...",
        "..a",
        "a..",
        "a%5Cb",
        "%3F",
    ];
    for style in Style::BOTH {
        for key in [
            "../bucket02/k",
            "%2e%2e/bucket02/k",
            "..%2fbucket02%2fk",
            "a/../../bucket02/k",
        ] {
            assert_eq!(ask(style, "PUT", key, "stray").status, 400, "{key}");
        }
        for key in kept {
            let stored = ask(style, "PUT", key, key);
            assert_eq!(stored.status, 200, "{key}: {}", stored.text());
        }
        for key in kept {
            assert_eq!(ask(style, "GET", key, "").text(), key);
        }
    }
    let mut node = Connection::open(node.address());
    let mut count = |bucket: &str| {
        let list = Request::new(Word::Aws, "GET", &format!("/{bucket}?list-type=2"));
        let listed = node.exchange(&list);
        listed.text().matches("<Contents>").count()
    };
    assert_eq!((count(BUCKET), count("bucket02")), (kept.len(), 0));
}
