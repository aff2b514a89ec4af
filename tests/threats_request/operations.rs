//! F1: no parameter that selects an operation counts unless the signature covers it.
//!
//! The lists are written down here from the Amazon S3 API Reference and the WOS documents: none is the gateway's own.

use crate::scene::{BUCKET, Forward, Placement, Style, added, both, usual};
use support::signer::{Request, Word};

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// Select an operation of Amazon S3, and no V2 signer signs them.
#[rustfmt::skip]
const SIGNED_BY_NONE: &[&str] = &[
    "abac", "attributes", "encryption", "intelligent-tiering", "legal-hold", "metadataConfiguration", "metadataInventoryTable",
    "metadataJournalTable", "metadataTable", "ownershipControls", "policyStatus", "publicAccessBlock", "renameObject",
    "retention", "session",
];
/// The same of other stores that speak S3: MinIO, Ceph RGW, Aliyun OSS, Google Cloud Storage.
#[rustfmt::skip]
const OF_OTHER_STORES: &[&str] = &[
    "billing", "bucketInfo", "compose", "encryptionConfig", "events", "lambdaArn", "mdsearch", "referer",
    "replication-metrics", "replication-reset", "stat", "usage", "x-oss-traffic-limit", "zone",
];
/// Signed in AWS words and not in WOS words.
#[rustfmt::skip]
const AWS_ALONE: &[&str] = &[
    "accelerate", "analytics", "defaultObjectAcl", "inventory", "metrics", "object-lock", "select", "select-type",
];
/// Signed in WOS words and not in AWS words.
#[rustfmt::skip]
const WOS_ALONE: &[&str] = &[
    "append", "backtosource", "deletebucket", "ignore-sign-in-query", "metadata", "position", "quota", "storageinfo",
    "storagePolicy", "symlink", "x-image-process", "x-image-save-bucket", "x-image-save-object", "x-oss-process",
    "x-wos-process", "x-wos-anything",
];
/// Signed in both.
#[rustfmt::skip]
const SIGNED_BY_BOTH: &[&str] = &[
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "storageClass", "tagging",
    "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
];

fn unsigned(word: Word) -> impl Iterator<Item = &'static str> {
    let other = match word {
        Word::Aws => WOS_ALONE,
        Word::Wos => AWS_ALONE,
    };
    [SIGNED_BY_NONE, OF_OTHER_STORES, other]
        .concat()
        .into_iter()
}

fn signed(word: Word) -> impl Iterator<Item = &'static str> {
    let own = match word {
        Word::Aws => AWS_ALONE,
        Word::Wos => WOS_ALONE,
    };
    [SIGNED_BY_BOTH, own].concat().into_iter()
}

/// The service, the bucket and the object, in every style.
fn levels(word: Word, method: &str) -> Vec<Request> {
    let path = |target: &str| Request::new(word, method, target);
    vec![
        path("/"),
        path(&format!("/{BUCKET}")),
        path(&format!("/{BUCKET}/k")),
        Style::VirtualHost.request(word, method, ""),
        Style::VirtualHost.request(word, method, "k"),
    ]
}

/// Every parameter × method × level, added to a request that was signed without it.
fn unsigned_parameters_are_refused(forward: Forward, placement: Placement) {
    let scene = usual(forward);
    for word in Word::BOTH {
        for method in METHODS {
            for request in levels(word, method) {
                let request = placement.sign(request);
                for name in unsigned(word) {
                    let parameter = match placement {
                        Placement::Header => name.to_owned(),
                        Placement::Query => format!("{name}=1"),
                    };
                    let refusal = scene.refuses(&added(&request, &parameter), 403, "AccessDenied");
                    let message = format!(
                        "The query parameter '{name}' is not covered by signature version 2, so it is not accepted with it."
                    );
                    if method != "HEAD" {
                        let told = refusal.element("Message").unwrap_or_default();
                        assert_eq!(told.replace("&apos;", "'"), message);
                    }
                }
            }
        }
    }
}

#[test]
fn f1_unsigned_parameters_select_nothing_trusted_header() {
    unsigned_parameters_are_refused(Forward::Trusted, Placement::Header);
}

#[test]
fn f1_unsigned_parameters_select_nothing_trusted_query() {
    unsigned_parameters_are_refused(Forward::Trusted, Placement::Query);
}

#[test]
fn f1_unsigned_parameters_select_nothing_passthrough_header() {
    unsigned_parameters_are_refused(Forward::Passthrough, Placement::Header);
}

#[test]
fn f1_unsigned_parameters_select_nothing_passthrough_query() {
    unsigned_parameters_are_refused(Forward::Passthrough, Placement::Query);
}

#[test]
fn f1_signed_parameters_select_nothing_when_they_are_added_or_taken_away() {
    let scene = usual(Forward::Trusted);
    for word in Word::BOTH {
        for method in METHODS {
            for request in levels(word, method) {
                for name in signed(word) {
                    let with = added(&request, name);
                    // Half of a part's name is refused before the signature is looked at.
                    let puts_object = method == "PUT" && request.target.ends_with("/k");
                    let half = puts_object && matches!(name, "uploadId" | "partNumber");
                    let (status, code) = if half {
                        (400, "InvalidArgument")
                    } else {
                        (403, "SignatureDoesNotMatch")
                    };
                    let sent = added(&Placement::Header.sign(request.clone()), name);
                    scene.refuses(&sent, status, code);
                    let mut sent = Placement::Header.sign(with);
                    sent.target.clone_from(&request.target);
                    scene.refuses(&sent, 403, "SignatureDoesNotMatch");
                }
            }
        }
    }
}

/// What each signed parameter selects: the methods for a bucket, and for an object.
#[rustfmt::skip]
const SELECTED: &[(&str, &[&str], &[&str])] = &[
    ("accelerate", &["GET", "PUT"], &[]),
    ("acl", &["GET", "PUT"], &["GET", "PUT"]),
    ("analytics", &["GET", "PUT", "DELETE"], &[]),
    ("cors", &["GET", "PUT", "DELETE"], &[]),
    ("defaultObjectAcl", &[], &[]),
    ("delete", &["POST"], &[]),
    ("inventory", &["GET", "PUT", "DELETE"], &[]),
    ("lifecycle", &["GET", "PUT", "DELETE"], &[]),
    ("location", &["GET"], &[]),
    ("logging", &["GET", "PUT"], &[]),
    ("metrics", &["GET", "PUT", "DELETE"], &[]),
    ("notification", &["GET", "PUT"], &[]),
    ("object-lock", &["GET", "PUT"], &[]),
    ("partNumber=1&uploadId", &[], &["GET", "PUT", "POST", "DELETE"]),
    ("policy", &["GET", "PUT", "DELETE"], &[]),
    ("replication", &["GET", "PUT", "DELETE"], &[]),
    ("requestPayment", &["GET", "PUT"], &[]),
    ("restore", &[], &["POST"]),
    ("select", &[], &["POST"]),
    ("storageClass", &[], &[]),
    ("tagging", &["GET", "PUT", "DELETE"], &["GET", "PUT", "DELETE"]),
    ("torrent", &[], &["GET"]),
    ("uploads", &["GET"], &["POST"]),
    ("versioning", &["GET", "PUT"], &[]),
    ("versions", &["GET"], &[]),
    ("website", &["GET", "PUT", "DELETE"], &[]),
];
/// The same for what WOS words sign beyond that.
#[rustfmt::skip]
const SELECTED_BY_WOS: &[(&str, &[&str], &[&str])] = &[
    ("append&position=0", &[], &["POST"]),
    ("backtosource", &["GET", "PUT", "DELETE"], &[]),
    ("deletebucket", &[], &[]),
    ("metadata", &[], &[]),
    ("quota", &["GET", "PUT"], &[]),
    ("storageinfo", &["GET"], &[]),
    ("storagePolicy", &["GET", "PUT"], &[]),
    ("symlink", &[], &[]),
];

#[test]
fn f10_a_signed_parameter_without_an_operation_is_refused() {
    let scene = usual(Forward::Trusted);
    let rows = SELECTED.iter().map(|row| (Word::Aws, row));
    let of_wos = SELECTED_BY_WOS.iter().map(|row| (Word::Wos, row));
    for (word, (name, of_bucket, of_object)) in rows.chain(of_wos) {
        for method in METHODS {
            for (key, known) in [("", of_bucket), ("k", of_object)] {
                for style in Style::BOTH {
                    let request = style.request(word, method, &format!("{key}?{name}"));
                    let request = Placement::Header.sign(request);
                    if known.contains(&method) {
                        scene.passes(&request);
                    } else {
                        scene.refuses(&request, 405, "MethodNotAllowed");
                    }
                }
            }
            if !name.contains("uploadId") {
                let service = Request::new(word, method, &format!("/?{name}"));
                let service = Placement::Header.sign(service);
                scene.refuses(&service, 405, "MethodNotAllowed");
            }
        }
    }
}

#[test]
fn f1_the_parameters_of_a_listing_need_no_signature_and_select_nothing_else() {
    let ordinary = "prefix=a&delimiter=%2F&marker=m&max-keys=5&encoding-type=url&list-type=2&start-after=s\
                    &continuation-token=t&fetch-owner=true&x-id=ListObjectsV2";
    for scene in both() {
        for placement in Placement::BOTH {
            for style in Style::BOTH {
                let list = placement.sign(style.request(Word::Aws, "GET", ""));
                scene.passes(&added(&list, ordinary));
            }
            for method in METHODS {
                for request in levels(Word::Aws, method) {
                    let lists = method == "GET"
                        && (request.target == format!("/{BUCKET}")
                            || (request.bucket.is_some() && request.target == "/"));
                    let request = added(&placement.sign(request), "list-type=2");
                    if lists {
                        scene.passes(&request);
                    } else {
                        scene.refuses(&request, 405, "MethodNotAllowed");
                    }
                }
            }
        }
    }
}

#[test]
fn f1_the_copy_of_a_header_in_a_presigned_query_is_no_way_around() {
    for scene in both() {
        let copied = Style::Path
            .request(Word::Aws, "PUT", "k")
            .header("x-amz-acl", "private");
        let request = Placement::Query.sign(copied);
        for copy in ["x-amz-acl=private", "X-Amz-Acl=private"] {
            let request = added(&request, copy);
            let target = match scene.forward {
                Forward::Trusted => "/bucket01/k",
                Forward::Passthrough => &request.target,
            };
            let recorded = scene.passes_as(&request, target);
            assert_eq!(recorded.header("x-amz-acl"), Some("private"));
        }
        for (parameter, status, code) in [
            ("x-amz-acl=public-read", 400, "InvalidArgument"),
            ("x-amz-acl", 400, "InvalidArgument"),
            ("x-amz-copy-source=%2Fb%2Fk", 403, "SignatureDoesNotMatch"),
            ("content-type=text%2Fhtml", 403, "SignatureDoesNotMatch"),
            ("date=now", 403, "AccessDenied"),
            ("host=s3.example.com", 403, "AccessDenied"),
        ] {
            scene.refuses(&added(&request, parameter), status, code);
        }
        // Signed in the header, there is no reason for a copy.
        let request = Style::Path
            .request(Word::Aws, "PUT", "k")
            .header("x-amz-acl", "private");
        let request = Placement::Header.sign(request);
        scene.refuses(&added(&request, "x-amz-acl=private"), 403, "AccessDenied");
    }
}
