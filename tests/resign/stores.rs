//! A store that accepts only signatures of its own key: the embedded node, which verifies AWS's two versions.

use countersign::embedded::{Node, NodeOptions};

use crate::scene::{
    Addressing, BUCKET, NODE_DOMAIN, NODE_KEY, NODE_SECRET, SignWith, both_versions,
};
use support::gateway::{Config, Gateway};
use support::signer::{Request, Word, now, unix_time};
use support::wire::{Connection, Response};

/// How a client signs.
#[derive(Clone, Copy, Debug)]
enum Client {
    V2Header,
    V2Query,
    V4Header,
    V4Query,
}

/// A node with a key, and the gateway that has it.
struct Store {
    node: Node,
    gateway: Gateway,
    _root: tempfile::TempDir,
}

impl Store {
    fn new(sign_with: SignWith, addressing: Addressing) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let node = Node::start(NodeOptions {
            root: root.path().into(),
            address: "127.0.0.1:0".parse().expect("an address"),
            auth: Some((NODE_KEY.into(), NODE_SECRET.into())),
            domains: vec![NODE_DOMAIN.into(), support::signer::DOMAIN.into()],
        })
        .expect("a free port");
        node.create_bucket(BUCKET).expect("a writable directory");
        let lines = addressing.lines();
        let cluster = sign_with.cluster(node.address(), &lines);
        let config = both_versions(Config::new(node.address())).section("cluster", &cluster);
        Self {
            gateway: Gateway::start(&config),
            node,
            _root: root,
        }
    }

    fn ask(&self, request: Request, client: Client) -> Response {
        let request = match client {
            Client::V2Header => request.date(&now()).signed(),
            Client::V2Query => request.presigned(unix_time(600)),
            Client::V4Header => request.signed_v4(),
            Client::V4Query => request.presigned_v4(600),
        };
        let response = self.gateway.exchange(&request);
        let told = response.text();
        assert!(
            response.status < 300,
            "{} {}: {told}",
            request.method,
            request.target
        );
        response
    }
}

#[test]
fn every_client_keeps_objects_at_a_node_that_wants_the_gateways_signature() {
    let in_chunks = SignWith {
        payload: "signed-chunks",
        ..SignWith::AWS_V4
    };
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[1], in_chunks] {
        for addressing in Addressing::ALL {
            let store = Store::new(sign_with, addressing);
            // The client's own signature is worth nothing there.
            let own = Request::new(Word::Aws, "GET", "/bucket01/")
                .date(&now())
                .signed();
            assert_eq!(
                Connection::open(store.node.address()).exchange(&own).status,
                403
            );
            for word in Word::BOTH {
                for client in [
                    Client::V2Header,
                    Client::V2Query,
                    Client::V4Header,
                    Client::V4Query,
                ] {
                    life(&store, word, client);
                }
            }
        }
    }
}

/// Put, get, head, list, copy, a multipart upload, delete.
fn life(store: &Store, word: Word, client: Client) {
    let prefix = word.header_prefix();
    let to = |method, rest: &str| Request::new(word, method, &format!("/{BUCKET}{rest}"));
    let in_host = |method, rest: &str| Request::new(word, method, rest).virtual_host(BUCKET);
    let ask = |request| store.ask(request, client);
    let key = "/a%20k%2B%C3%A9%2A~";
    let put = to("PUT", key)
        .header("Content-Type", "text/x-test")
        .header(&format!("{prefix}meta-m"), "v")
        .body("0123456789");
    ask(put);
    let got = ask(in_host("GET", "/a%20k%2B%c3%a9%2A%7E"));
    assert_eq!(got.text(), "0123456789");
    assert_eq!(got.header("content-type"), Some("text/x-test"));
    assert_eq!(got.header(&format!("{prefix}meta-m")), Some("v"));
    let range = ask(to("GET", key).header("Range", "bytes=2-4"));
    assert_eq!((range.status, range.text().as_str()), (206, "234"));
    assert_eq!(
        ask(in_host("HEAD", key)).header("content-length"),
        Some("10")
    );
    let listed = ask(to("GET", "?list-type=2&prefix=a%20k")).text();
    assert_eq!(listed.matches("<Contents>").count(), 1, "{listed}");
    let source = format!("/{BUCKET}{key}");
    let copied = ask(to("PUT", "/copy").header(&format!("{prefix}copy-source"), &source));
    assert!(
        copied.text().contains("<CopyObjectResult"),
        "{}",
        copied.text()
    );
    assert_eq!(ask(to("GET", "/copy")).text(), "0123456789");
    let begun = ask(to("POST", "/parts?uploads="));
    let upload = begun.element("UploadId").expect("an id");
    // All but the last part have 5 MiB, which takes a while: one client of each version sends two.
    let contents = match (word, client) {
        (Word::Aws, Client::V2Header | Client::V4Header) => {
            vec![vec![b'a'; 5 << 20], b"end".to_vec()]
        }
        _ => vec![b"end".to_vec()],
    };
    let parts: Vec<(Vec<u8>, String)> = contents
        .into_iter()
        .enumerate()
        .map(|(at, part)| {
            let target = format!("/parts?partNumber={}&uploadId={upload}", at + 1);
            let stored = ask(to("PUT", &target).body(part.clone()));
            (part, stored.header("etag").expect("an ETag").to_owned())
        })
        .collect();
    let list: String = parts
        .iter()
        .enumerate()
        .map(|(at, (_, etag))| {
            format!(
                "<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>",
                at + 1
            )
        })
        .collect();
    let complete = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    ask(to("POST", &format!("/parts?uploadId={upload}")).body(complete));
    let whole: Vec<u8> = parts.into_iter().flat_map(|(part, _)| part).collect();
    assert!(ask(to("GET", "/parts")).body == whole);
    for key in [key, "/copy", "/parts"] {
        ask(to("DELETE", key));
    }
    let listed = ask(to("GET", "?list-type=2")).text();
    assert!(!listed.contains("<Contents>"), "{listed}");
}

/// A wrong key of the gateway's is the operator's affair, at a real store too.
#[test]
fn a_store_that_does_not_know_the_gateway_is_not_the_clients_fault() {
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[1]] {
        let root = tempfile::tempdir().expect("a temporary directory");
        let node = Node::start(NodeOptions {
            root: root.path().into(),
            address: "127.0.0.1:0".parse().expect("an address"),
            auth: Some((NODE_KEY.into(), "another secret".into())),
            domains: Vec::new(),
        })
        .expect("a free port");
        let cluster = sign_with.cluster(node.address(), "");
        let config = both_versions(Config::new(node.address())).section("cluster", &cluster);
        let gateway = Gateway::start(&config);
        let request = Request::new(Word::Aws, "GET", "/bucket01/k").signed_v4();
        let response = gateway.exchange(&request);
        assert_eq!(response.status, 403);
        assert_eq!(response.element("Code").as_deref(), Some("AccessDenied"));
        gateway.await_log("code=\"SignatureDoesNotMatch\"");
    }
}
