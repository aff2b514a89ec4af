//! A gateway in front of the recording node, and what holds for every refusal.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::gateway::{Config, Gateway};
use crate::rec::{Answer, Rec, Recorded};
use crate::signer::{DOMAIN, Request, SECRET_ACCESS_KEY, Word, now};
use crate::wire::{Connection, Response};

/// Status, code and message of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a>(pub u16, pub &'a str, pub &'a str);

/// What the vendors print for a signature that differs.
pub fn mismatch(words: Word) -> Refused<'static> {
    let message = match words {
        Word::Aws => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        Word::Wos => {
            "The request signature we calculated does not match the signature you provided."
        }
    };
    Refused(403, "SignatureDoesNotMatch", message)
}

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
pub struct Deployment {
    pub rec: Rec,
    pub gateway: Gateway,
    pub forward: Forward,
    /// The request that must be served on a connection after a refusal; it is dated and signed when it is sent.
    pub next: Request,
}

impl Deployment {
    pub fn start(forward: Forward, change: impl Fn(Config) -> Config) -> Self {
        let rec = Rec::start(Answer::Ok);
        let config = Config::new(rec.address()).section("cluster", &forward.cluster(rec.address()));
        let gateway = Gateway::start(&change(config));
        Self {
            rec,
            gateway,
            forward,
            next: Request::new(Word::Aws, "GET", "/next/request"),
        }
    }

    /// One for each forward mode, as configured by default.
    pub fn in_each_mode() -> [Self; 2] {
        Forward::BOTH.map(|forward| Self::start(forward, |config| config))
    }

    /// The request is served; gives what REC saw of it.
    pub fn serves(&self, request: &Request) -> Recorded {
        let response = self.gateway.exchange(request);
        let line = format!("{:?}: {} {}", self.forward, request.method, request.target);
        assert_eq!(response.status, 200, "{line}\n{}", response.text());
        let mut seen = self.rec.requests();
        assert_eq!(seen.len(), 1, "{line}");
        self.rec.clear();
        seen.remove(0)
    }

    /// The request is refused as it must be, see [`Deployment::refuses_bytes`].
    pub fn refuses(&self, request: &Request, expected: Refused) -> Response {
        let response = self.refuses_at(0, &request.bytes(), &request.method, expected);
        let would_be = request.signing().signature(&request.secret_access_key);
        assert!(!shown(&response).contains(&would_be), "{request:?}");
        response
    }

    /// The bytes are refused in that way by the first listener, REC sees nothing of them, and then the connection serves
    /// another request or ends.
    pub fn refuses_bytes(&self, bytes: &[u8], method: &str, expected: Refused) -> Response {
        self.refuses_at(0, bytes, method, expected)
    }

    /// The same at another listener.
    pub fn refuses_at(
        &self,
        listener: usize,
        bytes: &[u8],
        method: &str,
        expected: Refused,
    ) -> Response {
        let sent = format!("{:?}: {}", self.forward, String::from_utf8_lossy(bytes));
        let mut connection = Connection::open(&self.gateway.listeners()[listener]);
        connection.send(bytes);
        let response = connection
            .try_receive(method)
            .unwrap_or_else(|error| panic!("{error}\n{sent}"));
        check(&response, method, expected, &sent);
        self.rec.assert_untouched();
        let closing = response
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closing {
            assert!(connection.closes(), "{sent}");
        } else {
            let answered = connection.exchange(&self.next.clone().date(&now()).signed());
            assert_eq!(answered.status, 200, "the next request after\n{sent}");
            let seen = self.rec.requests();
            assert_eq!(seen.len(), 1, "{sent}");
            assert_eq!(seen[0].target(), self.next.target, "{sent}");
            self.rec.clear();
        }
        response
    }
}

/// What holds for every refusal.
fn check(response: &Response, method: &str, expected: Refused, sent: &str) {
    let Refused(status, code, message) = expected;
    let (text, whole) = (response.text(), shown(response));
    assert_eq!(response.status, status, "{whole}\nto {sent}");
    let id = request_id(response);
    assert_eq!(response.header("content-type"), Some("application/xml"));
    assert!(!whole.contains(SECRET_ACCESS_KEY), "{whole}\nto {sent}");
    if method == "HEAD" {
        assert_eq!(text, "", "{sent}");
        return;
    }
    let length = response.header("content-length").map(str::to_owned);
    assert_eq!(length, Some(response.body.len().to_string()), "{sent}");
    assert_well_formed(&text);
    let element = |name: &str| response.element(name).map(|text| unescape(&text));
    assert_eq!(
        (element("Code").as_deref(), element("Message").as_deref()),
        (Some(code), Some(message)),
        "{whole}\nto {sent}"
    );
    assert_eq!(element("RequestId"), Some(id), "{whole}");
    assert!(element("HostId").is_some_and(|id| is_id(&id)), "{whole}");
    assert!(text.contains("?>\n<Error><Code>"), "{whole}");
}

/// Header and body.
pub fn shown(response: &Response) -> String {
    String::from_utf8_lossy(&response.head.raw).into_owned() + &response.text()
}

/// The gateway's id, which a response has exactly once, in the words of one dialect.
pub fn request_id(response: &Response) -> String {
    let ids: Vec<&str> = ["x-amz-request-id", "x-wos-request-id"]
        .iter()
        .flat_map(|name| response.head.all(name))
        .collect();
    let &[id] = ids.as_slice() else {
        panic!("request ids {ids:?}\n{}", shown(response))
    };
    assert!(is_id(id), "{id}");
    id.to_owned()
}

/// 32 hexadecimal digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// One root element, and everything that is opened is closed.
pub fn assert_well_formed(text: &str) {
    let mut reader = Reader::from_str(text);
    let mut open = 0;
    let mut roots = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                roots += usize::from(open == 0);
                open += 1;
            }
            Ok(Event::End(_)) => open -= 1,
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error}: {text}"),
        }
    }
    assert_eq!((open, roots), (0, 1), "{text}");
}

/// The text behind XML's five predefined entities.
pub fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (entity, meant)| {
        text.replace(entity, meant)
    })
}
