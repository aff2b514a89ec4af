//! A gateway in front of the recording node, and what every request to it is asked for.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec, Recorded};
use support::signer::{DOMAIN, Request, SECRET_ACCESS_KEY, Word, encode, now, unix_time};
use support::wire::{Connection, Head, Response};

pub const BUCKET: &str = "bucket01";

/// How the gateway sends requests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    Trusted,
    Passthrough,
}

impl Forward {
    pub const BOTH: [Self; 2] = [Self::Trusted, Self::Passthrough];
}

/// Where the bucket's name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Path,
    VirtualHost,
}

impl Style {
    pub const BOTH: [Self; 2] = [Self::Path, Self::VirtualHost];

    /// A request to [`BUCKET`]; `rest` is what follows the slash behind the bucket: a key, a query, or both.
    pub fn request(self, word: Word, method: &str, rest: &str) -> Request {
        match self {
            Self::Path => Request::new(word, method, &format!("/{BUCKET}/{rest}")),
            Self::VirtualHost => {
                Request::new(word, method, &format!("/{rest}")).virtual_host(BUCKET)
            }
        }
    }
}

/// Where the credentials stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    Header,
    Query,
}

impl Placement {
    pub const BOTH: [Self; 2] = [Self::Header, Self::Query];

    /// The request with credentials for what it is.
    pub fn sign(self, request: Request) -> Request {
        match self {
            Self::Header => request.date(&now()).signed(),
            Self::Query => request.presigned(unix_time(600)),
        }
    }
}

/// Adds to the query what the signature knows nothing of.
pub fn added(request: &Request, parameter: &str) -> Request {
    let mut request = request.clone();
    let separator = if request.target.contains('?') {
        '&'
    } else {
        '?'
    };
    request.target += &format!("{separator}{parameter}");
    request
}

/// The wire's bytes with a stand-in replaced by bytes that no `String` can hold.
pub fn with_raw(request: &Request, stand_in: &str, raw: &[u8]) -> Vec<u8> {
    let bytes = request.bytes();
    let stand_in = stand_in.as_bytes();
    let at = bytes
        .windows(stand_in.len())
        .position(|part| part == stand_in)
        .expect("the stand-in");
    [&bytes[..at], raw, &bytes[at + stand_in.len()..]].concat()
}

/// The values of a header field as they came, without the blanks around them.
pub fn raw_values(head: &Head, name: &str) -> Vec<Vec<u8>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let mut values = Vec::new();
    for line in head.raw.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(name.as_bytes()) {
            let value = &line[colon + 1..];
            let start = value.iter().position(|byte| !blank(byte)).unwrap_or(0);
            let end = value.iter().rposition(|byte| !blank(byte));
            values.push(end.map_or(Vec::new(), |end| value[start..=end].to_vec()));
        }
    }
    values
}

/// Whether a Host is neither a name of the listener nor an IP address: a node might take it for a bucket's name.
fn is_nobodys(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        _ => name,
    };
    let under = |domain: &str| name == domain || name.ends_with(&format!(".{domain}"));
    let own = under(DOMAIN) || under("example.org") || name == "static.example.net";
    let ip = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    !own && ip.is_err()
}

/// A gateway in front of REC, and a client's connection that is kept as long as the gateway keeps it.
pub struct Scene {
    pub rec: Rec,
    pub gateway: Gateway,
    pub forward: Forward,
    /// Opened by the first request: one that waits for the scenes before it could be idle for too long.
    client: Option<Connection>,
}

impl Scene {
    pub fn new(forward: Forward) -> Self {
        Self::configured(forward, |config| config)
    }

    pub fn configured(forward: Forward, change: impl FnOnce(Config) -> Config) -> Self {
        let rec = Rec::start(Answer::Ok);
        let mode = match forward {
            Forward::Trusted => "trusted",
            Forward::Passthrough => "passthrough",
        };
        let cluster = format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"aws\"\nnodes = [\"{}\"]\nforward = \"{mode}\"\n",
            rec.address()
        );
        let config = Config::new(rec.address()).section("cluster", &cluster);
        let gateway = Gateway::start(&change(config));
        Self {
            rec,
            gateway,
            forward,
            client: None,
        }
    }

    fn client(&mut self) -> &mut Connection {
        self.client.get_or_insert_with(|| self.gateway.connect())
    }

    pub fn both() -> [Self; 2] {
        Forward::BOTH.map(Self::new)
    }

    /// The request is served, and the node has got exactly what was sent.
    pub fn passes(&mut self, request: &Request) -> Recorded {
        self.passes_without(request, &[])
    }

    /// The same, but for header fields that no node may see.
    pub fn passes_without(&mut self, request: &Request, dropped: &[&str]) -> Recorded {
        let target = self.node_target(request);
        let response = self.client().exchange(request);
        let recorded = self.passed(&response, &request.method, &target);
        self.assert_headers(request, dropped, &recorded);
        assert_eq!(recorded.body, request.body.clone().unwrap_or_default());
        recorded
    }

    /// The same for bytes that are no [`Request`]; `target` is the one that the node has to see.
    pub fn passes_bytes(&mut self, bytes: &[u8], method: &str, target: &str) -> Recorded {
        self.client().send(bytes);
        let response = self
            .client()
            .try_receive(method)
            .unwrap_or_else(|error| panic!("{}: {error}", shown(bytes)));
        self.passed(&response, method, target)
    }

    /// A PUT whose client waits for the node's 100 before it sends the body.
    pub fn passes_in_two(&mut self, head: &[u8], body: &[u8], target: &str) -> Recorded {
        self.client().send(head);
        assert_eq!(self.client().receive().status, 100);
        let recorded = self.passes_bytes(body, "PUT", target);
        assert_eq!(recorded.body, body);
        recorded
    }

    /// The answer to bytes.
    pub fn answered(&mut self, bytes: &[u8], method: &str) -> Response {
        self.client().send(bytes);
        let response = self
            .client()
            .try_receive(method)
            .unwrap_or_else(|error| panic!("{}: {error}", shown(bytes)));
        self.reconnect_after(&response, &shown(bytes));
        response
    }

    /// The one request that the node has got since the last time.
    pub fn recorded(&self) -> Recorded {
        let recorded = self.only_request("a request");
        self.rec.clear();
        recorded
    }

    fn passed(&mut self, response: &Response, method: &str, target: &str) -> Recorded {
        let told = response.text();
        assert_eq!(response.status, 200, "{method} {target}: {told}");
        let recorded = self.only_request(&format!("{method} {target}"));
        let line = format!("{method} {target} HTTP/1.1");
        assert_eq!(recorded.head.line, line);
        self.rec.clear();
        self.reconnect_after(response, target);
        recorded
    }

    /// The one request that REC has seen, and nothing else.
    fn only_request(&self, what: &str) -> Recorded {
        let mut requests = self.rec.requests();
        assert_eq!(requests.len(), 1, "{what}: {requests:?}");
        let recorded = requests.remove(0);
        let whole = [recorded.head.raw.clone(), recorded.body.clone()].concat();
        assert_eq!(self.rec.bytes(), whole, "{what}");
        recorded
    }

    /// What the node has to see of the target: in trusted mode everything but the credentials, as it was signed.
    fn node_target(&self, request: &Request) -> String {
        if self.forward == Forward::Passthrough {
            return request.target.clone();
        }
        let target = request.target_as_signed();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let credential = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or(pair);
            name == request.word.access_key_parameter() || name == "Expires" || name == "Signature"
        };
        let rest: Vec<&str> = query.split('&').filter(|pair| !credential(pair)).collect();
        if rest.concat().is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", rest.join("&"))
        }
    }

    /// Every header that was sent is there as it was sent, under the name that the node knows it by, and no other one but the
    /// gateway's own.
    fn assert_headers(&self, request: &Request, dropped: &[&str], recorded: &Recorded) {
        let trusted = self.forward == Forward::Trusted;
        let node_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("x-wos-") {
                Some(rest) if trusted => format!("x-amz-{rest}"),
                _ => name,
            }
        };
        let sent: BTreeSet<String> = request
            .headers
            .iter()
            .map(|(name, _)| node_name(name))
            .filter(|name| !(trusted && name == "authorization"))
            .filter(|name| !dropped.iter().any(|own| own.eq_ignore_ascii_case(name)))
            .collect();
        for name in &sent {
            let same = request
                .headers
                .iter()
                .filter(|(own, _)| node_name(own) == *name);
            let value = |value: &str| match name == "host" && trusted {
                true if is_nobodys(value) => self.rec.address().as_bytes().to_vec(),
                // A bucket's name in the Host is read in lower case.
                true if request.bucket.is_some() => value.to_lowercase().into_bytes(),
                _ => value.trim_matches([' ', '\t']).as_bytes().to_vec(),
            };
            let mut values: Vec<Vec<u8>> = same.map(|(_, own)| value(own)).collect();
            if trusted {
                values = vec![values.join(&b","[..])];
            }
            assert_eq!(raw_values(&recorded.head, name), values, "{name}");
        }
        self.assert_only(recorded, |name| {
            sent.contains(name) || (name == "content-length" && request.body.is_some())
        });
    }

    /// REC saw no header but those that `own` names and the gateway's.
    pub fn assert_only(&self, recorded: &Recorded, own: impl Fn(&str) -> bool) {
        let identity = ["x-countersign-principal", "x-countersign-access-key-id"];
        for (name, _) in &recorded.head.headers {
            let name = name.to_ascii_lowercase();
            let of_gateway = matches!(
                name.as_str(),
                "x-forwarded-for" | "x-countersign-request-id"
            ) || (self.forward == Forward::Trusted
                && identity.contains(&name.as_str()));
            assert!(of_gateway || own(&name), "{name} reached the node");
        }
    }

    /// The request is refused: that status and code, nothing at the node, and the connection fit for the next one or closed.
    pub fn refuses(&mut self, request: &Request, status: u16, code: &str) -> Response {
        let response = self.refuses_bytes(&request.bytes(), &request.method, status, code);
        let right = request.signing().signature(&request.secret_access_key);
        for secret in [right.as_str(), &encode(&right)] {
            let text = response.text();
            assert!(!text.contains(secret), "the signature in {text}");
        }
        response
    }

    pub fn refuses_bytes(
        &mut self,
        bytes: &[u8],
        method: &str,
        status: u16,
        code: &str,
    ) -> Response {
        let response = self.refusal(bytes, method);
        let what = shown(bytes);
        assert_eq!(response.status, status, "{what}: {}", response.text());
        assert_document(&response, method, code, &what);
        self.goes_on(&response, &what);
        response
    }

    fn refusal(&mut self, bytes: &[u8], method: &str) -> Response {
        let what = shown(bytes);
        self.client().send(bytes);
        let response = self
            .client()
            .try_receive(method)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let seen = self.rec.bytes();
        assert!(
            seen.is_empty(),
            "{what}: REC saw {}",
            String::from_utf8_lossy(&seen)
        );
        let whole = [response.head.raw.as_slice(), &response.body].concat();
        assert!(!String::from_utf8_lossy(&whole).contains(SECRET_ACCESS_KEY));
        response
    }

    /// The gateway closes the connection where it says so, and only there.
    fn reconnect_after(&mut self, response: &Response, what: &str) {
        if response.header("connection") == Some("close") {
            assert!(self.client().closes(), "{what}: the connection stays open");
            self.client = None;
        }
    }

    /// The next request on the connection is the next request that the node sees.
    fn goes_on(&mut self, response: &Response, what: &str) {
        self.reconnect_after(response, what);
        let probe = Request::new(Word::Aws, "GET", "/bucket01/probe")
            .date(&now())
            .signed();
        let next = self.client().exchange(&probe);
        assert_eq!(next.status, 200, "after {what}: {}", next.text());
        let seen = self.only_request(what);
        assert_eq!(seen.target(), "/bucket01/probe", "after {what}");
        self.rec.clear();
    }
}

/// The error document of S3, well-formed, with the request's id.
fn assert_document(response: &Response, method: &str, code: &str, what: &str) {
    let names = ["x-amz-request-id", "x-wos-request-id"];
    let id = names.iter().find_map(|name| response.header(name));
    let id = id.unwrap_or_else(|| panic!("{what}: no request id in {:?}", response.head));
    assert_eq!(response.header("content-type"), Some("application/xml"));
    if method == "HEAD" {
        return;
    }
    let elements = elements(&response.text());
    let element = |name: &str| {
        let all: Vec<&str> = elements
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(all.len(), 1, "{what}: {name} in {elements:?}");
        all[0]
    };
    assert_eq!(element("Code"), code, "{what}: {elements:?}");
    assert_eq!(element("RequestId"), id, "{what}");
    assert!(!element("Message").is_empty() && !element("HostId").is_empty());
    element("Resource");
}

/// The elements within `<Error>`.
fn elements(xml: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut found) = (Vec::new(), Vec::<(String, String)>::new());
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                assert!(start.attributes().next().is_none(), "{xml}");
                let name = start.name().as_ref().to_owned();
                if path.len() == 1 {
                    found.push((name.clone(), String::new()));
                }
                path.push(name);
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) if path.len() == 2 => {
                let (_, value) = found.last_mut().expect("an element is open");
                value.push_str(&text);
            }
            Event::Eof => {
                assert!(path.is_empty() && !found.is_empty(), "{xml}");
                return found;
            }
            _ => {}
        }
        assert!(path.len() <= 2 && path.first().is_none_or(|root| root == "Error"));
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.take(6).collect();
    let short: String = first.chars().take(200).collect();
    format!("{short} {rest:?}")
}
