//! The embedded storage node, asked over its socket: what the demo and the tests rely on, and each gap of `s3s-fs` that it
//! fills.
#![cfg(feature = "embedded")]

use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;

use countersign::embedded::{EmbeddedError, Node, NodeOptions};
use countersign::socket_address::SocketAddress;
use support::signer::{ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word, now};
use support::wire::{Connection, Response};
use tempfile::TempDir;
use tracing_subscriber::fmt::format::FmtSpan;

fn options(root: &Path) -> NodeOptions {
    NodeOptions {
        root: root.into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth: None,
        domains: vec![DOMAIN.into()],
    }
}

/// A node with the bucket `bucket01`, which serves unsigned requests.
fn node() -> (Node, TempDir) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(options(root.path())).expect("a free port");
    node.create_bucket("bucket01")
        .expect("a writable directory");
    (node, root)
}

fn request(method: &str, target: &str) -> Request {
    Request::new(Word::Aws, method, target)
}

fn code(response: &Response) -> (u16, String) {
    (
        response.status,
        response.element("Code").unwrap_or_default(),
    )
}

#[test]
fn an_object_is_stored_and_served_on_one_connection() {
    let (node, _root) = node();
    let mut connection = Connection::open(node.address());
    let stored = connection.exchange(
        &request("PUT", "/bucket01/a%20b%2B%25%C3%A9")
            .header("x-amz-meta-m", "v")
            .body("0123456789"),
    );
    assert_eq!(
        (stored.status, stored.header("etag")),
        (200, Some("\"781e5e245d69b566979b86e28d23f2c7\""))
    );
    let served = connection.exchange(&request("GET", "/bucket01/a%20b%2B%25%C3%A9"));
    assert_eq!(
        (
            served.status,
            served.text().as_str(),
            served.header("x-amz-meta-m")
        ),
        (200, "0123456789", Some("v"))
    );
    let range = connection
        .exchange(&request("GET", "/bucket01/a%20b%2B%25%C3%A9").header("Range", "bytes=2-4"));
    assert_eq!(
        (
            range.status,
            range.text().as_str(),
            range.header("content-range")
        ),
        (206, "234", Some("bytes 2-4/10"))
    );
    let head = connection.exchange(&request("HEAD", "/bucket01/a%20b%2B%25%C3%A9"));
    assert_eq!(
        (
            head.status,
            head.header("content-length"),
            head.header("etag")
        ),
        (200, Some("10"), stored.header("etag"))
    );
    let copied = connection.exchange(
        &request("PUT", "/bucket01/copy")
            .header("x-amz-copy-source", "/bucket01/a%20b%2B%25%C3%A9"),
    );
    assert_eq!(copied.status, 200);
    assert_eq!(
        connection
            .exchange(&request("GET", "/bucket01/copy"))
            .text(),
        "0123456789"
    );
    assert_eq!(
        connection
            .exchange(&request("DELETE", "/bucket01/copy"))
            .status,
        204
    );
    assert_eq!(
        code(&connection.exchange(&request("GET", "/bucket01/copy"))),
        (404, "NoSuchKey".into())
    );
}

#[test]
fn an_upload_is_listed_completed_or_aborted() {
    let (node, _root) = node();
    let mut connection = Connection::open(node.address());
    let begin = |connection: &mut Connection| {
        let begun = connection.exchange(&request("POST", "/bucket01/big%20key?uploads"));
        assert_eq!(begun.status, 200, "{}", begun.text());
        format!(
            "/bucket01/big%20key?uploadId={}",
            begun.element("UploadId").expect("an id")
        )
    };
    let upload = begin(&mut connection);
    let part = connection.exchange(&request("PUT", &format!("{upload}&partNumber=1")).body("part"));
    let etag = part.header("etag").expect("an ETag").to_owned();
    let parts = connection.exchange(&request("GET", &upload));
    assert_eq!(
        (parts.element("PartNumber"), parts.element("ETag")),
        (Some("1".into()), Some(etag.clone()))
    );
    let uploads = connection.exchange(&request("GET", "/bucket01?uploads&encoding-type=url"));
    assert_eq!(uploads.element("Key").as_deref(), Some("big%20key"));
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let completed = connection.exchange(&request("POST", &upload).body(list.clone()));
    assert_eq!(
        (completed.status, completed.element("Key").as_deref()),
        (200, Some("big key"))
    );
    assert_eq!(
        connection
            .exchange(&request("GET", "/bucket01/big%20key"))
            .text(),
        "part"
    );

    let aborted = begin(&mut connection);
    assert_eq!(
        connection.exchange(&request("DELETE", &aborted)).status,
        204
    );
    for late in [
        request("PUT", &format!("{aborted}&partNumber=1")).body("part"),
        request("GET", &aborted),
        request("POST", &aborted).body(list),
        request("DELETE", &aborted),
    ] {
        assert_eq!(
            code(&connection.exchange(&late)),
            (404, "NoSuchUpload".into()),
            "{} {}",
            late.method,
            late.target
        );
    }
    assert_eq!(
        connection
            .exchange(&request("GET", "/bucket01?uploads"))
            .element("Upload"),
        None
    );
}

#[test]
fn a_listing_has_etags_and_encodes_on_request() {
    let (node, _root) = node();
    let mut connection = Connection::open(node.address());
    for key in ["/bucket01/%2541%2B", "/bucket01/dir/x"] {
        assert_eq!(
            connection.exchange(&request("PUT", key).body("")).status,
            200
        );
    }
    for version in ["", "&list-type=2"] {
        let listing = connection.exchange(&request(
            "GET",
            &format!("/bucket01?delimiter=/&encoding-type=url{version}"),
        ));
        assert_eq!(listing.element("Key").as_deref(), Some("%2541%2B"));
        assert_eq!(
            listing.element("ETag").as_deref(),
            Some("\"d41d8cd98f00b204e9800998ecf8427e\"")
        );
        assert_eq!(
            listing.element("CommonPrefixes").as_deref(),
            Some("<Prefix>dir/</Prefix>")
        );
        let plain = connection.exchange(&request("GET", &format!("/bucket01?delimiter={version}")));
        assert_eq!(
            (
                plain.element("Key").as_deref(),
                plain.element("CommonPrefixes")
            ),
            (Some("%41+"), None)
        );
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let (node, _root) = node();
    let mut connection = Connection::open(node.address());
    assert_eq!(
        connection
            .exchange(&request("PUT", "/bucket01/dir/x").body("x"))
            .status,
        200
    );
    for (asked, expected) in [
        (request("GET", "/bucket01/dir"), "NoSuchKey"),
        (request("PUT", "/bucket02/x").body("x"), "NoSuchBucket"),
        (request("POST", "/bucket02/x?uploads"), "NoSuchBucket"),
        (request("GET", "/bucket02?list-type=2"), "NoSuchBucket"),
    ] {
        assert_eq!(
            code(&connection.exchange(&asked)),
            (404, expected.into()),
            "{} {}",
            asked.method,
            asked.target
        );
    }
    assert_eq!(
        connection
            .exchange(&request("HEAD", "/bucket01/dir"))
            .status,
        404
    );
    assert_eq!(
        code(&connection.exchange(&request("DELETE", "/bucket01"))),
        (409, "BucketNotEmpty".into())
    );
}

#[test]
fn the_host_names_the_bucket() {
    let (node, _root) = node();
    node.create_bucket("static.example.net")
        .expect("a writable directory");
    let mut connection = Connection::open(node.address());
    assert_eq!(
        connection
            .exchange(
                &request("PUT", "/k")
                    .virtual_host("bucket01")
                    .body("virtual")
            )
            .status,
        200
    );
    assert_eq!(
        connection.exchange(&request("GET", "/bucket01/k")).text(),
        "virtual"
    );
    assert_eq!(
        connection
            .exchange(
                &request("PUT", "/k")
                    .host("Static.example.net:8080")
                    .body("custom")
            )
            .status,
        200
    );
    assert_eq!(
        connection
            .exchange(&request("GET", "/static.example.net/k").host("localhost:80"))
            .text(),
        "custom"
    );
}

#[test]
fn a_node_with_keys_verifies_them_itself() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let auth = Some((ACCESS_KEY_ID.into(), SECRET_ACCESS_KEY.into()));
    let node = Node::start(NodeOptions {
        auth,
        ..options(root.path())
    })
    .expect("a free port");
    node.create_bucket("bucket01")
        .expect("a writable directory");
    let mut connection = Connection::open(node.address());
    let put = request("PUT", "/bucket01/k").date(&now()).body("signed");
    assert_eq!(connection.exchange(&put.clone().signed()).status, 200);
    assert_eq!(
        code(&connection.exchange(&put.clone().keys(ACCESS_KEY_ID, "another").signed())),
        (403, "SignatureDoesNotMatch".into())
    );
    assert_eq!(
        code(&connection.exchange(&put)),
        (403, "AccessDenied".into())
    );
}

#[test]
fn a_node_listens_on_a_unix_socket_and_leaves_nothing_behind() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let socket = root.path().join("node.sock");
    let address = SocketAddress::Unix(socket.display().to_string());
    let node = Node::start(NodeOptions {
        address,
        ..options(&root.path().join("data"))
    })
    .expect("a free path");
    assert_eq!(node.address(), format!("unix:{}", socket.display()));
    let mut connection = Connection::open(node.address());
    assert_eq!(connection.exchange(&request("GET", "/")).status, 200);
    drop(node);
    assert!(connection.closes());
    assert!(!socket.exists());
}

#[test]
fn a_request_in_flight_outlives_the_node() {
    let (node, root) = node();
    let mut connection = Connection::open(node.address());
    let put = request("PUT", "/bucket01/k")
        .header("Expect", "100-continue")
        .body("body")
        .bytes();
    connection.send(&put[..put.len() - 4]);
    assert_eq!(connection.receive().status, 100);
    let mut idle = Connection::open(node.address());
    assert_eq!(idle.exchange(&request("HEAD", "/bucket01")).status, 200);
    let stopping = std::thread::spawn(move || drop(node));
    assert!(idle.closes(), "an idle connection is closed at once");
    connection.send("body");
    assert_eq!(connection.receive().status, 200);
    assert!(connection.closes());
    stopping.join().expect("drop does not panic");
    assert_eq!(
        std::fs::read(root.path().join("bucket01/k")).expect("the object"),
        b"body"
    );
}

#[test]
fn errors_are_one_line_and_name_what_is_wrong() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound socket");
    let refused = Node::start(NodeOptions {
        address: SocketAddress::Tcp(address),
        ..options(root.path())
    });
    let message = refused.err().expect("a taken port").to_string();
    assert!(
        message.starts_with(&format!("storage node: cannot listen on {address}: ")),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);

    let file = root.path().join("file");
    std::fs::write(&file, "").expect("a writable directory");
    let refused = Node::start(options(&file))
        .err()
        .expect("a file is no directory");
    assert!(
        matches!(&refused, EmbeddedError::Root { root, .. } if *root == file),
        "{refused}"
    );

    let (node, _root) = node();
    let refused = node.create_bucket("b").expect_err("too short");
    assert!(matches!(refused, EmbeddedError::BucketName(name) if name == "b"));
}

/// Everything that was logged in this process.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().expect("writers do not panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_node_logs_nothing_of_its_requests() {
    let everything = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL);
    everything.with_writer(|| Logged).init();
    let (node, _root) = node();
    let mut connection = Connection::open(node.address());
    let signed = request("PUT", "/bucket01/k")
        .date(&now())
        .body("signed")
        .signed();
    assert_eq!(
        code(&connection.exchange(&signed)),
        (501, "NotImplemented".into())
    );
    assert_eq!(
        connection.exchange(&request("GET", "/bucket01?acl")).status,
        501
    );
    drop(node);
    tracing::info!("the end");
    let logged =
        String::from_utf8(LOGGED.lock().expect("writers do not panic").clone()).expect("UTF-8");
    assert_eq!(logged.lines().count(), 1, "{logged}");
}
