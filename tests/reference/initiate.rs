//! The answer of the reference call, from a storage node that speaks S3; and the upload that it begins.

use countersign::embedded::{Node, NodeOptions};
use tempfile::TempDir;

use crate::{
    ANSWER_AS, BUCKET, CUSTOM_DOMAIN, KEY, Style, assert_id_in, three_listeners, words_of_answer,
};
use support::gateway::{Config, Gateway};
use support::refusal::request_id;
use support::scene::Forward;
use support::signer::{ACCESS_KEY_ID, DOMAIN, SECRET_ACCESS_KEY, Word, now};
use support::wire::Connection;

const PART: &str = "the part that the upload consists of";

/// A node with both buckets. Directory last, so that the node ends before it.
fn node(auth: Option<(String, String)>) -> (Node, TempDir) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(NodeOptions {
        root: root.path().into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth,
        domains: vec![DOMAIN.into()],
    })
    .expect("a free port");
    for bucket in [BUCKET, CUSTOM_DOMAIN] {
        node.create_bucket(bucket).expect("a writable directory");
    }
    (node, root)
}

fn gateway(node: &Node, forward: Forward) -> Gateway {
    let config = Config::new(node.address()).section("cluster", &forward.cluster(node.address()));
    Gateway::start(&three_listeners(config))
}

fn namespace(words: Word) -> &'static str {
    match words {
        Word::Aws => "http://s3.amazonaws.com/doc/2006-03-01/",
        Word::Wos => "http://wcs.chinanetcenter.com/document",
    }
}

/// Begins an upload, checks the answer to the byte, completes the upload and reads it back.
fn upload(connection: &mut Connection, style: Style, word: Word, words: Word) {
    let call = style.request(word, "POST", "?uploads").date(&now());
    let begun = connection.exchange(&call.signed());
    let case = format!("{style:?}, asked in {word:?}, answered in {words:?}");
    assert_eq!(
        begun.head.line,
        "HTTP/1.1 200 OK",
        "{case}: {}",
        begun.text()
    );
    assert_id_in(words, &begun);
    let mut names: Vec<String> = begun
        .head
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    let id_header = format!("{}request-id", words.header_prefix());
    assert_eq!(
        names,
        [
            "connection",
            "content-length",
            "content-type",
            "date",
            &id_header
        ],
        "{case}"
    );
    let length = begun.body.len().to_string();
    assert_eq!(begun.header("content-length"), Some(&*length), "{case}");
    let upload_id = begun.element("UploadId").expect("an upload id");
    let (namespace, bucket) = (namespace(words), style.bucket());
    let standalone = match words {
        Word::Aws => "",
        Word::Wos => " standalone=\"yes\"",
    };
    assert_eq!(
        begun.text(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"{standalone}?>\
             <InitiateMultipartUploadResult xmlns=\"{namespace}\"><Bucket>{bucket}</Bucket><Key>{KEY}</Key>\
             <UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
        ),
        "{case}"
    );

    let part = style
        .request(word, "PUT", &format!("?partNumber=1&uploadId={upload_id}"))
        .date(&now())
        .body(PART);
    let stored = connection.exchange(&part.signed());
    assert_eq!(stored.status, 200, "{case}: {}", stored.text());
    let etag = stored.header("etag").expect("an ETag");
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let completion = style
        .request(word, "POST", &format!("?uploadId={upload_id}"))
        .date(&now())
        .body(list);
    let completed = connection.exchange(&completion.signed());
    assert_eq!(completed.status, 200, "{case}: {}", completed.text());
    assert!(
        completed.text().contains(&format!(
            "<CompleteMultipartUploadResult xmlns=\"{namespace}\">"
        )),
        "{case}: {}",
        completed.text()
    );
    let read = connection.exchange(&style.request(word, "GET", "").date(&now()).signed());
    assert_eq!((read.status, &*read.text()), (200, PART), "{case}");
    assert_id_in(words, &read);
    let removed = connection.exchange(&style.request(word, "DELETE", "").date(&now()).signed());
    assert_eq!(removed.status, 204, "{case}");
    assert_ne!(request_id(&read), request_id(&removed));
}

#[test]
fn an_upload_is_begun_completed_and_read_in_the_words_asked_for() {
    let (node, _root) = node(None);
    let gateway = gateway(&node, Forward::Trusted);
    let mut uploads = 0;
    for (answer_as, address) in ANSWER_AS.iter().zip(gateway.listeners()) {
        let mut connection = Connection::open(address);
        for style in [Style::Path, Style::VirtualHost, Style::CustomDomain] {
            for word in Word::BOTH {
                let words = words_of_answer(answer_as, word);
                upload(&mut connection, style, word, words);
                uploads += 1;
            }
        }
    }
    assert_eq!(uploads, 3 * 3 * 2);
}

#[test]
fn a_node_that_verifies_for_itself_begins_the_same_upload() {
    let (node, _root) = node(Some((ACCESS_KEY_ID.into(), SECRET_ACCESS_KEY.into())));
    let gateway = gateway(&node, Forward::Passthrough);
    for (answer_as, address) in ANSWER_AS.iter().zip(gateway.listeners()) {
        let mut connection = Connection::open(address);
        for style in [Style::Path, Style::VirtualHost] {
            let words = words_of_answer(answer_as, Word::Aws);
            upload(&mut connection, style, Word::Aws, words);
        }
    }
}
