//! E, F and H for signature version 4: what a signed list of headers and parameters does not change. One path, one query and
//! one Host are verified and forwarded, whatever else could have been meant.

mod host;
mod path;
mod query;

use crate::scene::{Forward, Scene, configured};
use support::rec::Recorded;
use support::signer::{Request, Word};
use support::signer_v4::{SigningV4, canonical_query, stamp_at, target_as_signed_v4};

/// Where the credentials stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    Header,
    Query,
}

impl Placed {
    pub const BOTH: [Self; 2] = [Self::Header, Self::Query];

    pub fn sign(self, request: Request) -> Request {
        self.sign_as(request, |_| {})
    }

    /// Signed over what `change` makes of the right text.
    pub fn sign_as(self, request: Request, change: impl FnOnce(&mut SigningV4)) -> Request {
        let stamp = stamp_at(0);
        let request = match self {
            Self::Header => request.prepared_v4(&stamp),
            Self::Query => request.parameters_v4(&stamp, "600"),
        };
        let mut signing = request.signing_v4(&stamp);
        change(&mut signing);
        match self {
            Self::Header => request.signed_v4_as(&signing),
            Self::Query => request.presigned_v4_as(&signing),
        }
    }

    /// Signed for one target and sent with another, each without credentials.
    pub fn swap(self, word: Word, signed: &str, sent: &str) -> Request {
        let (path, query) = signed.split_once('?').unwrap_or((signed, ""));
        self.sign_as(Request::new(word, "GET", sent), |own| {
            own.uri = Request::new(word, "GET", path)
                .signing_v4(&own.timestamp)
                .uri;
            let credentials = own.query.split('&').filter(|pair| pair.starts_with("X-"));
            let credentials: Vec<&str> = credentials.collect();
            own.query = canonical_query(&format!("{query}&{}", credentials.join("&")));
        })
    }
}

/// A gateway that takes both versions.
pub fn both_versions(forward: Forward) -> Scene {
    configured(forward, |config| {
        let signature = "[signature]\nversions = [\"v2\", \"v4\"]\nregion = \"us-east-1\"\n";
        config.section("signature", signature)
    })
}

/// Each forward mode with each place of the credentials, in both dialects.
fn everywhere(test: impl Fn(&Scene, Placed, Word)) {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for placed in Placed::BOTH {
            for word in Word::BOTH {
                test(&scene, placed, word);
            }
        }
    }
}

/// The request is served, and the node has got the target as it was signed, or where it verifies, as it was sent.
fn passes(scene: &Scene, request: &Request, target: &str) -> Recorded {
    let target = match scene.forward {
        Forward::Trusted => target_as_signed_v4(target),
        Forward::Passthrough => request.target.clone(),
    };
    scene.passes_as(request, &target)
}

/// Signed and served as it is.
fn goes_through(scene: &Scene, placed: Placed, request: Request) {
    let target = request.target.clone();
    passes(scene, &placed.sign(request), &target);
}

fn get(word: Word, target: &str) -> Request {
    Request::new(word, "GET", target)
}

const MISMATCH: (u16, &str) = (403, "SignatureDoesNotMatch");
