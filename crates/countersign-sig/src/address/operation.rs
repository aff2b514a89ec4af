//! The table of operations: which method, level and parameter select which one.

use http::Method;

use super::{AddressFailure, CopySource};

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `/`
    Service,
    /// `/bucket`
    Bucket,
    /// `/bucket/key`
    Object,
}

/// What the body of a request is. A POST upload is no row of the table: it is recognised by its Content-Type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// There is none: a request with one is refused, since a node that does not read it would take it for the next request.
    Nothing,
    /// A document, or nothing.
    Document,
    /// The data of an object or of a part.
    Object,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident: $method:ident $level:ident $selector:literal $content:ident;)+) => {
        /// An operation of the S3 API (Amazon S3 API Reference, "Actions") or of the WOS API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names are the API reference's own")]
        pub enum Operation {
            $($(#[$doc])* $operation,)+
            /// The request matches no row of the table, and is never forwarded.
            Unknown,
        }

        impl Operation {
            /// The operation's name in the API reference.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$operation => stringify!($operation),)+
                    Self::Unknown => "Unknown",
                }
            }

            /// What the body of such a request is.
            pub fn content(self) -> Content {
                match self {
                    $(Self::$operation => Content::$content,)+
                    // It is refused whatever it has.
                    Self::Unknown => Content::Nothing,
                }
            }
        }

        /// The row of the table, found by one `match` (`benches/verify.rs`: `parse`).
        fn row(method: &Method, level: Level, selector: &str) -> Operation {
            match (level, method.as_str(), selector) {
                $((Level::$level, stringify!($method), $selector) => Operation::$operation,)+
                _ => Operation::Unknown,
            }
        }

        #[cfg(test)]
        const ROWS: &[(Method, Level, &str, Operation)] = &[
            $((Method::$method, Level::$level, $selector, Operation::$operation),)+
        ];
    };
}

// Those that no parameter selects come first: they are the most frequent, and the first match ends the search.
operations! {
    ListBuckets: GET Service "" Nothing;
    ListObjects: GET Bucket "" Nothing;
    HeadBucket: HEAD Bucket "" Nothing;
    CreateBucket: PUT Bucket "" Document;
    DeleteBucket: DELETE Bucket "" Nothing;
    GetObject: GET Object "" Nothing;
    HeadObject: HEAD Object "" Nothing;
    PutObject: PUT Object "" Object;
    DeleteObject: DELETE Object "" Nothing;
    ListObjectsV2: GET Bucket "list-type" Nothing;
    ListObjectVersions: GET Bucket "versions" Nothing;
    ListMultipartUploads: GET Bucket "uploads" Nothing;
    DeleteObjects: POST Bucket "delete" Document;
    CreateSession: GET Bucket "session" Nothing;
    GetBucketLocation: GET Bucket "location" Nothing;
    GetBucketAcl: GET Bucket "acl" Nothing;
    PutBucketAcl: PUT Bucket "acl" Document;
    GetBucketPolicy: GET Bucket "policy" Nothing;
    PutBucketPolicy: PUT Bucket "policy" Document;
    DeleteBucketPolicy: DELETE Bucket "policy" Nothing;
    GetBucketPolicyStatus: GET Bucket "policyStatus" Nothing;
    GetBucketCors: GET Bucket "cors" Nothing;
    PutBucketCors: PUT Bucket "cors" Document;
    DeleteBucketCors: DELETE Bucket "cors" Nothing;
    GetBucketLifecycleConfiguration: GET Bucket "lifecycle" Nothing;
    PutBucketLifecycleConfiguration: PUT Bucket "lifecycle" Document;
    DeleteBucketLifecycle: DELETE Bucket "lifecycle" Nothing;
    GetBucketWebsite: GET Bucket "website" Nothing;
    PutBucketWebsite: PUT Bucket "website" Document;
    DeleteBucketWebsite: DELETE Bucket "website" Nothing;
    GetBucketLogging: GET Bucket "logging" Nothing;
    PutBucketLogging: PUT Bucket "logging" Document;
    GetBucketNotificationConfiguration: GET Bucket "notification" Nothing;
    PutBucketNotificationConfiguration: PUT Bucket "notification" Document;
    GetBucketReplication: GET Bucket "replication" Nothing;
    PutBucketReplication: PUT Bucket "replication" Document;
    DeleteBucketReplication: DELETE Bucket "replication" Nothing;
    GetBucketTagging: GET Bucket "tagging" Nothing;
    PutBucketTagging: PUT Bucket "tagging" Document;
    DeleteBucketTagging: DELETE Bucket "tagging" Nothing;
    GetBucketVersioning: GET Bucket "versioning" Nothing;
    PutBucketVersioning: PUT Bucket "versioning" Document;
    GetBucketRequestPayment: GET Bucket "requestPayment" Nothing;
    PutBucketRequestPayment: PUT Bucket "requestPayment" Document;
    GetBucketEncryption: GET Bucket "encryption" Nothing;
    PutBucketEncryption: PUT Bucket "encryption" Document;
    DeleteBucketEncryption: DELETE Bucket "encryption" Nothing;
    GetBucketAccelerateConfiguration: GET Bucket "accelerate" Nothing;
    PutBucketAccelerateConfiguration: PUT Bucket "accelerate" Document;
    GetBucketAnalyticsConfiguration: GET Bucket "analytics" Nothing;
    PutBucketAnalyticsConfiguration: PUT Bucket "analytics" Document;
    DeleteBucketAnalyticsConfiguration: DELETE Bucket "analytics" Nothing;
    GetBucketInventoryConfiguration: GET Bucket "inventory" Nothing;
    PutBucketInventoryConfiguration: PUT Bucket "inventory" Document;
    DeleteBucketInventoryConfiguration: DELETE Bucket "inventory" Nothing;
    GetBucketMetricsConfiguration: GET Bucket "metrics" Nothing;
    PutBucketMetricsConfiguration: PUT Bucket "metrics" Document;
    DeleteBucketMetricsConfiguration: DELETE Bucket "metrics" Nothing;
    GetBucketIntelligentTieringConfiguration: GET Bucket "intelligent-tiering" Nothing;
    PutBucketIntelligentTieringConfiguration: PUT Bucket "intelligent-tiering" Document;
    DeleteBucketIntelligentTieringConfiguration: DELETE Bucket "intelligent-tiering" Nothing;
    GetBucketOwnershipControls: GET Bucket "ownershipControls" Nothing;
    PutBucketOwnershipControls: PUT Bucket "ownershipControls" Document;
    DeleteBucketOwnershipControls: DELETE Bucket "ownershipControls" Nothing;
    GetPublicAccessBlock: GET Bucket "publicAccessBlock" Nothing;
    PutPublicAccessBlock: PUT Bucket "publicAccessBlock" Document;
    DeletePublicAccessBlock: DELETE Bucket "publicAccessBlock" Nothing;
    GetObjectLockConfiguration: GET Bucket "object-lock" Nothing;
    PutObjectLockConfiguration: PUT Bucket "object-lock" Document;
    /// WOS.
    GetBucketQuota: GET Bucket "quota" Nothing;
    /// WOS.
    PutBucketQuota: PUT Bucket "quota" Document;
    /// WOS.
    GetBucketStorageInfo: GET Bucket "storageinfo" Nothing;
    /// WOS.
    GetBucketStoragePolicy: GET Bucket "storagePolicy" Nothing;
    /// WOS.
    PutBucketStoragePolicy: PUT Bucket "storagePolicy" Document;
    /// WOS.
    GetBucketBackToSource: GET Bucket "backtosource" Nothing;
    /// WOS.
    PutBucketBackToSource: PUT Bucket "backtosource" Document;
    /// WOS.
    DeleteBucketBackToSource: DELETE Bucket "backtosource" Nothing;
    /// A PUT of an object with `x-amz-copy-source`.
    CopyObject: PUT Object "copy-source" Nothing;
    CreateMultipartUpload: POST Object "uploads" Nothing;
    UploadPart: PUT Object "uploadId" Object;
    /// An UploadPart with `x-amz-copy-source`.
    UploadPartCopy: PUT Object "uploadId copy-source" Nothing;
    CompleteMultipartUpload: POST Object "uploadId" Document;
    AbortMultipartUpload: DELETE Object "uploadId" Nothing;
    ListParts: GET Object "uploadId" Nothing;
    GetObjectAcl: GET Object "acl" Nothing;
    PutObjectAcl: PUT Object "acl" Document;
    GetObjectTagging: GET Object "tagging" Nothing;
    PutObjectTagging: PUT Object "tagging" Document;
    DeleteObjectTagging: DELETE Object "tagging" Nothing;
    GetObjectTorrent: GET Object "torrent" Nothing;
    GetObjectAttributes: GET Object "attributes" Nothing;
    GetObjectLegalHold: GET Object "legal-hold" Nothing;
    PutObjectLegalHold: PUT Object "legal-hold" Document;
    GetObjectRetention: GET Object "retention" Nothing;
    PutObjectRetention: PUT Object "retention" Document;
    RenameObject: PUT Object "renameObject" Nothing;
    RestoreObject: POST Object "restore" Document;
    SelectObjectContent: POST Object "select" Document;
    /// WOS.
    AppendObject: POST Object "append" Object;
}

/// The parameters that select an operation. Sorted. Some select one that no row knows, so that no other row answers for it.
pub const SELECTORS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "backtosource",
    "cors",
    "defaultObjectAcl",
    "delete",
    "deletebucket",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metadata",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "quota",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "storageClass",
    "storageinfo",
    "storagePolicy",
    "symlink",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// The parameter of [`SELECTORS`] that `name` spells, in whatever case.
pub fn selector(name: &str) -> Option<&'static str> {
    SELECTORS
        .iter()
        .find(|selector| selector.eq_ignore_ascii_case(name))
        .copied()
}

/// Selects the operation.
pub(super) fn select<'n>(
    method: &Method,
    level: Level,
    names: impl Iterator<Item = &'n str>,
    copy_source: CopySource,
) -> Result<Operation, AddressFailure> {
    let mut chosen = None;
    let mut other = None;
    let mut part_number = false;
    for name in names {
        part_number |= name.eq_ignore_ascii_case("partNumber");
        let Some(found) = selector(name) else {
            continue;
        };
        // What selects nothing with this method, at this level, is one of the other parameters of what is selected
        // (`metadata` of MinIO's listings, which is a selector of WOS's).
        if row(method, level, found) == Operation::Unknown {
            other = Some(found);
        } else if let Some(earlier) = chosen.replace(found) {
            return Err(AddressFailure::ConflictingParameters(earlier, found));
        }
    }
    // Alone, it selects what no row knows: no other row answers for it.
    let chosen = chosen.or(other);
    let puts_object = *method == Method::PUT && level == Level::Object;
    if puts_object && part_number != (chosen == Some("uploadId")) {
        return Err(AddressFailure::IncompletePart);
    }
    let copies = puts_object && copy_source == CopySource::Present;
    let wanted = match (chosen, copies) {
        (None, false) => "",
        (None, true) => "copy-source",
        (Some("uploadId"), true) => "uploadId copy-source",
        (Some(other), _) => other,
    };
    Ok(row(method, level, wanted))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_selectors_are_those_of_the_rows() {
        assert!(SELECTORS.is_sorted_by_key(|name| name.to_ascii_lowercase()));
        let of_rows: BTreeSet<&str> = ROWS.iter().map(|row| row.2).collect();
        let selectors: BTreeSet<&str> = SELECTORS.iter().copied().collect();
        let of_no_selector: Vec<_> = of_rows.difference(&selectors).copied().collect();
        assert_eq!(of_no_selector, ["", "copy-source", "uploadId copy-source"]);
        let of_no_row: Vec<_> = selectors.difference(&of_rows).copied().collect();
        let unknown = [
            "defaultObjectAcl",
            "deletebucket",
            "metadata",
            "storageClass",
            "symlink",
        ];
        assert_eq!(of_no_row, unknown);
        assert_eq!(ROWS.len(), 99);
    }

    #[test]
    fn each_row_answers_for_itself_alone() {
        for (method, level, selector, operation) in ROWS {
            assert_eq!(row(method, *level, selector), *operation, "{selector}");
        }
    }

    #[test]
    fn what_has_a_body_is_put_or_posted() {
        let mut of_objects = Vec::new();
        let mut empty = Vec::new();
        for (method, _, _, operation) in ROWS {
            let writes = matches!(*method, Method::PUT | Method::POST);
            match operation.content() {
                Content::Object => of_objects.push(operation.name()),
                Content::Nothing if writes => empty.push(operation.name()),
                Content::Nothing => {}
                Content::Document => assert!(writes, "{operation:?}"),
            }
        }
        assert_eq!(of_objects, ["PutObject", "UploadPart", "AppendObject"]);
        // By the request syntax of the API reference: each has "The request does not have a request body."
        let documented = [
            "CopyObject",
            "CreateMultipartUpload",
            "UploadPartCopy",
            "RenameObject",
        ];
        assert_eq!(empty, documented);
    }

    #[test]
    fn operations_are_selected() {
        use Level::{Bucket, Object, Service};
        let of = |method: &Method, level, names: &[&str], copy| {
            select(method, level, names.iter().copied(), copy)
        };
        let absent = CopySource::Absent;
        assert_eq!(
            of(&Method::GET, Service, &[], absent),
            Ok(Operation::ListBuckets)
        );
        assert_eq!(
            of(&Method::PUT, Object, &[], absent),
            Ok(Operation::PutObject)
        );
        assert_eq!(
            of(&Method::PUT, Object, &[], CopySource::Present),
            Ok(Operation::CopyObject)
        );
        let part = ["partNumber", "uploadId"];
        assert_eq!(
            of(&Method::PUT, Object, &part, absent),
            Ok(Operation::UploadPart)
        );
        assert_eq!(
            of(&Method::PUT, Object, &part, CopySource::Present),
            Ok(Operation::UploadPartCopy)
        );
        assert_eq!(
            of(&Method::GET, Bucket, &["prefix", "list-type"], absent),
            Ok(Operation::ListObjectsV2)
        );
        assert_eq!(
            of(&Method::POST, Object, &["UPLOADS"], absent),
            Ok(Operation::CreateMultipartUpload)
        );
        assert_eq!(
            of(&Method::POST, Object, &["uploadz"], absent),
            Ok(Operation::Unknown)
        );
        assert_eq!(
            of(&Method::DELETE, Service, &[], absent),
            Ok(Operation::Unknown)
        );
        assert_eq!(
            of(&Method::GET, Object, &["delete"], absent),
            Ok(Operation::Unknown)
        );
        assert_eq!(
            of(&Method::GET, Bucket, &["acl", "cors"], absent),
            Err(AddressFailure::ConflictingParameters("acl", "cors"))
        );
        // A selector counts where it selects something.
        for beside in ["metadata", "delete", "restore", "symlink"] {
            for names in [["list-type", beside], [beside, "list-type"]] {
                let chosen = of(&Method::GET, Bucket, &names, absent);
                assert_eq!(chosen, Ok(Operation::ListObjectsV2), "{beside}");
            }
            let alone = of(&Method::GET, Bucket, &[beside], absent);
            assert_eq!(alone, Ok(Operation::Unknown), "{beside}");
        }
        assert_eq!(
            of(&Method::GET, Bucket, &["metadata", "delete"], absent),
            Ok(Operation::Unknown)
        );
        assert_eq!(
            of(&Method::GET, Bucket, &["list-type", "versions"], absent),
            Err(AddressFailure::ConflictingParameters(
                "list-type",
                "versions"
            ))
        );
        for half in ["partNumber", "uploadId"] {
            let refused = of(&Method::PUT, Object, &[half], absent);
            assert_eq!(refused, Err(AddressFailure::IncompletePart), "{half}");
        }
    }
}
