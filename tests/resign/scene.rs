//! A gateway that signs anew, in front of the recording node.

use std::ops::Deref;

use support::gateway::Config;
use support::rec::{Answer, Rec, Recorded};
use support::scene::{Forward, Scene, Sent};
use support::signer::Word;
use support::verifier::{NodeSide, Read, Signed};

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

/// A scene with what the node verifies with.
pub struct Resigning {
    scene: Scene,
    pub node: NodeSide,
}

impl Deref for Resigning {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl Resigning {
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
        let resigning = |config: Config| both_versions(config).section("cluster", &cluster);
        Self {
            scene: Scene::with(Forward::Trusted, rec, resigning),
            node: sign_with.node(),
        }
    }

    /// It is served; gives what REC has recorded and what the node read in it.
    pub fn passes(&self, sent: impl Into<Sent>) -> (Recorded, Read) {
        let recorded = self.serves(sent);
        let read = self.node.reads(&recorded);
        (recorded, read)
    }
}
