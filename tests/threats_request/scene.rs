//! How a request of these tests is written and sent.

use support::gateway::Config;
pub use support::scene::{Forward, Scene, raw_values};
use support::signer::{Request, Word, now, unix_time};

pub const BUCKET: &str = "bucket01";

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

/// A scene with one connection of the client's, with a change of the configuration.
pub fn configured(forward: Forward, change: impl FnOnce(Config) -> Config) -> Scene {
    Scene::configured(forward, change).on_one_connection()
}

/// The same as configured by default.
pub fn usual(forward: Forward) -> Scene {
    configured(forward, |config| config)
}

/// One for each forward mode.
pub fn both() -> [Scene; 2] {
    Forward::BOTH.map(usual)
}
