//! Threats to the body of a request: what is not proven must not complete at the node, and frames must not be stored as
//! data. Each test bears the name of its threat.

mod chunks;
mod claims;
mod connections;
mod framing;
mod hashes;
mod lengths;
mod memory;
mod schemes;
mod trailers;

use support::deployment::Forward;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, CLOSING_OK, Rec, Recorded};
use support::refusal::assert_refused;
use support::signer::{DOMAIN, Request, Word, now};
use support::upload::{SignedUpload, Upload};
use support::wire::{Connection, Response};

/// A gateway for both versions in front of REC.
struct Scene {
    rec: Rec,
    gateway: Gateway,
    forward: Forward,
}

impl Scene {
    fn with(forward: Forward, answers: impl IntoIterator<Item = Answer>) -> Self {
        let rec = Rec::scripted(answers);
        let config = Config::new(rec.address())
            .section("cluster", &forward.cluster(rec.address()))
            .section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n");
        let gateway = Gateway::start(&config);
        Self {
            rec,
            gateway,
            forward,
        }
    }

    /// One for each forward mode.
    fn both() -> [Self; 2] {
        Forward::BOTH.map(|forward| Self::with(forward, [Answer::raw(CLOSING_OK)]))
    }

    /// The upload is served, and the node has got it whole: as it came, or as the plain object.
    fn commits(&self, case: &str, upload: &SignedUpload) -> Recorded {
        let response = self.send(case, &upload.bytes());
        self.committed(case, upload, &response)
    }

    /// The same, with the answer that came.
    fn committed(&self, case: &str, upload: &SignedUpload, response: &Response) -> Recorded {
        let told = response.text();
        assert_eq!(response.status, 200, "{case}, {:?}: {told}", self.forward);
        let mut seen = self.rec.await_requests(1);
        assert_eq!(seen.len(), 1, "{case}");
        let recorded = seen.remove(0);
        self.rec.clear();
        let plain = self.forward == Forward::Trusted;
        let expected = if plain {
            upload.data.clone()
        } else {
            upload.body()
        };
        assert!(recorded.body == expected, "{case}: {:?}", recorded.head);
        if plain && upload.plain.is_none() {
            assert_plain(case, &recorded);
        }
        recorded
    }

    /// The upload is refused in that way and is never whole at the node. The connection then ends or serves on.
    fn refuses(&self, case: &str, upload: &SignedUpload, status: u16, code: &str) -> Response {
        self.refuses_bytes(case, &upload.bytes(), status, code)
    }

    fn refuses_bytes(&self, case: &str, bytes: &[u8], status: u16, code: &str) -> Response {
        let case = format!("{case}, {:?}", self.forward);
        let mut connection = self.gateway.connect();
        connection.send(bytes);
        self.refused(&case, &mut connection, status, code)
    }

    fn refused(
        &self,
        case: &str,
        connection: &mut Connection,
        status: u16,
        code: &str,
    ) -> Response {
        let response = connection
            .try_receive("PUT")
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_refused(case, &response, status, code);
        self.rec.assert_nothing_complete(case);
        if response.header("connection") == Some("close") {
            assert!(connection.closes(), "{case}: the connection stays open");
        } else {
            let next = connection.exchange(&probe());
            assert_eq!(next.status, 200, "after {case}: {}", next.text());
            let seen = self.rec.await_requests(1);
            assert_eq!(seen[0].target(), "/bucket01/probe", "after {case}");
        }
        self.rec.clear();
        response
    }

    /// The same, where REC may not have seen one byte.
    fn refuses_untouched(&self, case: &str, upload: &SignedUpload, status: u16, code: &str) {
        let mut connection = self.gateway.connect();
        connection.send(upload.bytes());
        let response = connection
            .try_receive("PUT")
            .unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_refused(case, &response, status, code);
        self.rec.assert_untouched();
    }

    fn send(&self, case: &str, bytes: &[u8]) -> Response {
        let mut connection = self.gateway.connect();
        connection.send(bytes);
        let received = connection.try_receive("PUT");
        received.unwrap_or_else(|error| panic!("{case}, {:?}: {error}", self.forward))
    }
}

/// A request of its own that is served.
fn probe() -> Request {
    Request::new(Word::Aws, "GET", "/bucket01/probe")
        .host(DOMAIN)
        .date(&now())
        .signed()
}

/// Nothing of the frames is left in the header of the plain object.
fn assert_plain(case: &str, recorded: &Recorded) {
    let length = recorded.body.len().to_string();
    assert_eq!(
        recorded.head.all("content-length"),
        [length.as_str()],
        "{case}"
    );
    for name in [
        "transfer-encoding",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-content-sha256",
        "x-amz-sdk-checksum-algorithm",
    ] {
        assert_eq!(recorded.header(name), None, "{case}: {name}");
    }
    let codings = recorded.head.all("content-encoding").join(",");
    assert!(!codings.contains("aws-chunked"), "{case}: {codings}");
}

/// Bytes that repeat in no obvious period, so that a piece that is lost or moved shows.
fn object(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// An upload in this mode, of three chunks of 64 KiB and a shorter one.
fn upload(mode: &str) -> Upload {
    Upload::new(mode, object(200_000))
}
