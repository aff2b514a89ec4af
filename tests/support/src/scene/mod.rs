//! A gateway in front of the recording node, and a client with methods for the expected outcome of a request.
//!
//! [`Scene::refuses`] and similar methods work for everything that can be sent. What is served is checked by its kind: a
//! request ([`Scene::passes`]), an upload ([`Scene::commits`]), a form ([`Scene::stores`]).

mod forms;
mod requests;
mod sent;
mod uploads;

use std::sync::{Mutex, PoisonError};

pub use requests::raw_values;
pub use sent::Sent;

use crate::gateway::{Config, Gateway};
use crate::rec::{Answer, CLOSING_OK, Rec, Recorded};
use crate::refusal::{Refused, assert_refused, assert_refused_head, shown, unescape};
use crate::signer::{DOMAIN, Request, Word, encode, now};
use crate::wire::{Connection, Response};

/// The forward mode of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    Trusted,
    Passthrough,
}

impl Forward {
    pub const BOTH: [Self; 2] = [Self::Trusted, Self::Passthrough];

    /// The section `[[cluster]]` with this node.
    pub fn cluster(self, node: &str) -> String {
        let forward = match self {
            Self::Trusted => "trusted",
            Self::Passthrough => "passthrough",
        };
        format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"aws\"\nnodes = [\"{node}\"]\nforward = \"{forward}\"\n"
        )
    }
}

/// A section `[[listener]]` for both dialects, with further lines.
pub fn listener(lines: &str) -> String {
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\ndomains = [\"{DOMAIN}\"]\ndialects = [\"aws\", \"wos\"]\n{lines}\n"
    )
}

/// A gateway whose only node is REC.
pub struct Scene {
    pub rec: Rec,
    pub gateway: Gateway,
    /// The forward mode, unless the change of the configuration sets another one.
    pub forward: Forward,
    /// The request that must be served after a refusal. Its date and signature are added when it is sent.
    pub next: Request,
    takes_v2: bool,
    keeps: bool,
    /// The client's connection between two requests. The first request opens it: opened earlier, it could reach the idle
    /// timeout while other scenes run.
    kept: Mutex<Option<Connection>>,
}

impl Scene {
    /// With the default configuration, in front of a node that responds with `200 OK`.
    pub fn new(forward: Forward) -> Self {
        Self::configured(forward, |config| config)
    }

    /// A scene for each forward mode.
    pub fn both() -> [Self; 2] {
        Forward::BOTH.map(Self::new)
    }

    /// The same, with a change of the configuration.
    pub fn configured(forward: Forward, change: impl FnOnce(Config) -> Config) -> Self {
        Self::with(forward, Rec::start(Answer::Ok), change)
    }

    /// In front of a node that closes each connection after its response, so that a test can wait for the end of every message
    /// to the node: see [`Rec::await_settled`].
    pub fn closing(forward: Forward) -> Self {
        Self::in_front_of(forward, Rec::start(Answer::raw(CLOSING_OK)))
    }

    /// Such a scene for each forward mode.
    pub fn both_closing() -> [Self; 2] {
        Forward::BOTH.map(Self::closing)
    }

    /// In front of this node.
    pub fn in_front_of(forward: Forward, rec: Rec) -> Self {
        Self::with(forward, rec, |config| config)
    }

    /// In front of this node, with a change of the configuration.
    pub fn with(forward: Forward, rec: Rec, change: impl FnOnce(Config) -> Config) -> Self {
        let cluster = forward.cluster(rec.address());
        let config = change(Config::new(rec.address()).section("cluster", &cluster));
        Self {
            gateway: Gateway::start(&config),
            takes_v2: config.text_of("signature").contains("\"v2\""),
            rec,
            forward,
            next: Request::new(Word::Aws, "GET", "/bucket01/probe"),
            keeps: false,
            kept: Mutex::default(),
        }
    }

    /// Reuses the client's connection until the gateway closes it. Otherwise each request has a new connection.
    pub fn on_one_connection(mut self) -> Self {
        self.keeps = true;
        self
    }

    fn connection(&self) -> Connection {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take().unwrap_or_else(|| self.gateway.connect())
    }

    /// Asserts that the gateway closes the connection if its response says so, and else keeps it if it is to be reused.
    fn leave(&self, mut connection: Connection, response: &Response, case: &str) {
        if says_close(response) {
            assert!(connection.closes(), "{case}: the connection stays open");
        } else if self.keeps {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(connection);
        }
    }

    /// The text that a failure of this case is printed with.
    fn case(&self, sent: &Sent) -> String {
        format!("{:?}, {}", self.forward, sent.shown())
    }

    /// Sends a request and returns the response, without a check.
    pub fn send(&self, sent: impl Into<Sent>) -> Response {
        let sent = sent.into();
        let mut connection = self.connection();
        let response = self.answer(&mut connection, &sent);
        self.leave(connection, &response, &self.case(&sent));
        response
    }

    fn answer(&self, connection: &mut Connection, sent: &Sent) -> Response {
        connection.send(&sent.bytes);
        let received = connection.try_receive(sent.method());
        received.unwrap_or_else(|error| panic!("{}: {error}", self.case(sent)))
    }

    /// Asserts that a request is served, and returns what REC recorded.
    pub fn serves(&self, sent: impl Into<Sent>) -> Recorded {
        let sent = sent.into();
        let response = self.send(sent.clone());
        let case = self.case(&sent);
        assert_eq!(response.status, 200, "{case}\n{}", response.text());
        let mut seen = self.rec.requests();
        assert_eq!(seen.len(), 1, "{case}");
        self.rec.clear();
        seen.remove(0)
    }

    /// Asserts that the gateway serves a request on a new connection. What REC recorded before is ignored.
    pub fn still_serves(&self) {
        assert_eq!(self.gateway.exchange(&self.next()).status, 200);
    }

    /// Asserts that a request is refused: this status and code, no byte at the node, no secret in the response; then the
    /// connection serves another request or closes.
    pub fn refuses(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        self.refused(self.connection(), &sent.into(), status, code)
    }

    /// The same, with the message of the response.
    pub fn refuses_with(&self, sent: impl Into<Sent>, expected: Refused) -> Response {
        self.refused_with(self.connection(), &sent.into(), expected)
    }

    /// The same, at this listener.
    pub fn refuses_at(
        &self,
        listener: usize,
        sent: impl Into<Sent>,
        expected: Refused,
    ) -> Response {
        let connection = Connection::open(&self.gateway.listeners()[listener]);
        self.refused_with(connection, &sent.into(), expected)
    }

    /// Asserts that a request is refused, and that the connection closes after the response.
    pub fn refuses_and_closes(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        let sent = sent.into();
        let mut connection = self.connection();
        let response = self.answer(&mut connection, &sent);
        self.judge(&sent, &response, status, code);
        let case = self.case(&sent);
        assert!(connection.closes(), "{case}: more than one answer");
        self.rec.assert_untouched();
        response
    }

    /// Asserts that a request is refused, and that the next request on the connection is served.
    pub fn refuses_and_goes_on(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        let sent = sent.into();
        let response = self.refused(self.connection(), &sent, status, code);
        assert!(!says_close(&response), "{}", self.case(&sent));
        response
    }

    /// Asserts that a request is refused and never complete at the node, which may have got the beginning. Then the connection
    /// closes or serves another request. REC must close after its responses, as in [`Scene::closing`].
    pub fn never_completes(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        let sent = sent.into();
        let mut connection = self.connection();
        let response = self.answer(&mut connection, &sent);
        self.judge(&sent, &response, status, code);
        self.rec.assert_nothing_complete(&self.case(&sent));
        self.rec.clear();
        self.goes_on(connection, &response, &self.case(&sent));
        response
    }

    /// Asserts that a request is refused while it is forwarded: the node got the beginning of a message, but not the end.
    pub fn breaks_off(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        let sent = sent.into();
        let before = self.rec.connections();
        let response = self.send(sent.clone());
        self.judge(&sent, &response, status, code);
        self.rec.await_closed(before + 1);
        let whole = self.rec.requests();
        assert!(whole.is_empty(), "{}: {whole:?}", self.case(&sent));
        self.rec.clear();
        response
    }

    fn refused_with(&self, connection: Connection, sent: &Sent, expected: Refused) -> Response {
        let Refused(status, code, message) = expected;
        let response = self.refused(connection, sent, status, code);
        if sent.method() != "HEAD" {
            let said = response.element("Message").map(|text| unescape(&text));
            assert_eq!(said.as_deref(), Some(message), "{}", self.case(sent));
        }
        response
    }

    fn refused(
        &self,
        mut connection: Connection,
        sent: &Sent,
        status: u16,
        code: &str,
    ) -> Response {
        let response = self.answer(&mut connection, sent);
        self.judge(sent, &response, status, code);
        self.rec.assert_untouched();
        self.goes_on(connection, &response, &self.case(sent));
        response
    }

    /// The checks that hold for the response of every refusal.
    fn judge(&self, sent: &Sent, response: &Response, status: u16, code: &str) {
        let case = self.case(sent);
        if sent.method() == "HEAD" {
            assert_refused_head(&case, response, status);
            assert_eq!(response.text(), "", "{case}");
        } else {
            assert_refused(&case, response, status, code);
        }
        if let Some(right) = &sent.right {
            let told = shown(response);
            let betrayed = [right, &encode(right)].map(|text| told.contains(text.as_str()));
            assert_eq!(betrayed, [false; 2], "the signature in\n{told}\n{case}");
        }
    }

    /// Asserts that the next request is the only one that the node gets: on this connection, unless the response closes it.
    fn goes_on(&self, connection: Connection, response: &Response, case: &str) {
        let mut connection = match says_close(response) {
            true => {
                self.leave(connection, response, case);
                if !self.keeps {
                    return;
                }
                self.gateway.connect()
            }
            false => connection,
        };
        let next = self.next();
        let answered = connection.exchange(&next);
        let told = answered.text();
        assert_eq!(
            answered.status, 200,
            "the next request after {case}\n{told}"
        );
        let seen = self.only_request(case);
        assert_eq!(seen.target(), next.target, "after {case}");
        self.rec.clear();
        self.leave(connection, &answered, case);
    }

    /// The field `next`, with its date and signature.
    pub fn next(&self) -> Request {
        match self.takes_v2 {
            true => self.next.clone().date(&now()).signed(),
            false => self.next.clone().signed_v4(),
        }
    }

    /// The request that REC recorded; asserts that there is nothing else.
    fn only_request(&self, case: &str) -> Recorded {
        let mut requests = self.rec.await_requests(1);
        assert_eq!(requests.len(), 1, "{case}: {requests:?}");
        let recorded = requests.remove(0);
        let whole = [recorded.head.raw.clone(), recorded.body.clone()].concat();
        assert_eq!(self.rec.bytes(), whole, "{case}");
        recorded
    }
}

fn says_close(response: &Response) -> bool {
    let connection = response.header("connection");
    connection.is_some_and(|value| value.eq_ignore_ascii_case("close"))
}
