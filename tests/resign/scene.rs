//! A gateway that signs anew, in front of the recording node.

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec, Recorded};
use support::signer::{Request, Word};
use support::verifier::{NodeSide, Read, Signed};
use support::wire::Response;

pub const BUCKET: &str = "bucket01";
pub const NODE_KEY: &str = "GATEWAYATTHENODES";
pub const NODE_SECRET: &str = "the+gateway/has%another=secret";
/// The Host of the nodes, without its port.
pub const NODE_DOMAIN: &str = "s3.internal";

/// How the cluster is signed with.
#[derive(Clone, Copy, Debug)]
pub struct SignWith {
    pub word: Word,
    pub version: Signed,
    pub payload: &'static str,
}

impl SignWith {
    pub const AWS_V4: Self = Self {
        word: Word::Aws,
        version: Signed::V4,
        payload: "unsigned",
    };
    /// Each dialect in each version.
    pub const ALL: [Self; 4] = [
        Self::AWS_V4,
        Self {
            version: Signed::V2,
            ..Self::AWS_V4
        },
        Self {
            word: Word::Wos,
            ..Self::AWS_V4
        },
        Self {
            word: Word::Wos,
            version: Signed::V2,
            ..Self::AWS_V4
        },
    ];

    pub fn dialect(self) -> &'static str {
        match self.word {
            Word::Aws => "aws",
            Word::Wos => "wos",
        }
    }

    /// The `[[cluster]]` of a node.
    pub fn cluster(self, node: &str, lines: &str) -> String {
        let dialect = self.dialect();
        let version = match self.version {
            Signed::V2 => "version = \"v2\"".to_owned(),
            Signed::V4 => format!(
                "version = \"v4\", region = \"eu-test-1\", payload = \"{}\"",
                self.payload
            ),
        };
        format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"{dialect}\"\nnodes = [\"{node}\"]\nforward = \"resign\"\n{lines}\n\
             sign_with = {{ dialect = \"{dialect}\", {version}, access_key_id = \"{NODE_KEY}\", \
             secret_access_key = \"{NODE_SECRET}\" }}\n"
        )
    }

    /// The node that this signature is meant for.
    pub fn node(self) -> NodeSide {
        NodeSide {
            word: self.word,
            access_key_id: NODE_KEY.into(),
            secret_access_key: NODE_SECRET.into(),
            region: "eu-test-1".into(),
            domain: NODE_DOMAIN.into(),
        }
    }
}

/// Where the bucket's name stands towards the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    AsReceived,
    Path,
    VirtualHost,
}

impl Addressing {
    pub const ALL: [Self; 3] = [Self::AsReceived, Self::Path, Self::VirtualHost];

    pub fn lines(self) -> String {
        let name = match self {
            Self::AsReceived => return String::new(),
            Self::Path => "path",
            Self::VirtualHost => "virtual-host",
        };
        format!("addressing = \"{name}\"\nhost = \"{NODE_DOMAIN}:9000\"")
    }
}

/// With a listener for clients of both versions.
pub fn both_versions(config: Config) -> Config {
    config.section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n")
}

/// A gateway in front of REC.
pub struct Scene {
    pub rec: Rec,
    pub gateway: Gateway,
    pub node: NodeSide,
}

impl Scene {
    pub fn new(sign_with: SignWith, addressing: Addressing) -> Self {
        Self::with(sign_with, &addressing.lines())
    }

    /// With further lines in the `[[cluster]]`.
    pub fn with(sign_with: SignWith, lines: &str) -> Self {
        Self::of(sign_with, lines, Rec::start(Answer::Ok))
    }

    /// In front of a node that answers by script.
    pub fn scripted(sign_with: SignWith, answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::of(sign_with, "", Rec::scripted(answers))
    }

    fn of(sign_with: SignWith, lines: &str, rec: Rec) -> Self {
        let cluster = sign_with.cluster(rec.address(), lines);
        let config = both_versions(Config::new(rec.address())).section("cluster", &cluster);
        Self {
            gateway: Gateway::start(&config),
            rec,
            node: sign_with.node(),
        }
    }

    /// The request is served; gives what REC has recorded and what the node read in it.
    pub fn passes(&self, request: &Request) -> (Recorded, Read) {
        self.passes_bytes(&request.bytes(), &request.method)
    }

    pub fn passes_bytes(&self, bytes: &[u8], method: &str) -> (Recorded, Read) {
        let response = self.exchange(bytes, method);
        let sent = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
        assert_eq!(response.status, 200, "{sent}\n{}", response.text());
        let mut requests = self.rec.requests();
        assert_eq!(requests.len(), 1, "{sent}");
        let recorded = requests.remove(0);
        self.rec.clear();
        let read = self.node.reads(&recorded);
        (recorded, read)
    }

    /// The request is refused in that way, and the node sees nothing of it.
    pub fn refuses(&self, request: &Request, status: u16, code: &str) -> Response {
        let response = self.exchange(&request.bytes(), &request.method);
        let told = response.text();
        assert_eq!(response.status, status, "{}: {told}", request.target);
        assert_eq!(response.element("Code").as_deref(), Some(code), "{told}");
        self.rec.assert_untouched();
        response
    }

    fn exchange(&self, bytes: &[u8], method: &str) -> Response {
        let mut connection = self.gateway.connect();
        connection.send(bytes);
        let received = connection.try_receive(method);
        received.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
    }
}
