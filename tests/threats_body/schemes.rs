//! A4, B1 to B3: the payload mode is no way around the signature, and the signature none around the payload mode.

use super::{Scene, object, upload};
use support::upload::{STREAMING, UNSIGNED, Upload, sha256};

/// Method, target and name of every operation of the table that the gateway routes.
const OPERATIONS: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/bucket01"),
    ("HEAD", "/bucket01"),
    ("PUT", "/bucket01"),
    ("DELETE", "/bucket01"),
    ("GET", "/bucket01/key"),
    ("HEAD", "/bucket01/key"),
    ("PUT", "/bucket01/key"),
    ("DELETE", "/bucket01/key"),
    ("GET", "/bucket01?list-type=2"),
    ("GET", "/bucket01?versions"),
    ("GET", "/bucket01?uploads"),
    ("POST", "/bucket01?delete"),
    ("GET", "/bucket01?session"),
    ("GET", "/bucket01?location"),
    ("GET", "/bucket01?acl"),
    ("PUT", "/bucket01?acl"),
    ("GET", "/bucket01?policy"),
    ("PUT", "/bucket01?policy"),
    ("DELETE", "/bucket01?policy"),
    ("GET", "/bucket01?policyStatus"),
    ("GET", "/bucket01?cors"),
    ("PUT", "/bucket01?cors"),
    ("DELETE", "/bucket01?cors"),
    ("GET", "/bucket01?lifecycle"),
    ("PUT", "/bucket01?lifecycle"),
    ("DELETE", "/bucket01?lifecycle"),
    ("GET", "/bucket01?website"),
    ("PUT", "/bucket01?website"),
    ("DELETE", "/bucket01?website"),
    ("GET", "/bucket01?logging"),
    ("PUT", "/bucket01?logging"),
    ("GET", "/bucket01?notification"),
    ("PUT", "/bucket01?notification"),
    ("GET", "/bucket01?replication"),
    ("PUT", "/bucket01?replication"),
    ("DELETE", "/bucket01?replication"),
    ("GET", "/bucket01?tagging"),
    ("PUT", "/bucket01?tagging"),
    ("DELETE", "/bucket01?tagging"),
    ("GET", "/bucket01?versioning"),
    ("PUT", "/bucket01?versioning"),
    ("GET", "/bucket01?requestPayment"),
    ("PUT", "/bucket01?requestPayment"),
    ("GET", "/bucket01?encryption"),
    ("PUT", "/bucket01?encryption"),
    ("DELETE", "/bucket01?encryption"),
    ("GET", "/bucket01?accelerate"),
    ("PUT", "/bucket01?accelerate"),
    ("GET", "/bucket01?analytics"),
    ("PUT", "/bucket01?analytics"),
    ("DELETE", "/bucket01?analytics"),
    ("GET", "/bucket01?inventory"),
    ("PUT", "/bucket01?inventory"),
    ("DELETE", "/bucket01?inventory"),
    ("GET", "/bucket01?metrics"),
    ("PUT", "/bucket01?metrics"),
    ("DELETE", "/bucket01?metrics"),
    ("GET", "/bucket01?intelligent-tiering"),
    ("PUT", "/bucket01?intelligent-tiering"),
    ("DELETE", "/bucket01?intelligent-tiering"),
    ("GET", "/bucket01?ownershipControls"),
    ("PUT", "/bucket01?ownershipControls"),
    ("DELETE", "/bucket01?ownershipControls"),
    ("GET", "/bucket01?publicAccessBlock"),
    ("PUT", "/bucket01?publicAccessBlock"),
    ("DELETE", "/bucket01?publicAccessBlock"),
    ("GET", "/bucket01?object-lock"),
    ("PUT", "/bucket01?object-lock"),
    ("GET", "/bucket01?quota"),
    ("PUT", "/bucket01?quota"),
    ("GET", "/bucket01?storageinfo"),
    ("GET", "/bucket01?storagePolicy"),
    ("PUT", "/bucket01?storagePolicy"),
    ("GET", "/bucket01?backtosource"),
    ("PUT", "/bucket01?backtosource"),
    ("DELETE", "/bucket01?backtosource"),
    ("POST", "/bucket01/key?uploads"),
    ("PUT", "/bucket01/key?partNumber=1&uploadId=u"),
    ("POST", "/bucket01/key?uploadId=u"),
    ("DELETE", "/bucket01/key?uploadId=u"),
    ("GET", "/bucket01/key?uploadId=u"),
    ("GET", "/bucket01/key?acl"),
    ("PUT", "/bucket01/key?acl"),
    ("GET", "/bucket01/key?tagging"),
    ("PUT", "/bucket01/key?tagging"),
    ("DELETE", "/bucket01/key?tagging"),
    ("GET", "/bucket01/key?torrent"),
    ("GET", "/bucket01/key?attributes"),
    ("GET", "/bucket01/key?legal-hold"),
    ("PUT", "/bucket01/key?legal-hold"),
    ("GET", "/bucket01/key?retention"),
    ("PUT", "/bucket01/key?retention"),
    ("PUT", "/bucket01/key?renameObject"),
    ("POST", "/bucket01/key?restore"),
    ("POST", "/bucket01/key?select"),
    ("POST", "/bucket01/key?append"),
];

#[test]
fn a4_an_unsigned_hash_selects_no_verifier() {
    let data = object(1000);
    for scene in Scene::both_closing() {
        let plain = Upload::new(UNSIGNED, data.clone());
        scene.commits("none", &plain.presigned(None));
        scene.commits("unsigned", &plain.presigned(Some(UNSIGNED)));
        let right = plain.presigned(Some(&sha256(&data)));
        scene.commits("right", &right);
        let wrong = plain.presigned(Some(&sha256("x")));
        scene.never_completes(("wrong", &wrong), 400, "XAmzContentSHA256Mismatch");
        // The value is no part of what is signed where the request says UNSIGNED-PAYLOAD by saying nothing.
        let added = plain.presigned(None);
        for mode in STREAMING {
            for upload in [
                added.clone().unsigned_header("x-amz-content-sha256", mode),
                Upload::new(mode, data.clone()).presigned(Some(mode)),
            ] {
                let response = scene.send((mode, &upload));
                assert_eq!(response.status / 100, 4, "{}", response.text());
                scene.rec.assert_untouched();
            }
        }
    }
}

#[test]
fn b1_a_mode_without_signed_chunks_has_a_signed_header() {
    for scene in Scene::both_closing() {
        for mode in STREAMING.into_iter().chain([UNSIGNED]) {
            let mut forged = upload(mode).signed();
            let at = forged.head.find("Signature=").expect("the signature") + 10;
            forged.head.replace_range(at..at + 64, &"0".repeat(64));
            scene.refuses((mode, &forged), 403, "SignatureDoesNotMatch");
        }
    }
}

#[test]
fn b2_credentials_in_the_query_are_credentials() {
    for scene in Scene::both_closing() {
        for target in ["/bucket01/key", "/bucket01/key?partNumber=1&uploadId=u"] {
            for mode in STREAMING.into_iter().chain([UNSIGNED]) {
                let presigned = upload(mode).target(target).presigned(Some(mode));
                let (before, signature) = presigned
                    .head
                    .split_once("&X-Amz-Signature=")
                    .expect("the signature");
                let rest = &signature[64..];
                for signature in [
                    String::new(),
                    "&X-Amz-Signature=".into(),
                    format!("&X-Amz-Signature={}", "0".repeat(64)),
                ] {
                    let mut forged = presigned.clone();
                    forged.head = format!("{before}{signature}{rest}");
                    let response = scene.send((mode, &forged));
                    assert_eq!(response.status / 100, 4, "{}", response.text());
                    scene.rec.assert_untouched();
                }
            }
        }
    }
}

#[test]
fn b3_no_operation_forgets_the_signature() {
    for scene in Scene::both_closing() {
        for (method, target) in OPERATIONS {
            for mode in STREAMING {
                let upload = Upload::new(mode, object(1000))
                    .method(method)
                    .target(target)
                    .header("x-amz-meta-snowball-auto-extract", "true");
                let mut forged = upload.signed();
                let at = forged.head.find("Signature=").expect("the signature") + 10;
                forged.head.replace_range(at..at + 64, &"0".repeat(64));
                let mut connection = scene.gateway.connect();
                connection.send(forged.bytes());
                let response = connection.try_receive(method).expect("an answer");
                let status = response.status;
                assert!(matches!(status, 400 | 403), "{method} {target}: {status}");
            }
        }
        scene.rec.assert_untouched();
    }
}

#[test]
fn b3_only_what_stores_bytes_may_frame_them() {
    for scene in Scene::both_closing() {
        for (method, target) in OPERATIONS {
            let stores = *method == "PUT"
                && (!target.contains('?') || target.ends_with("partNumber=1&uploadId=u"))
                && target.starts_with("/bucket01/");
            for mode in STREAMING {
                let upload = Upload::new(mode, object(1000))
                    .method(method)
                    .target(target);
                let upload = upload.signed();
                if stores {
                    scene.commits(target, &upload);
                    continue;
                }
                let mut connection = scene.gateway.connect();
                connection.send(upload.bytes());
                let response = connection.try_receive(method).expect("an answer");
                assert_eq!(response.status, 400, "{method} {target}");
                if *method != "HEAD" {
                    assert_eq!(response.element("Code").as_deref(), Some("InvalidRequest"));
                }
                scene.rec.assert_untouched();
            }
        }
    }
}
