//! A gateway in front of the recording node, and a client that says what has to become of what it sends.
//!
//! [`Scene::refuses`] and its kin hold for whatever can be sent. What is served is judged by its kind: a request
//! ([`Scene::passes`]), an upload ([`Scene::commits`]), a form ([`Scene::stores`]).

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

/// How the cluster is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    Trusted,
    Passthrough,
}

impl Forward {
    pub const BOTH: [Self; 2] = [Self::Trusted, Self::Passthrough];

    /// The `[[cluster]]` of this node.
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

/// One `[[listener]]` for both dialects with further lines.
pub fn listener(lines: &str) -> String {
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\ndomains = [\"{DOMAIN}\"]\ndialects = [\"aws\", \"wos\"]\n{lines}\n"
    )
}

/// A gateway whose only node is REC.
pub struct Scene {
    pub rec: Rec,
    pub gateway: Gateway,
    /// Unless the change of the configuration says otherwise.
    pub forward: Forward,
    /// The request that must be served after a refusal; it is dated and signed when it is sent.
    pub next: Request,
    takes_v2: bool,
    keeps: bool,
    /// The client's connection between two messages. It is opened by the first one: a connection that waits for the scenes
    /// before it could be idle for too long.
    kept: Mutex<Option<Connection>>,
}

impl Scene {
    /// As configured by default, in front of a node that answers `200 OK`.
    pub fn new(forward: Forward) -> Self {
        Self::configured(forward, |config| config)
    }

    /// One for each forward mode.
    pub fn both() -> [Self; 2] {
        Forward::BOTH.map(Self::new)
    }

    /// With a change of the configuration.
    pub fn configured(forward: Forward, change: impl FnOnce(Config) -> Config) -> Self {
        Self::with(forward, Rec::start(Answer::Ok), change)
    }

    /// In front of a node that closes each connection behind its answer, so that the end of every message that it gets can
    /// be awaited: see [`Rec::await_settled`].
    pub fn closing(forward: Forward) -> Self {
        Self::in_front_of(forward, Rec::start(Answer::raw(CLOSING_OK)))
    }

    /// One of these for each forward mode.
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

    /// Keeps the client's connection as long as the gateway does. Otherwise each message has one of its own.
    pub fn on_one_connection(mut self) -> Self {
        self.keeps = true;
        self
    }

    fn connection(&self) -> Connection {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take().unwrap_or_else(|| self.gateway.connect())
    }

    /// The gateway closes the connection where it says so, and only there.
    fn leave(&self, mut connection: Connection, response: &Response, case: &str) {
        if says_close(response) {
            assert!(connection.closes(), "{case}: the connection stays open");
        } else if self.keeps {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(connection);
        }
    }

    /// How a failure of this case is headed.
    fn case(&self, sent: &Sent) -> String {
        format!("{:?}, {}", self.forward, sent.shown())
    }

    /// Sends it and gives the answer, whatever that is.
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

    /// It is served; gives what REC saw of it.
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

    /// The gateway still serves on new connections, whatever REC has seen before.
    pub fn still_serves(&self) {
        assert_eq!(self.gateway.exchange(&self.next()).status, 200);
    }

    /// It is refused as it must be: that status and code, not one byte at the node, no secret in the answer; and then the
    /// connection serves another request or ends.
    pub fn refuses(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        self.refused(self.connection(), &sent.into(), status, code)
    }

    /// The same with the message of the answer.
    pub fn refuses_with(&self, sent: impl Into<Sent>, expected: Refused) -> Response {
        self.refused_with(self.connection(), &sent.into(), expected)
    }

    /// The same at another listener than the first.
    pub fn refuses_at(
        &self,
        listener: usize,
        sent: impl Into<Sent>,
        expected: Refused,
    ) -> Response {
        let connection = Connection::open(&self.gateway.listeners()[listener]);
        self.refused_with(connection, &sent.into(), expected)
    }

    /// It is refused, and the connection closes behind the answer.
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

    /// It is refused, and the next request on the connection is served.
    pub fn refuses_and_goes_on(&self, sent: impl Into<Sent>, status: u16, code: &str) -> Response {
        let sent = sent.into();
        let response = self.refused(self.connection(), &sent, status, code);
        assert!(!says_close(&response), "{}", self.case(&sent));
        response
    }

    /// It is refused and is never whole at the node, which may have got the beginning. The connection then ends or serves
    /// on. REC has to close behind its answers, as in [`Scene::closing`].
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

    /// It is refused when it has been read: the node has got the beginning of a message, and not the end.
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

    /// What holds for the answer of every refusal.
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

    /// The next request is the next one that the node sees: on this connection, unless the answer closes it.
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

    /// A request of its own that is served.
    pub fn next(&self) -> Request {
        match self.takes_v2 {
            true => self.next.clone().date(&now()).signed(),
            false => self.next.clone().signed_v4(),
        }
    }

    /// The one request that REC has seen, and nothing else.
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
