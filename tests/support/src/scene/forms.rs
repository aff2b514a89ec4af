//! Forms that are served.

use super::{Forward, Scene};
use crate::form::Form;
use crate::rec::Recorded;
use crate::signer::ACCESS_KEY_ID;
use crate::wire::Response;

impl Scene {
    /// Asserts that the form is served. It is forwarded as a PUT of the file in trusted mode, and unchanged in passthrough.
    pub fn stores(&self, case: &str, form: &Form) -> Recorded {
        let (response, recorded) = self.stored(case, form);
        let status = match self.forward {
            Forward::Trusted => 204,
            Forward::Passthrough => 200,
        };
        assert_eq!(response.status, status, "{case}: {}", response.text());
        recorded
    }

    /// The same, with any status of success.
    pub fn stored(&self, case: &str, form: &Form) -> (Response, Recorded) {
        let case = format!("{case}, {:?}", self.forward);
        let response = self.send((&case, form));
        assert!(response.status < 400, "{case}: {}", response.text());
        let mut seen = self.rec.await_requests(1);
        assert_eq!(seen.len(), 1, "{case}");
        let recorded = seen.remove(0);
        self.rec.clear();
        match self.forward {
            Forward::Passthrough => {
                assert_eq!(recorded.head.line, format!("POST {} HTTP/1.1", form.target));
                assert!(recorded.body == form.body(), "{case}: another body");
            }
            Forward::Trusted => {
                assert!(recorded.head.line.starts_with("PUT "), "{case}");
                let length = form.file.len().to_string();
                // If the form is too long to be buffered, the length of the file is known only at its end.
                let (lengths, codings): (&[&str], &[&str]) = match form.is_held() {
                    true => (&[&length], &[]),
                    false => (&[], &["chunked"]),
                };
                assert_eq!(recorded.head.all("content-length"), lengths, "{case}");
                assert_eq!(recorded.head.all("transfer-encoding"), codings, "{case}");
                assert!(recorded.body == form.file, "{case}: another file");
                let who = recorded.header("x-countersign-access-key-id");
                assert_eq!(who, Some(ACCESS_KEY_ID), "{case}");
                let raw = String::from_utf8_lossy(&recorded.head.raw).to_lowercase();
                for word in ["signature", "credential", "multipart", "policy"] {
                    assert!(!raw.contains(word), "{case}: {word} in\n{raw}");
                }
            }
        }
        (response, recorded)
    }
}
