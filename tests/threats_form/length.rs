//! I6: the length of the file.

use serde_json::json;

use crate::support::deployment::Forward;
use crate::support::form::Form;
use crate::{Scene, form};

fn sized(min: u64, max: u64, length: usize) -> Form {
    form("k")
        .condition(json!(["content-length-range", min, max]))
        .file(vec![b'x'; length])
        .signed()
}

/// Short forms are read whole before a node is asked, long ones stream.
const LENGTHS: [usize; 7] = [0, 1, 5, 40_000, 65_536, 70_000, 300_000];

#[test]
fn i6_the_range_is_about_the_file_alone() {
    for scene in Scene::both() {
        for length in LENGTHS {
            let (case, own) = (&format!("{length} bytes"), length as u64);
            scene.stores(case, &sized(own, own, length));
            scene.stores(case, &sized(0, own + 1, length));
            let response = scene.refuses(
                case,
                &sized(own + 1, own + 9, length),
                400,
                "EntityTooSmall",
            );
            assert_eq!(response.element("ProposedSize"), Some(length.to_string()));
            assert_eq!(
                response.element("MinSizeAllowed"),
                Some((own + 1).to_string())
            );
            if let Some(less) = own.checked_sub(1) {
                let response = scene.refuses(case, &sized(0, less, length), 400, "EntityTooLarge");
                assert_eq!(response.element("ProposedSize"), Some(length.to_string()));
                assert_eq!(response.element("MaxSizeAllowed"), Some(less.to_string()));
            }
        }
        // The form itself is longer than any of these ranges allows, and does not count.
        assert!(sized(0, 5, 5).body().len() > 500);
        // Every range has to hold.
        let two = sized(0, 100, 50)
            .without_field("policy")
            .without_field("signature")
            .without_field("AWSAccessKeyId");
        let two = two
            .condition(json!(["content-length-range", 60, 70]))
            .signed();
        scene.refuses("two ranges", &two, 400, "EntityTooSmall");
    }
}

#[test]
fn i6_a_form_of_another_length_than_it_said_never_completes() {
    for scene in Scene::both() {
        let long = sized(0, 400_000, 300_000);
        for more in ["x", "\r\n", "--"] {
            let cut = long.clone().end(&(long.closing() + more));
            scene.never_completes(more, &cut.bytes(), 400, "MalformedPOSTRequest");
        }
        let open = long.clone().end("");
        scene.never_completes("no end", &open.bytes(), 400, "MalformedPOSTRequest");
        let bare = long.clone().end(long.closing().trim_end());
        scene.never_completes("no line end", &bare.bytes(), 400, "MalformedPOSTRequest");
    }
}

#[test]
fn i6_a_long_form_says_how_long_it_is() {
    for scene in Scene::both() {
        let chunked = |form: &Form, size: usize| {
            let mut request = form.request().header("Transfer-Encoding", "chunked");
            let body = form.body();
            let chunks = body.chunks(size).flat_map(|chunk| {
                [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
            });
            request.body = Some(chunks.chain(*b"0\r\n\r\n").collect());
            request.bytes()
        };
        let short = sized(5, 5, 5);
        for size in [1, 7, 1000] {
            let response = scene.send("short", &chunked(&short, size));
            assert!(response.status < 300, "{}", response.text());
            let recorded = scene.rec.await_requests(1).remove(0);
            if scene.forward == Forward::Trusted {
                assert_eq!(recorded.body, short.file);
                assert_eq!(recorded.head.all("content-length"), ["5"]);
            } else {
                assert_eq!(recorded.body, short.body());
            }
            scene.rec.clear();
        }
        let long = sized(0, 400_000, 300_000);
        scene.refuses_bytes("long", &chunked(&long, 8192), 411, "MissingContentLength");
    }
}
