//! The request id: on every response, in the access line, at the node.

use std::collections::BTreeSet;

use crate::{ANSWER_AS, assert_id_in, three_listeners, words_of_answer};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Cue, Rec, nobody};
use support::refusal::{Refused, mismatch, request_id};
use support::scene::{Forward, Scene};
use support::signer::{Request, Word, now, unix_time};
use support::wire::{Connection, Response};

const NODE_ID: &str = "NODE0REQUEST0ID";

/// The access line of a response.
fn line(gateway: &Gateway, response: &Response) -> String {
    gateway.await_log(&format!("request_id={} ", request_id(response)))
}

#[test]
fn a_forwarded_request_has_one_id_everywhere() {
    let answers = ["200 OK", "404 Not Found", "500 Internal Server Error"].map(|status| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nx-amz-request-id: {NODE_ID}\r\nx-amz-id-2: host\r\n\r\n"
        )
    });
    for forward in Forward::BOTH {
        let rec = Rec::scripted(
            answers
                .iter()
                .cycle()
                .take(24)
                .map(|text| Answer::raw(text)),
        );
        let config = Config::new(rec.address()).section("cluster", &forward.cluster(rec.address()));
        let gateway = Gateway::start(&three_listeners(config));
        let mut ids = BTreeSet::new();
        for (answer_as, address) in ANSWER_AS.iter().zip(gateway.listeners()) {
            let mut connection = Connection::open(address);
            for word in Word::BOTH {
                let request = Request::new(word, "GET", "/bucket01/k")
                    .header("x-countersign-request-id", "a-clients-own")
                    .header("x-request-id", "a-clients-own");
                for request in [
                    request.clone().date(&now()).signed(),
                    request.presigned(unix_time(600)),
                ] {
                    let response = connection.exchange(&request);
                    let seen = rec.requests();
                    let id = request_id(&response);
                    assert_id_in(words_of_answer(answer_as, word), &response);
                    let sent = &seen.last().expect("a request").head;
                    assert_eq!(sent.all("x-countersign-request-id"), [&*id]);
                    assert_eq!(sent.header("x-request-id"), None);
                    let line = line(&gateway, &response);
                    assert!(
                        line.contains(&format!("status={} ", response.status)),
                        "{line}"
                    );
                    assert!(
                        line.contains(&format!("node_request_id={NODE_ID}")),
                        "{line}"
                    );
                    assert!(ids.insert(id), "an id was given twice");
                }
            }
        }
        assert_eq!(ids.len(), 3 * 2 * 2);
    }
}

#[test]
fn a_refused_request_has_an_id_in_its_answer_and_its_access_line() {
    for scene in Scene::both() {
        let mut ids = BTreeSet::new();
        let mut is_told = |response: &Response, code: &str| {
            let line = line(&scene.gateway, response);
            assert!(line.contains(&format!("code={code} ")), "{line}");
            assert!(ids.insert(request_id(response)), "an id was given twice");
        };
        for word in Word::BOTH {
            let get = Request::new(word, "GET", "/bucket01/k").date(&now());
            let other = get.clone().keys(&get.access_key_id, "another");
            for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
                let request = Request {
                    method: method.into(),
                    ..other.clone()
                };
                let response = scene.refuses_with(&request.signed(), mismatch(word));
                is_told(&response, "SignatureDoesNotMatch");
            }
            let unsigned = scene.refuses_with(&get, Refused(403, "AccessDenied", "Access Denied"));
            is_told(&unsigned, "AccessDenied");
        }
        // Bytes that never became a request.
        let message = "A line of the request header does not end with CRLF.";
        let expected = Refused(400, "InvalidRequest", message);
        let bytes = b"GET /bucket01/k HTTP/1.1\nHost: s3.example.com\n\n";
        is_told(&scene.refuses_with(bytes, expected), "InvalidRequest");
    }
}

#[test]
fn a_request_that_no_node_answers_has_an_id_too() {
    let stalling = Rec::start(Answer::Stall);
    let impatient = Config::new(stalling.address()).line("cluster", "read_timeout = \"200ms\"");
    let impatient = Gateway::start(&impatient);
    let dying = Rec::start(Answer::Die(Cue::Head));
    let in_front = Gateway::in_front_of(dying.address());
    let nowhere = Gateway::in_front_of(&nobody());
    for (rec, gateway, status, code) in [
        (Some(stalling), impatient, 504, "GatewayTimeout"),
        (Some(dying), in_front, 502, "BadGateway"),
        (None, nowhere, 503, "ServiceUnavailable"),
    ] {
        for word in Word::BOTH {
            let post = Request::new(word, "POST", "/bucket01/k?uploads").date(&now());
            let response = gateway.exchange(&post.signed());
            assert_eq!(
                (response.status, response.element("Code").as_deref()),
                (status, Some(code))
            );
            assert_eq!(response.element("RequestId"), Some(request_id(&response)));
            assert_id_in(word, &response);
            let line = line(&gateway, &response);
            assert!(line.contains(&format!("code={code} ")), "{line}");
            if let Some(rec) = &rec {
                let sent = String::from_utf8_lossy(&rec.bytes()).into_owned();
                assert!(sent.contains(&format!(
                    "x-countersign-request-id: {}\r\n",
                    request_id(&response)
                )));
            }
        }
    }
}
