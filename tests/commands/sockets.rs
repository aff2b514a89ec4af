//! Unix sockets: to listen on, and to reach nodes by.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use countersign::embedded::{Node, NodeOptions};
use countersign::socket_address::SocketAddress;

use super::signed;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::refusal::assert_refused;
use support::signer::{Request, Word};

fn listening(node: &str, socket: &Path) -> Config {
    let address = format!("[[listener]]\naddress = \"unix:{}\"", socket.display());
    Config::new(node).section("listener", &address)
}

#[test]
fn a_listener_on_a_socket_serves_its_owner_and_its_group() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("s3.sock");
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::start(&listening(node.address(), &socket));
    assert_eq!(gateway.address(), format!("unix:{}", socket.display()));
    let metadata = std::fs::metadata(&socket).expect("the socket");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    let mut connection = gateway.connect();
    assert_eq!(
        connection
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        200
    );
    let unsigned = connection.exchange(&Request::new(Word::Aws, "GET", "/bucket01/key"));
    assert_refused("unsigned", &unsigned, 403, "AccessDenied");
    assert_eq!(
        connection
            .exchange(&signed(Word::Wos, "PUT", "/bucket01/key").body("hello"))
            .status,
        200
    );
    assert!(gateway.await_log("outcome=refused").contains(" peer=unix "));
    // There is no address to tell the node.
    assert!(
        node.requests()
            .iter()
            .all(|request| request.header("x-forwarded-for").is_none())
    );
    let (status, _) = gateway.stop();
    assert!(status.success() && !socket.exists());
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("s3.sock");
    let node = Rec::start(Answer::Ok);
    drop(UnixListener::bind(&socket).expect("a free path"));
    assert!(socket.exists());
    let gateway = Gateway::start(&listening(node.address(), &socket));
    assert_eq!(
        gateway
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        200
    );
    // A gateway that was killed leaves its socket behind, and the next one takes its place.
    drop(gateway);
    assert!(socket.exists());
    let gateway = Gateway::start(&listening(node.address(), &socket));
    assert_eq!(
        gateway
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        200
    );
}

#[test]
fn a_socket_in_use_and_any_other_file_stay_as_they_are() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let node = Rec::start(Answer::Ok);
    let refused = |socket: &Path| {
        let (status, log) = Gateway::try_start(&listening(node.address(), socket))
            .err()
            .expect("a taken path");
        assert_eq!(status.code(), Some(1));
        let start = format!("cannot listen on unix:{}: ", socket.display());
        assert!(log.starts_with(&start) && log.lines().count() == 1, "{log}");
    };
    let socket = directory.path().join("s3.sock");
    let first = Gateway::start(&listening(node.address(), &socket));
    refused(&socket);
    assert_eq!(
        first
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        200
    );
    let file = directory.path().join("precious");
    std::fs::write(&file, "precious").expect("a writable directory");
    refused(&file);
    assert_eq!(
        std::fs::read_to_string(&file).expect("still there"),
        "precious"
    );
    let link = directory.path().join("link.sock");
    std::os::unix::fs::symlink(&file, &link).expect("a free path");
    refused(&link);
    assert!(link.is_symlink() && file.exists());
    refused(&directory.path().join("no/such/directory.sock"));
}

#[test]
fn nodes_are_reached_by_their_sockets() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("node.sock");
    let options = || NodeOptions {
        root: directory.path().join("data"),
        address: SocketAddress::Unix(socket.display().to_string()),
        auth: None,
        domains: Vec::new(),
    };
    let node = Node::start(options()).expect("a free path");
    node.create_bucket("bucket01")
        .expect("a writable directory");
    let address = format!("unix:{}", socket.display());
    let front = directory.path().join("front.sock");
    let gateway = Gateway::start(&listening(&address, &front));
    for round in 0..3 {
        let body = format!("round {round}");
        assert_eq!(
            gateway
                .exchange(&signed(Word::Aws, "PUT", "/bucket01/key").body(body.as_str()))
                .status,
            200
        );
        assert_eq!(
            gateway
                .exchange(&signed(Word::Wos, "GET", "/bucket01/key"))
                .text(),
            body
        );
    }
    gateway.await_metric(&format!(
        "countersign_node_connections_total{{node=\"{address}\",state=\"reused\"}} 5"
    ));
    // Without the node: the socket is there and nobody listens, then there is none.
    drop(node);
    assert!(UnixStream::connect(&socket).is_err());
    assert_refused(
        "no node",
        &gateway.exchange(&signed(Word::Aws, "GET", "/bucket01/key")),
        503,
        "ServiceUnavailable",
    );
    if socket.exists() {
        std::fs::remove_file(&socket).expect("a file of ours");
    }
    assert_refused(
        "no socket",
        &gateway.exchange(&signed(Word::Aws, "GET", "/bucket01/key")),
        503,
        "ServiceUnavailable",
    );
    let _node = Node::start(options()).expect("a free path");
    assert_eq!(
        gateway
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .text(),
        "round 2"
    );
}
