//! The table of error codes.

macro_rules! codes {
    ($($code:ident = $text:literal,)+) => {
        /// A code of the S3 error document (Amazon S3 API Reference, "List of error codes"), or an HTTP status by name
        /// where S3 has no code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names are the API reference's own")]
        pub enum S3ErrorCode {
            $($code,)+
        }

        impl S3ErrorCode {
            /// Every code, for tables.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The text of the `Code` element and of metrics.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)+
                }
            }
        }
    };
}

codes! {
    AccessDenied = "AccessDenied",
    AuthorizationHeaderMalformed = "AuthorizationHeaderMalformed",
    AuthorizationQueryParametersError = "AuthorizationQueryParametersError",
    BadDigest = "BadDigest",
    BadGateway = "BadGateway",
    BadRequest = "BadRequest",
    EntityTooLarge = "EntityTooLarge",
    EntityTooSmall = "EntityTooSmall",
    ExpectationFailed = "ExpectationFailed",
    ExpiredToken = "ExpiredToken",
    GatewayTimeout = "GatewayTimeout",
    IncompleteBody = "IncompleteBody",
    IncorrectNumberOfFilesInPostRequest = "IncorrectNumberOfFilesInPostRequest",
    InternalError = "InternalError",
    InvalidAccessKeyId = "InvalidAccessKeyId",
    InvalidArgument = "InvalidArgument",
    InvalidBucketName = "InvalidBucketName",
    InvalidChunkSizeError = "InvalidChunkSizeError",
    InvalidDigest = "InvalidDigest",
    InvalidPolicyDocument = "InvalidPolicyDocument",
    InvalidRequest = "InvalidRequest",
    InvalidTag = "InvalidTag",
    InvalidToken = "InvalidToken",
    InvalidUri = "InvalidURI",
    KeyTooLongError = "KeyTooLongError",
    MalformedPostRequest = "MalformedPOSTRequest",
    MalformedTrailerError = "MalformedTrailerError",
    MalformedXml = "MalformedXML",
    MaxPostPreDataLengthExceededError = "MaxPostPreDataLengthExceededError",
    MethodNotAllowed = "MethodNotAllowed",
    MissingContentLength = "MissingContentLength",
    NotImplemented = "NotImplemented",
    RequestHeaderSectionTooLarge = "RequestHeaderSectionTooLarge",
    RequestTimeTooSkewed = "RequestTimeTooSkewed",
    RequestTimeout = "RequestTimeout",
    ServiceUnavailable = "ServiceUnavailable",
    SignatureDoesNotMatch = "SignatureDoesNotMatch",
    UnexpectedContent = "UnexpectedContent",
    XAmzContentSha256Mismatch = "XAmzContentSHA256Mismatch",
}
