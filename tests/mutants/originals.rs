//! The requests that are mutated: every form of signature, both words, every payload mode.

use support::form::{Form, Version};
use support::signer::{Request, Word, now, unix_time};
use support::upload::{Framing, STREAMING, UNSIGNED, Upload};

/// What the signature says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The operation has none, so that every byte would be somebody else's.
    Never,
    /// Proven: by a hash, by signatures of chunks, or by a checksum that no mutation computes anew.
    Proven,
    /// Not covered: version 2 without Content-MD5, `UNSIGNED-PAYLOAD`, the file of a form. Whoever holds the signed head
    /// may send any bytes, as at the vendor.
    Free,
}

/// What is signed, which decides what of a mutant has to be as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    V2,
    V4,
    /// A policy: the fields of the form are covered, the head of the request is not.
    Form,
}

/// A signed request.
#[derive(Clone, Debug)]
pub struct Original {
    pub name: String,
    pub word: Word,
    pub kind: Kind,
    pub body: Body,
    /// Nodes that verify for themselves may read it in two ways, or sign in other words: refused in front of some of them.
    pub optional: bool,
    pub bytes: Vec<u8>,
    /// The spelling that was signed, where another one is sent.
    pub signed: Option<Vec<u8>>,
}

impl Original {
    /// Whether an ordinary header (lower-case) is covered. Everything else may be added, changed and taken out by anybody:
    /// `Range`, conditions, `User-Agent`. Version 4 signs here what is listed below wherever it stands in the original.
    pub fn covers(&self, name: &str) -> bool {
        let head = String::from_utf8_lossy(&self.bytes).to_ascii_lowercase();
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        match self.kind {
            Kind::V2 => ["content-type", "content-md5"].contains(&name),
            Kind::V4 => signed_names(head).any(|signed| signed == name),
            // In `trusted` and `resign` the fields of the form have become headers.
            Kind::Form => name == "content-type",
        }
    }
}

/// The names in SignedHeaders, of a head in lower case.
fn signed_names(head: &str) -> impl Iterator<Item = String> {
    let start = head.find("signedheaders=").map(|at| &head[at + 14..]);
    let list = start.and_then(|rest| rest.split([',', '&', ' ']).next());
    let list = list.unwrap_or_default().replace("%3b", ";");
    let names: Vec<String> = list.split(';').map(String::from).collect();
    names.into_iter()
}

/// All of them, signed now.
pub fn all() -> Vec<Original> {
    Word::BOTH.into_iter().flat_map(of_word).collect()
}

fn of_word(word: Word) -> Vec<Original> {
    let mut list = Vec::new();
    for (name, request, body) in plain(word) {
        let dated = request.clone().date(&now()).signed();
        // Only Content-MD5 says something of a body in version 2.
        let in_two = match body {
            Body::Proven if request.field("content-md5").is_none() => Body::Free,
            body => body,
        };
        add(
            &mut list,
            word,
            format!("v2 {name}"),
            Kind::V2,
            in_two,
            dated.bytes(),
        );
        let signed = request.clone().presigned(unix_time(3000));
        add(
            &mut list,
            word,
            format!("v2 presigned {name}"),
            Kind::V2,
            in_two,
            signed.bytes(),
        );
        let signed = request.clone().signed_v4();
        add(
            &mut list,
            word,
            format!("v4 {name}"),
            Kind::V4,
            body,
            signed.bytes(),
        );
        let mode = format!("{}content-sha256", word.header_prefix());
        let signed = request.clone().header(&mode, UNSIGNED).signed_v4();
        add(
            &mut list,
            word,
            format!("v4 unsigned {name}"),
            Kind::V4,
            in_two,
            signed.bytes(),
        );
        let signed = request.presigned_v4(3000);
        add(
            &mut list,
            word,
            format!("v4 presigned {name}"),
            Kind::V4,
            in_two,
            signed.bytes(),
        );
    }
    hoisted(&mut list, word);
    uploads(&mut list, word);
    for version in Version::BOTH {
        let prefix = word.header_prefix();
        let form = Form::new(word, version, "photos/a b+c")
            .field("Content-Type", "image/jpeg")
            .field(&format!("{prefix}meta-a"), "one two")
            .field("success_action_status", "201")
            .signed();
        add(
            &mut list,
            word,
            format!("form {version:?}"),
            Kind::Form,
            Body::Free,
            form.bytes(),
        );
    }
    list
}

fn add(list: &mut Vec<Original>, word: Word, name: String, kind: Kind, body: Body, bytes: Vec<u8>) {
    list.push(Original {
        name: format!("{} {name}", word.scheme()),
        word,
        kind,
        body,
        optional: false,
        bytes,
        signed: None,
    });
}

/// The requests that each form of signature is put on. `Proven` counts where the payload is hashed.
fn plain(word: Word) -> Vec<(&'static str, Request, Body)> {
    let new = |method: &str, target: &str| Request::new(word, method, target);
    let prefix = word.header_prefix();
    let own = |name: &str| format!("{prefix}{name}");
    let digest = support::chunks::content_md5(b"0123456789");
    vec![
        (
            "GET",
            new("GET", "/bucket01/a%20b%2Bc?versionId=a%2Bb%20c%26d").header("Range", "bytes=0-4"),
            Body::Never,
        ),
        (
            "list",
            new("GET", "/bucket01/?prefix=a%20b%2Bc&delimiter=%2F"),
            Body::Never,
        ),
        ("acl", new("GET", "/bucket01/?acl"), Body::Never),
        ("HEAD", new("HEAD", "/bucket01/key~%C3%A4"), Body::Never),
        (
            "DELETE",
            new("DELETE", "/key").virtual_host("bucket01"),
            Body::Never,
        ),
        (
            "initiate",
            new("POST", "/bucket01/key?uploads"),
            Body::Never,
        ),
        (
            "copy",
            new("PUT", "/bucket01/to").header(&own("copy-source"), "/bucket01/a b%2Bc"),
            Body::Never,
        ),
        (
            "PUT md5",
            new("PUT", "/bucket01/a%2Fb")
                .header("Content-Type", "text/plain; charset=utf-8")
                .header("Content-MD5", &digest)
                .header(&own("meta-a"), "one two")
                .header(&own("acl"), "private")
                .body("0123456789"),
            Body::Proven,
        ),
        (
            "PUT",
            new("PUT", "/bucket01/key")
                .header(&own("meta-b"), "x,y")
                .body("0123456789"),
            Body::Proven,
        ),
    ]
}

/// Headers in the query of a presigned request, and a blank that was signed as `%20` and is sent as `+`.
fn hoisted(list: &mut Vec<Original>, word: Word) {
    let prefix = word.header_prefix();
    let target = format!("/bucket01/key?{prefix}acl=private&{prefix}meta-a=b%20c");
    let request = Request::new(word, "PUT", &target).body("hello");
    let mut signing = request.signing();
    signing.date = unix_time(3000).to_string();
    if word == Word::Aws {
        signing.headers = vec![
            (format!("{prefix}acl"), "private".into()),
            (format!("{prefix}meta-a"), "b c".into()),
        ];
    }
    let presigned = request.clone().presigned_as(unix_time(3000), &signing);
    add(
        list,
        word,
        "v2 hoisted".into(),
        Kind::V2,
        Body::Free,
        presigned.bytes(),
    );
    add(
        list,
        word,
        "v4 hoisted".into(),
        Kind::V4,
        Body::Free,
        request.presigned_v4(3000).bytes(),
    );
    let blank = Request::new(word, "GET", "/bucket01/?prefix=a%20b&list-type=2").signed_v4();
    let mut sent = blank.clone();
    sent.target = sent.target.replace("%20", "+");
    add(
        list,
        word,
        "v4 blank as +".into(),
        Kind::V4,
        Body::Never,
        sent.bytes(),
    );
    list.last_mut().expect("just added").signed = Some(blank.bytes());
    for original in list.iter_mut().rev().take(3) {
        original.optional = true;
    }
}

fn uploads(list: &mut Vec<Original>, word: Word) {
    for mode in STREAMING {
        for (size, framing) in [
            (10, Framing::Length),
            (20_000, Framing::Length),
            (9000, Framing::Chunked(3000)),
        ] {
            let data: Vec<u8> = (0..size).map(|at: usize| b'a' + (at % 23) as u8).collect();
            let upload = Upload::new(mode, data)
                .word(word)
                .chunks_of(8192)
                .header("x-amz-meta-a", "one two");
            let bytes = upload.signed().framing(framing).bytes();
            add(
                list,
                word,
                format!("{mode} {size}"),
                Kind::V4,
                Body::Proven,
                bytes,
            );
        }
    }
    let declared = Upload::declared("hello, chunks").word(word).signed();
    let bytes = declared.framing(Framing::Chunked(5)).bytes();
    add(
        list,
        word,
        "v4 hash in chunks".into(),
        Kind::V4,
        Body::Proven,
        bytes,
    );
}
