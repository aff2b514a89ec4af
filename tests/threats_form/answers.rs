//! What a form is answered, and what becomes of its connection.

use crate::{Scene, form, message, path, signers};
use support::form::Form;
use support::rec::{Answer, CLOSING_OK, Rec};
use support::refusal::assert_well_formed;
use support::scene::Forward;
use support::signer::{DOMAIN, Request, Word, now};

const STORED: &str = "HTTP/1.1 200 OK\r\nETag: \"5d41402abc4b2a76b9719d911017c592\"\r\nx-amz-version-id: v1\r\n\
                      x-amz-request-id: node1\r\nContent-Length: 0\r\n\r\n";
const ETAG: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

fn storing() -> Scene {
    Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(STORED)))
}

fn asking(field: &str, value: &str) -> Form {
    form("a b/é").field(field, value).signed()
}

#[test]
fn i4_a_stored_form_is_answered_as_it_asks() {
    let scene = storing();
    let object = format!("http://{DOMAIN}{}", path("a%20b/%C3%A9"));
    for (value, status) in [
        ("200", 200),
        ("201", 201),
        ("204", 204),
        ("500", 204),
        ("302", 204),
        ("", 204),
    ] {
        let (response, _) = scene.stored(value, &asking("success_action_status", value));
        assert_eq!(response.status, status, "{value}");
        assert_eq!(response.header("location"), Some(&*object), "{value}");
        assert_eq!(response.header("etag"), Some(ETAG));
        assert_eq!(response.header("x-amz-version-id"), Some("v1"));
        assert_eq!(response.head.all("x-amz-request-id").len(), 1);
        if status != 201 {
            assert_eq!(response.text(), "");
            continue;
        }
        assert_well_formed(&response.text());
        assert_eq!(response.header("content-type"), Some("application/xml"));
        for (name, text) in [
            ("Location", &*object),
            ("Bucket", "bucket01"),
            ("Key", "a b/é"),
            ("ETag", ETAG),
        ] {
            assert_eq!(response.element(name).as_deref(), Some(text), "{name}");
        }
        assert!(response.text().contains("<PostResponse>"));
    }
}

#[test]
fn i4_a_stored_form_leads_where_it_says() {
    let scene = storing();
    let query = "bucket=bucket01&key=a%20b%2F%C3%A9&etag=%225d41402abc4b2a76b9719d911017c592%22";
    for (place, location) in [
        ("http://a.test/done", format!("http://a.test/done?{query}")),
        (
            "https://a.test/done?x=1",
            format!("https://a.test/done?x=1&{query}"),
        ),
        (
            "https://a.test/done#top",
            format!("https://a.test/done?{query}#top"),
        ),
    ] {
        for field in ["success_action_redirect", "redirect"] {
            let (response, _) = scene.stored(place, &asking(field, place));
            assert_eq!(response.status, 303, "{place}");
            assert_eq!(response.head.all("location"), [&location], "{place}");
            assert_eq!(response.text(), "");
        }
    }
    for place in [
        "javascript:alert(1)",
        "//a.test",
        "/done",
        "ftp://a.test/",
        "http://a.test/ b",
        "garbage",
        "http://a.test/\r\nSet-Cookie: a=b",
    ] {
        let (response, _) = scene.stored(place, &asking("success_action_redirect", place));
        assert_eq!(response.status, 204, "{place}");
        assert_eq!(response.header("set-cookie"), None);
    }
}

#[test]
fn i4_a_node_that_refuses_is_heard() {
    let refused =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code></Error>";
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{refused}",
        refused.len()
    );
    let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(&answer)));
    for status in ["201", "200"] {
        let response = scene.send(("404", &asking("success_action_status", status)));
        assert_eq!(
            (response.status, response.text().trim_end()),
            (404, refused)
        );
        assert_eq!(response.header("location"), None);
        scene.rec.clear();
    }
    let redirect = asking("success_action_redirect", "http://a.test/");
    assert_eq!(scene.send(("404", &redirect)).status, 404);
}

#[test]
fn a_connection_serves_one_form_after_the_other() {
    for forward in Forward::BOTH {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let scene = Scene::in_front_of(forward, Rec::start(Answer::raw(ok)));
        let mut connection = scene.gateway.connect();
        let get = || {
            Request::new(Word::Aws, "GET", "/bucket01/k")
                .date(&now())
                .signed()
        };
        for size in [0, 5, 40_000, 47_000, 60_000, 70_000, 300_000] {
            for status in ["200", "201"] {
                let form = form("k")
                    .field("success_action_status", status)
                    .file(vec![b'x'; size])
                    .signed();
                let response = connection.exchange(&form.request());
                assert!(response.status < 300, "{size}: {}", response.text());
                assert_eq!(connection.exchange(&get()).status, 200, "after {size}");
            }
            let refused = connection.exchange(&form("k").request());
            assert_eq!(
                (refused.status, message(&refused).as_str()),
                (403, "Access Denied")
            );
            assert_eq!(connection.exchange(&get()).status, 200, "after a refusal");
        }
    }
}

#[test]
fn i4_the_words_of_the_answer_are_the_forms() {
    let scene = storing();
    for (word, version) in signers() {
        let form = Form::new(word, version, "k")
            .field("success_action_status", "201")
            .signed();
        let (response, _) = scene.stored("201", &form);
        let id = format!("{}request-id", word.header_prefix());
        assert_eq!(response.head.all(&id).len(), 1, "{word:?}");
        assert_eq!(response.text().contains("standalone"), word == Word::Wos);
        let refused = form.with_value("key", "other");
        let response = scene.refuses(("key", &refused), 403, "AccessDenied");
        assert_eq!(response.head.all(&id).len(), 1, "{word:?}");
    }
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    for scene in Scene::both_closing() {
        for size in [5, 300_000] {
            let form = form("k")
                .file(vec![b'x'; size])
                .signed()
                .header("Expect", "100-continue");
            let bytes = form.bytes();
            let body = form.body().len();
            let mut connection = scene.gateway.connect();
            connection.send(&bytes[..bytes.len() - body]);
            assert_eq!(connection.receive().status, 100);
            connection.send(&bytes[bytes.len() - body..]);
            let response = connection.receive();
            assert!((200..300).contains(&response.status), "{}", response.text());
            let recorded = scene.rec.await_requests(1).remove(0);
            assert_eq!(recorded.header("expect"), None);
            scene.rec.clear();
            // Refused in the middle of the body, the answer still arrives.
            let refused = form.clone().with_value("key", "other").bytes();
            let mut connection = scene.gateway.connect();
            connection.send(&refused[..refused.len() - body - 4]);
            assert_eq!(connection.receive().status, 100);
            connection.send(&refused[refused.len() - body - 4..]);
            assert_eq!(connection.receive().status, 403);
            scene.rec.assert_untouched();
        }
    }
}

#[test]
fn another_node_gets_the_whole_form() {
    let rec = Rec::start(Answer::raw(CLOSING_OK));
    for forward in Forward::BOTH {
        for size in [5, 300_000] {
            let gone = support::rec::nobody();
            let cluster = forward
                .cluster(rec.address())
                .replace("nodes = [", &format!("nodes = [\"{gone}\", "));
            let config = support::gateway::Config::new(rec.address()).section("cluster", &cluster);
            let gateway = support::gateway::Gateway::start(&config);
            let form = form("k").file(vec![b'x'; size]).signed();
            for _ in 0..2 {
                let response = gateway.exchange(&form.request());
                assert!(response.status < 300, "{}", response.text());
                let recorded = rec.await_requests(1).remove(0);
                let whole = match forward {
                    Forward::Trusted => form.file.clone(),
                    Forward::Passthrough => form.body(),
                };
                assert!(recorded.body == whole, "{forward:?} {size}");
                rec.clear();
            }
        }
    }
}
