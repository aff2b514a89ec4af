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

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident: $($method:ident $level:ident $selector:literal),+;)+) => {
        /// An operation of the S3 API (Amazon S3 API Reference, "Actions") or of the WOS API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names are the API reference's own")]
        pub enum Operation {
            $($(#[$doc])* $operation,)+
            /// No row of the table: such a request is never forwarded.
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
        }

        /// The row of the table. A `match` takes some nanoseconds where a search through a list takes a microsecond.
        fn row(method: &Method, level: Level, selector: &str) -> Operation {
            match (level, method.as_str(), selector) {
                $($((Level::$level, stringify!($method), $selector) => Operation::$operation,)+)+
                _ => Operation::Unknown,
            }
        }

        #[cfg(test)]
        const ROWS: &[(Method, Level, &str, Operation)] = &[
            $($((Method::$method, Level::$level, $selector, Operation::$operation),)+)+
        ];
    };
}

// Those that no parameter selects come first: they are the most frequent, and the first match ends the search.
operations! {
    ListBuckets: GET Service "";
    ListObjects: GET Bucket "";
    HeadBucket: HEAD Bucket "";
    CreateBucket: PUT Bucket "";
    DeleteBucket: DELETE Bucket "";
    GetObject: GET Object "";
    HeadObject: HEAD Object "";
    PutObject: PUT Object "";
    DeleteObject: DELETE Object "";
    ListObjectsV2: GET Bucket "list-type";
    ListObjectVersions: GET Bucket "versions";
    ListMultipartUploads: GET Bucket "uploads";
    DeleteObjects: POST Bucket "delete";
    CreateSession: GET Bucket "session";
    GetBucketLocation: GET Bucket "location";
    GetBucketAcl: GET Bucket "acl";
    PutBucketAcl: PUT Bucket "acl";
    GetBucketPolicy: GET Bucket "policy";
    PutBucketPolicy: PUT Bucket "policy";
    DeleteBucketPolicy: DELETE Bucket "policy";
    GetBucketPolicyStatus: GET Bucket "policyStatus";
    GetBucketCors: GET Bucket "cors";
    PutBucketCors: PUT Bucket "cors";
    DeleteBucketCors: DELETE Bucket "cors";
    GetBucketLifecycleConfiguration: GET Bucket "lifecycle";
    PutBucketLifecycleConfiguration: PUT Bucket "lifecycle";
    DeleteBucketLifecycle: DELETE Bucket "lifecycle";
    GetBucketWebsite: GET Bucket "website";
    PutBucketWebsite: PUT Bucket "website";
    DeleteBucketWebsite: DELETE Bucket "website";
    GetBucketLogging: GET Bucket "logging";
    PutBucketLogging: PUT Bucket "logging";
    GetBucketNotificationConfiguration: GET Bucket "notification";
    PutBucketNotificationConfiguration: PUT Bucket "notification";
    GetBucketReplication: GET Bucket "replication";
    PutBucketReplication: PUT Bucket "replication";
    DeleteBucketReplication: DELETE Bucket "replication";
    GetBucketTagging: GET Bucket "tagging";
    PutBucketTagging: PUT Bucket "tagging";
    DeleteBucketTagging: DELETE Bucket "tagging";
    GetBucketVersioning: GET Bucket "versioning";
    PutBucketVersioning: PUT Bucket "versioning";
    GetBucketRequestPayment: GET Bucket "requestPayment";
    PutBucketRequestPayment: PUT Bucket "requestPayment";
    GetBucketEncryption: GET Bucket "encryption";
    PutBucketEncryption: PUT Bucket "encryption";
    DeleteBucketEncryption: DELETE Bucket "encryption";
    GetBucketAccelerateConfiguration: GET Bucket "accelerate";
    PutBucketAccelerateConfiguration: PUT Bucket "accelerate";
    GetBucketAnalyticsConfiguration: GET Bucket "analytics";
    PutBucketAnalyticsConfiguration: PUT Bucket "analytics";
    DeleteBucketAnalyticsConfiguration: DELETE Bucket "analytics";
    GetBucketInventoryConfiguration: GET Bucket "inventory";
    PutBucketInventoryConfiguration: PUT Bucket "inventory";
    DeleteBucketInventoryConfiguration: DELETE Bucket "inventory";
    GetBucketMetricsConfiguration: GET Bucket "metrics";
    PutBucketMetricsConfiguration: PUT Bucket "metrics";
    DeleteBucketMetricsConfiguration: DELETE Bucket "metrics";
    GetBucketIntelligentTieringConfiguration: GET Bucket "intelligent-tiering";
    PutBucketIntelligentTieringConfiguration: PUT Bucket "intelligent-tiering";
    DeleteBucketIntelligentTieringConfiguration: DELETE Bucket "intelligent-tiering";
    GetBucketOwnershipControls: GET Bucket "ownershipControls";
    PutBucketOwnershipControls: PUT Bucket "ownershipControls";
    DeleteBucketOwnershipControls: DELETE Bucket "ownershipControls";
    GetPublicAccessBlock: GET Bucket "publicAccessBlock";
    PutPublicAccessBlock: PUT Bucket "publicAccessBlock";
    DeletePublicAccessBlock: DELETE Bucket "publicAccessBlock";
    GetObjectLockConfiguration: GET Bucket "object-lock";
    PutObjectLockConfiguration: PUT Bucket "object-lock";
    /// WOS.
    GetBucketQuota: GET Bucket "quota";
    /// WOS.
    PutBucketQuota: PUT Bucket "quota";
    /// WOS.
    GetBucketStorageInfo: GET Bucket "storageinfo";
    /// WOS.
    GetBucketStoragePolicy: GET Bucket "storagePolicy";
    /// WOS.
    PutBucketStoragePolicy: PUT Bucket "storagePolicy";
    /// WOS.
    GetBucketBackToSource: GET Bucket "backtosource";
    /// WOS.
    PutBucketBackToSource: PUT Bucket "backtosource";
    /// WOS.
    DeleteBucketBackToSource: DELETE Bucket "backtosource";
    /// A PUT of an object with `x-amz-copy-source`.
    CopyObject: PUT Object "copy-source";
    CreateMultipartUpload: POST Object "uploads";
    UploadPart: PUT Object "uploadId";
    /// An UploadPart with `x-amz-copy-source`.
    UploadPartCopy: PUT Object "uploadId copy-source";
    CompleteMultipartUpload: POST Object "uploadId";
    AbortMultipartUpload: DELETE Object "uploadId";
    ListParts: GET Object "uploadId";
    GetObjectAcl: GET Object "acl";
    PutObjectAcl: PUT Object "acl";
    GetObjectTagging: GET Object "tagging";
    PutObjectTagging: PUT Object "tagging";
    DeleteObjectTagging: DELETE Object "tagging";
    GetObjectTorrent: GET Object "torrent";
    GetObjectAttributes: GET Object "attributes";
    GetObjectLegalHold: GET Object "legal-hold";
    PutObjectLegalHold: PUT Object "legal-hold";
    GetObjectRetention: GET Object "retention";
    PutObjectRetention: PUT Object "retention";
    RenameObject: PUT Object "renameObject";
    RestoreObject: POST Object "restore";
    SelectObjectContent: POST Object "select";
    /// WOS.
    AppendObject: POST Object "append";
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
        .find(|own| own.eq_ignore_ascii_case(name))
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
    let mut part_number = false;
    for name in names {
        part_number |= name.eq_ignore_ascii_case("partNumber");
        let Some(found) = selector(name) else {
            continue;
        };
        if let Some(earlier) = chosen.replace(found) {
            return Err(AddressFailure::ConflictingParameters(earlier, found));
        }
    }
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
        let own: BTreeSet<&str> = SELECTORS.iter().copied().collect();
        let of_no_selector: Vec<_> = of_rows.difference(&own).copied().collect();
        assert_eq!(of_no_selector, ["", "copy-source", "uploadId copy-source"]);
        let of_no_row: Vec<_> = own.difference(&of_rows).copied().collect();
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
        for half in ["partNumber", "uploadId"] {
            let refused = of(&Method::PUT, Object, &[half], absent);
            assert_eq!(refused, Err(AddressFailure::IncompletePart), "{half}");
        }
    }
}
