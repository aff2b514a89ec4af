//! The reference model: what becomes of a request. It knows the documents, not the gateway.
//!
//! A request may break several rules; the answer is that of the first one, in the order that `docs/verification.md` prints.
//! Where the vendors' documents differ, the words decide.

use crate::combination::{Combination, Damage, Digest, Flaw, Kind, Mode};
use crate::operations::{Content, Covered, Level, Operation, Selected};
use support::signer::Word;

/// What the client is told, and what the node gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    pub status: u16,
    /// None where the request is served.
    pub code: Option<&'static str>,
    pub node: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// Not a byte.
    Nothing,
    /// Perhaps a part, never a complete message.
    NothingComplete,
    /// One complete message: the object or document itself, without frames.
    Plain,
}

/// A broken rule: its place in the order, and the answer.
type Broken = (u8, Verdict);

// The places of what is no rule of the signature; those of the signature are 10 + their number.
const QUERY: u8 = 3;
const REPEATED_HEADER: u8 = 4;
const ADDRESS: u8 = 5;
const FORM: u8 = 60;
const SPELLING: u8 = 65;
const OPERATION: u8 = 70;
const BODY_HEADER: u8 = 80;
const BODY: u8 = 90;

fn told(place: u8, status: u16, code: &'static str) -> Broken {
    let node = if place < BODY {
        Node::Nothing
    } else {
        Node::NothingComplete
    };
    (
        place,
        Verdict {
            status,
            code: Some(code),
            node,
        },
    )
}

fn rule(number: u8, status: u16, code: &'static str) -> Broken {
    told(10 + number, status, code)
}

/// What becomes of it.
pub fn verdict(combination: &Combination) -> Verdict {
    let broken = [
        address(combination),
        mechanism(combination),
        credentials(combination),
        mode(combination),
        coverage(combination),
        operation(combination),
        body_header(combination),
        body(combination),
    ];
    let first = broken.into_iter().flatten().min_by_key(|(place, _)| *place);
    let served = Verdict {
        status: if is_form_upload(combination) {
            204
        } else {
            200
        },
        code: None,
        node: Node::Plain,
    };
    first.map_or(served, |(_, verdict)| verdict)
}

/// Whose words the answer uses: those that the credentials are written in, where there are any.
pub fn words(combination: &Combination) -> Option<Word> {
    match (combination.kind, combination.flaw) {
        (Kind::None, _) => None,
        (Kind::V2Form | Kind::V4Form, _) if !is_form_upload(combination) => None,
        // A word of AWS's, whatever follows it.
        (Kind::V4Header, Flaw::AsymmetricAlgorithm) => Some(Word::Aws),
        _ => Some(combination.word),
    }
}

fn is_form_upload(combination: &Combination) -> bool {
    let operation = &combination.operation;
    let posts = operation.method == "POST" && operation.level == Level::Bucket;
    combination.kind.is_form() && posts && operation.query.is_empty()
}

/// A part is named by its number and its upload.
fn address(combination: &Combination) -> Option<Broken> {
    let half = combination.operation.selected == Selected::HalfAPart;
    half.then(|| told(ADDRESS, 400, "InvalidArgument"))
}

/// Nobody signed it.
fn mechanism(combination: &Combination) -> Option<Broken> {
    let unsigned = combination.kind == Kind::None
        || (combination.kind.is_form() && !is_form_upload(combination));
    if !unsigned {
        return None;
    }
    let operation = &combination.operation;
    // A browser would take the object for what whoever made up the link says (GetObject: "you must sign the request").
    let overrides =
        operation.query.starts_with("response-") && matches!(operation.method, "GET" | "HEAD");
    Some(match overrides {
        true => rule(6, 400, "InvalidRequest"),
        false => rule(6, 403, "AccessDenied"),
    })
}

fn credentials(combination: &Combination) -> Option<Broken> {
    let Combination {
        kind, flaw, word, ..
    } = combination;
    let (v4, query, wos) = (kind.is_v4(), kind.is_query(), *word == Word::Wos);
    let mismatch = rule(32, 403, "SignatureDoesNotMatch");
    let malformed = match query {
        true => "AuthorizationQueryParametersError",
        false => "AuthorizationHeaderMalformed",
    };
    if kind.is_form() {
        return form(combination);
    }
    Some(match flaw {
        Flaw::None => return None,
        Flaw::RepeatedParameter => told(QUERY, 400, "InvalidArgument"),
        Flaw::RepeatedHeader => told(REPEATED_HEADER, 400, "InvalidArgument"),
        Flaw::TwoMechanisms => rule(5, 400, "InvalidArgument"),
        Flaw::OtherWord => rule(7, 400, "InvalidArgument"),
        // "Unsupported Authorization Type" (WOS); "Please use AWS4-HMAC-SHA256" (AWS, List of error codes).
        Flaw::OtherAlgorithm if wos && !query => rule(7, 400, "InvalidArgument"),
        Flaw::OtherAlgorithm | Flaw::AsymmetricAlgorithm => rule(8, 400, "InvalidRequest"),
        // Nothing behind the colon. Elsewhere there is one, and it is no key's.
        Flaw::EmptySignature if !v4 && !query => rule(10, 400, "InvalidArgument"),
        Flaw::MissingPart => rule(11, 400, malformed),
        Flaw::NoExpires if v4 => rule(12, 400, malformed),
        Flaw::NoExpires => rule(12, 403, "AccessDenied"),
        Flaw::ShortScope => rule(13, 400, malformed),
        Flaw::EmptyKey => rule(14, 400, "AuthorizationHeaderMalformed"),
        Flaw::UnsortedHeaders => rule(15, 400, malformed),
        Flaw::ForeignHeader => rule(16, 403, "AccessDenied"),
        Flaw::NoDate if query => rule(12, 400, malformed),
        Flaw::GarbledDate if query => rule(21, 400, malformed),
        Flaw::NoDate | Flaw::GarbledDate => rule(21, 403, "AccessDenied"),
        Flaw::ScopeDay if wos => rule(22, 400, "InvalidArgument"),
        Flaw::ScopeDay | Flaw::ScopeRegion | Flaw::ScopeService | Flaw::ScopeTerminator => {
            rule(22, 400, malformed)
        }
        Flaw::Stale | Flaw::Early if !query && wos => rule(23, 400, "ExpiredToken"),
        Flaw::Stale | Flaw::Early if !query => rule(23, 403, "RequestTimeTooSkewed"),
        Flaw::GarbledExpires if !v4 => rule(24, 403, "AccessDenied"),
        Flaw::GarbledExpires | Flaw::ZeroExpires | Flaw::LongExpires => rule(25, 400, malformed),
        Flaw::Early => rule(26, 403, "AccessDenied"),
        Flaw::Stale => rule(27, 403, "AccessDenied"),
        Flaw::UnsignedHeader | Flaw::UnsignedHost => rule(28, 403, "AccessDenied"),
        // Version 2 signs every header of the vendor's, version 4 those on its list.
        Flaw::AddedHeader if v4 => rule(28, 403, "AccessDenied"),
        Flaw::UnknownKey => rule(30, 403, "InvalidAccessKeyId"),
        Flaw::JunkToken => rule(31, 400, "InvalidToken"),
        // Version 2 does not sign it, and takes only those of a listing without a signature.
        Flaw::AddedParameter if !v4 => rule(33, 403, "AccessDenied"),
        _ => mismatch,
    })
}

fn form(combination: &Combination) -> Option<Broken> {
    let Combination {
        kind, flaw, word, ..
    } = combination;
    if !is_form_upload(combination) {
        return None;
    }
    let v4 = kind.is_v4();
    Some(match flaw {
        Flaw::None => return None,
        Flaw::TwoMechanisms => told(FORM, 400, "InvalidArgument"),
        Flaw::UnknownKey => told(FORM, 403, "InvalidAccessKeyId"),
        Flaw::WrongSignature | Flaw::WrongSecret => told(FORM, 403, "SignatureDoesNotMatch"),
        Flaw::NoObjectKey => told(FORM, 400, "InvalidArgument"),
        Flaw::EmptySignature | Flaw::NoPolicy => told(FORM, 400, "InvalidArgument"),
        // The field of version 2 is empty, the credential of version 4 begins with nothing.
        Flaw::EmptyKey if !v4 => told(FORM, 400, "InvalidArgument"),
        Flaw::EmptyKey => told(FORM, 400, "AuthorizationHeaderMalformed"),
        Flaw::ScopeDay if *word == Word::Wos => told(FORM, 400, "InvalidArgument"),
        Flaw::ScopeDay | Flaw::ScopeRegion | Flaw::ScopeService | Flaw::ScopeTerminator => {
            told(FORM, 400, "AuthorizationQueryParametersError")
        }
        Flaw::GarbledPolicy => told(FORM, 400, "InvalidPolicyDocument"),
        Flaw::TooShort => told(BODY, 400, "EntityTooSmall"),
        Flaw::TooLong => told(BODY, 400, "EntityTooLarge"),
        _ => told(FORM, 403, "AccessDenied"),
    })
}

/// What `x-amz-content-sha256` says, and whether this request may say so.
fn mode(combination: &Combination) -> Option<Broken> {
    let Combination {
        kind,
        payload,
        operation,
        ..
    } = combination;
    match (kind, payload.mode) {
        // Chunks are version 4's.
        (Kind::V2Header | Kind::V2Query, mode) if mode.is_chunked() => {
            Some(rule(17, 501, "NotImplemented"))
        }
        (Kind::V4Header, Mode::Absent) => Some(rule(18, 400, "InvalidRequest")),
        // Presigned and in version 2 a request without a body may say anything of it.
        (Kind::V4Header, _) if payload.damage == Damage::MalformedHash => {
            Some(rule(19, 400, "InvalidArgument"))
        }
        (Kind::V4Query | Kind::V2Header | Kind::V2Query, _)
            if payload.damage == Damage::MalformedHash && !reads_alone(operation) =>
        {
            Some(rule(19, 400, "InvalidArgument"))
        }
        // An object's bytes or a part's, signed in the header: nothing else comes in chunks.
        (Kind::V4Query, mode) if mode.is_chunked() => Some(rule(20, 400, "InvalidRequest")),
        (Kind::V4Header, mode) if mode.is_chunked() && !operation.takes_chunks() => {
            Some(rule(20, 400, "InvalidRequest"))
        }
        _ => None,
    }
}

/// What selects an operation is signed, or the request is not served.
fn coverage(combination: &Combination) -> Option<Broken> {
    let Combination {
        kind,
        operation,
        word,
        ..
    } = combination;
    let covered = match operation.covered {
        Covered::Both => true,
        Covered::Aws => *word == Word::Aws,
        Covered::Wos => *word == Word::Wos,
        Covered::Neither => false,
    };
    let version_2 = matches!(kind, Kind::V2Header | Kind::V2Query);
    (version_2 && !covered).then(|| rule(33, 403, "AccessDenied"))
}

fn operation(combination: &Combination) -> Option<Broken> {
    if is_form_upload(combination) {
        return None;
    }
    match combination.operation.selected {
        Selected::Misspelt => Some(told(SPELLING, 400, "InvalidArgument")),
        Selected::Nothing => Some(told(OPERATION, 405, "MethodNotAllowed")),
        // Its address has no reading: see there.
        Selected::HalfAPart | Selected::Operation => None,
    }
}

fn reads_alone(operation: &Operation) -> bool {
    matches!(operation.method, "GET" | "HEAD")
}

/// Whether the operation never has a body, so that nothing is claimed of it.
fn claims_nothing(operation: &Operation) -> bool {
    reads_alone(operation) || operation.method == "DELETE"
}

/// What the header alone says wrongly of the body.
fn body_header(combination: &Combination) -> Option<Broken> {
    let payload = combination.payload;
    Some(match payload.damage {
        _ if claims_nothing(&combination.operation) => return None,
        Damage::MalformedDigest if payload.digest == Digest::Md5 => {
            told(BODY_HEADER, 400, "InvalidDigest")
        }
        Damage::MalformedDigest => told(BODY_HEADER, 400, "InvalidRequest"),
        Damage::NoDecoded => told(BODY_HEADER, 411, "MissingContentLength"),
        Damage::GarbledDecoded => told(BODY_HEADER, 411, "MissingContentLength"),
        Damage::UnknownTrailer => told(BODY_HEADER, 400, "InvalidRequest"),
        // Content-Length has no room for what was announced.
        Damage::DroppedChunk => told(BODY_HEADER, 400, "IncompleteBody"),
        _ => return None,
    })
}

/// What the body itself shows.
fn body(combination: &Combination) -> Option<Broken> {
    let Combination {
        payload,
        word,
        operation,
        ..
    } = combination;
    let empty = operation.content == Content::Nothing;
    Some(match payload.damage {
        _ if claims_nothing(operation) => return None,
        Damage::WrongHash if empty => told(BODY_HEADER, 400, "XAmzContentSHA256Mismatch"),
        Damage::WrongHash => told(BODY, 400, "XAmzContentSHA256Mismatch"),
        Damage::WrongDigest if payload.digest == Digest::Md5 && *word == Word::Wos => {
            told(BODY, 403, "SignatureDoesNotMatch")
        }
        Damage::WrongDigest | Damage::WrongTrailer => told(BODY, 400, "BadDigest"),
        Damage::FirstSignature
        | Damage::MiddleSignature
        | Damage::FinalSignature
        | Damage::ChangedData
        | Damage::SwappedChunks
        | Damage::RepeatedChunk
        | Damage::TrailerSignature
        | Damage::NoTrailerSignature => told(BODY, 403, "SignatureDoesNotMatch"),
        Damage::NoSignature
        | Damage::GarbledSize
        | Damage::NoFinalChunk
        | Damage::DecodedLess
        | Damage::DecodedMore => told(BODY, 400, "IncompleteBody"),
        Damage::SmallChunk => told(BODY, 403, "InvalidChunkSizeError"),
        Damage::MalformedTrailer => told(BODY, 400, "InvalidRequest"),
        Damage::OtherTrailer | Damage::NoTrailer | Damage::SecondTrailer => {
            told(BODY, 400, "MalformedTrailerError")
        }
        _ => return None,
    })
}
