//! I6: the length of the file.

use serde_json::json;

use crate::{Scene, form};
use support::form::Form;
use support::scene::Forward;

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
    for scene in Scene::both_closing() {
        for length in LENGTHS {
            let (case, own) = (&format!("{length} bytes"), length as u64);
            scene.stores(case, &sized(own, own, length));
            scene.stores(case, &sized(0, own + 1, length));
            let refuses = |form: &Form, code: &str| match form.is_held() {
                true => scene.refuses((case, form), 400, code),
                // Where the file ends is seen when it has come.
                false => scene.breaks_off((case, form), 400, code),
            };
            let response = refuses(&sized(own + 1, own + 9, length), "EntityTooSmall");
            assert_eq!(response.element("ProposedSize"), Some(length.to_string()));
            assert_eq!(
                response.element("MinSizeAllowed"),
                Some((own + 1).to_string())
            );
            if let Some(less) = own.checked_sub(1) {
                let response = refuses(&sized(0, less, length), "EntityTooLarge");
                assert_eq!(response.element("ProposedSize"), Some(length.to_string()));
                assert_eq!(response.element("MaxSizeAllowed"), Some(less.to_string()));
            }
        }
        // What cannot be within the range, whatever follows the file, reaches no node.
        let much = sized(0, 1000, 300_000);
        let response = scene.refuses(("much too long", &much), 400, "EntityTooLarge");
        assert_eq!(response.element("ProposedSize").as_deref(), Some("300000"));
        let little = sized(1_000_000, 2_000_000, 300_000);
        let response = scene.refuses(("much too short", &little), 400, "EntityTooSmall");
        assert_eq!(response.element("ProposedSize").as_deref(), Some("300000"));
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
        scene.refuses(("two ranges", &two), 400, "EntityTooSmall");
    }
}

#[test]
fn i6_a_form_of_another_length_than_it_said_never_completes() {
    for scene in Scene::both_closing() {
        let long = sized(0, 400_000, 300_000);
        for more in ["x", "--", &long.closing()] {
            let closing = long.closing();
            let cut = long.clone().end(&format!("{}{more}", closing.trim_end()));
            scene.breaks_off((more, &cut), 400, "MalformedPOSTRequest");
        }
        let open = long.clone().end("");
        scene.breaks_off(("no end", &open), 400, "MalformedPOSTRequest");
        let bare = long.clone().end(long.closing().trim_end());
        scene.stores("no line end", &bare);
    }
}

/// The form in chunks of HTTP's of this size.
pub fn chunked(form: &Form, size: usize) -> Vec<u8> {
    let mut request = form.request().header("Transfer-Encoding", "chunked");
    let body = form.body();
    let chunks = body
        .chunks(size)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    request.body = Some(chunks.chain(*b"0\r\n\r\n").collect());
    request.bytes()
}

#[test]
fn i6_a_form_in_chunks_is_the_same_form() {
    for scene in Scene::both_closing() {
        for (form, sizes) in [
            (sized(5, 5, 5), [1, 7, 1000]),
            (sized(70_000, 70_000, 70_000), [997, 8192, 100_000]),
        ] {
            for size in sizes {
                let response = scene.send(("chunks", &chunked(&form, size)));
                assert!(response.status < 300, "{}", response.text());
                let recorded = scene.rec.await_requests(1).remove(0);
                let whole = match scene.forward {
                    Forward::Trusted => form.file.clone(),
                    Forward::Passthrough => form.body(),
                };
                assert!(recorded.body == whole, "{size}");
                if form.is_held() && scene.forward == Forward::Trusted {
                    assert_eq!(recorded.head.all("content-length"), ["5"]);
                }
                scene.rec.clear();
            }
        }
        // Nothing says ahead that it is too long.
        let long = chunked(&sized(0, 60_000, 300_000), 8192);
        scene.breaks_off(("too long", &long), 400, "EntityTooLarge");
        let short = chunked(&sized(80_000, 90_000, 70_000), 8192);
        scene.breaks_off(("too short", &short), 400, "EntityTooSmall");
    }
}
