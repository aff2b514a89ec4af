//! Uploads that are served.

use super::{Forward, Scene};
use crate::rec::Recorded;
use crate::upload::SignedUpload;
use crate::wire::Response;

impl Scene {
    /// Asserts that the upload is served, and that the node got all of it: unchanged in passthrough, else as the plain object.
    pub fn commits(&self, case: &str, upload: &SignedUpload) -> Recorded {
        let response = self.send((case, upload));
        self.committed(case, upload, &response)
    }

    /// The same, for a response that has been received already.
    pub fn committed(&self, case: &str, upload: &SignedUpload, response: &Response) -> Recorded {
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
}

/// Asserts that the header of the plain object has no field of the chunk framing.
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
