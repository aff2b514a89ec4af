//! Threats from below the signature: framing, limits, methods, secrets in what is printed, and bytes that are no request.
//! Each test bears the name of its threat.

mod answers;
mod chunks;
mod connection;
mod crowds;
mod framing;
mod fuzz;
mod limits;
mod methods;
mod node;
mod reuse;
mod secrets;
mod signatures;
mod slow;
mod stalled_log;

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::refusal::assert_refused;
use support::signer::{Request, Word, now};
use support::wire::{Connection, Response};

/// A gateway in front of a recording node.
struct Site {
    rec: Rec,
    gateway: Gateway,
}

/// Both ways of forwarding a request.
const FORWARDS: [&str; 2] = ["trusted", "passthrough"];

impl Site {
    fn new() -> Self {
        Self::with(Rec::start(Answer::Ok), |config| config)
    }

    fn forwarding(forward: &str) -> Self {
        Self::with(Rec::start(Answer::Ok), |config| forwarding(config, forward))
    }

    fn with(rec: Rec, configure: impl FnOnce(Config) -> Config) -> Self {
        let gateway = Gateway::start(&configure(Config::new(rec.address())));
        Self { rec, gateway }
    }

    /// Sends bytes that must be refused, with the connection closed behind the answer and nothing at the node.
    fn refuses(&self, case: &str, bytes: impl AsRef<[u8]>, status: u16, code: &str) -> Response {
        let mut connection = self.gateway.connect();
        connection.send(bytes);
        let response = connection
            .try_receive("GET")
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_refused(case, &response, status, code);
        assert!(connection.closes(), "{case}: more than one answer");
        self.rec.assert_untouched();
        response
    }

    /// Sends a request that must be refused on a connection that goes on: the next request on it is served.
    fn refuses_and_goes_on(&self, case: &str, request: &Request, status: u16, code: &str) {
        let mut connection = self.gateway.connect();
        let response = connection.exchange(request);
        if request.method != "HEAD" {
            assert_refused(case, &response, status, code);
        }
        assert_eq!(response.status, status, "{case}");
        self.rec.assert_untouched();
        assert_eq!(
            connection.exchange(&get()).status,
            200,
            "{case}: the next request"
        );
        self.rec.await_requests(1);
        self.rec.clear();
    }

    /// Asserts that the gateway still serves on new connections.
    fn serves(&self) {
        assert_eq!(self.gateway.exchange(&get()).status, 200);
    }
}

fn forwarding(config: Config, forward: &str) -> Config {
    let cluster = config
        .text_of("cluster")
        .replace("\"trusted\"", &format!("\"{forward}\""));
    config.section("cluster", &cluster)
}

/// A request for an object, signed in its header.
fn get() -> Request {
    signed(Word::Aws, "GET", "/bucket01/key")
}

fn signed(word: Word, method: &str, target: &str) -> Request {
    Request::new(word, method, target).date(&now()).signed()
}

/// Sends bytes and gives the only answer, after which the connection is closed.
fn only_answer(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection: Connection = gateway.connect();
    connection.send(bytes);
    let response = connection.receive();
    assert!(connection.closes(), "more than one answer");
    response
}
