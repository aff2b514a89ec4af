//! What is combined, and every combination of it.

use crate::operations::{self, Content, Operation};
use support::signer::Word;

/// How a request says who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    None,
    V2Header,
    V2Query,
    V2Form,
    V4Header,
    V4Query,
    V4Form,
}

impl Kind {
    /// All that stand in the header or the query.
    pub const OF_THE_HEAD: [Self; 5] = [
        Self::None,
        Self::V2Header,
        Self::V2Query,
        Self::V4Header,
        Self::V4Query,
    ];
    pub const FORMS: [Self; 2] = [Self::V2Form, Self::V4Form];

    pub fn is_v4(self) -> bool {
        matches!(self, Self::V4Header | Self::V4Query | Self::V4Form)
    }

    pub fn is_query(self) -> bool {
        matches!(self, Self::V2Query | Self::V4Query)
    }

    /// Whether such a request may have a body in this mode: in another one, what the body is like is never looked at.
    pub fn speaks(self, mode: Mode) -> bool {
        match self {
            Self::None => mode == Mode::Absent,
            Self::V4Header => mode != Mode::Absent,
            _ => !mode.is_chunked(),
        }
    }

    pub fn is_form(self) -> bool {
        matches!(self, Self::V2Form | Self::V4Form)
    }
}

/// What is wrong with the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    None,
    WrongSignature,
    OtherSpelling,
    EmptySignature,
    WrongSecret,
    UnknownKey,
    EmptyKey,
    Stale,
    Early,
    NoDate,
    GarbledDate,
    AddedHeader,
    AlteredHeader,
    DroppedHeader,
    ForeignHeader,
    AddedParameter,
    AlteredPath,
    RepeatedParameter,
    RepeatedHeader,
    TwoMechanisms,
    JunkToken,
    OtherWord,
    NoExpires,
    GarbledExpires,
    // Version 4.
    ZeroExpires,
    LongExpires,
    ScopeDay,
    ScopeRegion,
    ScopeService,
    ScopeTerminator,
    ShortScope,
    UnsignedHeader,
    UnsignedHost,
    AbsentHeader,
    UnsortedHeaders,
    MissingPart,
    OtherAlgorithm,
    AsymmetricAlgorithm,
    // Forms.
    NoPolicy,
    GarbledPolicy,
    UnmetCondition,
    UncoveredField,
    MissingField,
    OtherBucket,
    TooShort,
    TooLong,
    NoObjectKey,
}

#[rustfmt::skip]
impl Flaw {
    const OF_ALL: [Self; 4] = [Self::WrongSignature, Self::WrongSecret, Self::UnknownKey, Self::EmptyKey];
    const OF_THE_HEAD: [Self; 13] = [
        Self::OtherSpelling, Self::EmptySignature, Self::Stale, Self::AddedHeader, Self::AlteredHeader, Self::DroppedHeader,
        Self::ForeignHeader, Self::AddedParameter, Self::AlteredPath, Self::RepeatedParameter, Self::TwoMechanisms,
        Self::JunkToken, Self::RepeatedHeader,
    ];
    const OF_HEADERS: [Self; 4] = [Self::Early, Self::NoDate, Self::GarbledDate, Self::OtherWord];
    const OF_QUERIES: [Self; 2] = [Self::NoExpires, Self::GarbledExpires];
    const OF_V4: [Self; 12] = [
        Self::ScopeDay, Self::ScopeRegion, Self::ScopeService, Self::ScopeTerminator, Self::ShortScope, Self::UnsignedHeader,
        Self::UnsignedHost, Self::AbsentHeader, Self::UnsortedHeaders, Self::MissingPart, Self::OtherAlgorithm,
        Self::AsymmetricAlgorithm,
    ];
    const OF_V4_QUERIES: [Self; 5] =
        [Self::Early, Self::NoDate, Self::GarbledDate, Self::ZeroExpires, Self::LongExpires];
    const OF_FORMS: [Self; 12] = [
        Self::EmptySignature, Self::Stale, Self::TwoMechanisms, Self::NoPolicy, Self::GarbledPolicy, Self::UnmetCondition,
        Self::UncoveredField, Self::MissingField, Self::OtherBucket, Self::TooShort, Self::TooLong, Self::NoObjectKey,
    ];
    const OF_V4_FORMS: [Self; 4] = [Self::ScopeDay, Self::ScopeRegion, Self::ScopeService, Self::ScopeTerminator];

    /// All that this kind can have.
    pub fn of(kind: Kind) -> Vec<Self> {
        let lists: &[&[Self]] = match kind {
            Kind::None => &[],
            Kind::V2Header => &[&Self::OF_ALL, &Self::OF_THE_HEAD, &Self::OF_HEADERS],
            Kind::V2Query => &[&Self::OF_ALL, &Self::OF_THE_HEAD, &Self::OF_QUERIES],
            Kind::V4Header => &[&Self::OF_ALL, &Self::OF_THE_HEAD, &Self::OF_HEADERS, &Self::OF_V4],
            Kind::V4Query => &[
                &Self::OF_ALL, &Self::OF_THE_HEAD, &Self::OF_QUERIES, &Self::OF_V4, &Self::OF_V4_QUERIES,
            ],
            Kind::V2Form => &[&Self::OF_ALL, &Self::OF_FORMS],
            Kind::V4Form => &[&Self::OF_ALL, &Self::OF_FORMS, &Self::OF_V4_FORMS],
        };
        lists.concat()
    }
}

/// The payload mode: what `x-amz-content-sha256` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Absent,
    Hash,
    Unsigned,
    Chunks,
    ChunksWithTrailer,
    UnsignedChunksWithTrailer,
}

impl Mode {
    pub const ALL: [Self; 6] = [
        Self::Absent,
        Self::Hash,
        Self::Unsigned,
        Self::Chunks,
        Self::ChunksWithTrailer,
        Self::UnsignedChunksWithTrailer,
    ];

    pub fn is_chunked(self) -> bool {
        self >= Self::Chunks
    }

    pub fn signs_chunks(self) -> bool {
        matches!(self, Self::Chunks | Self::ChunksWithTrailer)
    }

    pub fn has_trailer(self) -> bool {
        self >= Self::ChunksWithTrailer
    }
}

/// What else proves the body: in the header, or in the trailer of a mode that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digest {
    None,
    Md5,
    Crc32,
    Crc32c,
    Crc64,
    Sha1,
    Sha256,
    Sha512,
    /// In `x-amz-checksum-md5`, where [`Digest::Md5`] is Content-MD5.
    ChecksumMd5,
}

impl Digest {
    /// Those that have a header of the vendor's, which a trailer may have too.
    pub const CHECKSUMS: [Self; 7] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::ChecksumMd5,
    ];
}

/// What is wrong with the body, or with what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    None,
    WrongHash,
    MalformedHash,
    WrongDigest,
    MalformedDigest,
    FirstSignature,
    MiddleSignature,
    FinalSignature,
    NoSignature,
    ChangedData,
    SwappedChunks,
    DroppedChunk,
    RepeatedChunk,
    NoFinalChunk,
    SmallChunk,
    GarbledSize,
    DecodedLess,
    DecodedMore,
    NoDecoded,
    GarbledDecoded,
    WrongTrailer,
    MalformedTrailer,
    OtherTrailer,
    NoTrailer,
    SecondTrailer,
    TrailerSignature,
    NoTrailerSignature,
    UnknownTrailer,
}

/// How the body is sent, and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payload {
    pub mode: Mode,
    pub digest: Digest,
    pub damage: Damage,
}

#[rustfmt::skip]
impl Payload {
    const OF_CHUNKS: [Damage; 7] = [
        Damage::NoFinalChunk, Damage::GarbledSize, Damage::DecodedLess, Damage::DecodedMore, Damage::NoDecoded,
        Damage::GarbledDecoded, Damage::DroppedChunk,
    ];
    const OF_SIGNED_CHUNKS: [Damage; 8] = [
        Damage::FirstSignature, Damage::MiddleSignature, Damage::FinalSignature, Damage::NoSignature, Damage::ChangedData,
        Damage::SwappedChunks, Damage::RepeatedChunk, Damage::SmallChunk,
    ];
    const OF_TRAILERS: [Damage; 6] = [
        Damage::WrongTrailer, Damage::MalformedTrailer, Damage::OtherTrailer, Damage::NoTrailer, Damage::SecondTrailer,
        Damage::UnknownTrailer,
    ];
    const OF_SIGNED_TRAILERS: [Damage; 2] = [Damage::TrailerSignature, Damage::NoTrailerSignature];

    /// Undamaged in this mode, with what the mode cannot do without.
    pub fn of(mode: Mode) -> Self {
        let digest = if mode.has_trailer() { Digest::Crc32 } else { Digest::None };
        Self { mode, digest, damage: Damage::None }
    }

    pub fn with(self, digest: Digest) -> Self {
        Self { digest, ..self }
    }

    fn damaged(self, damage: Damage) -> Self {
        Self { damage, ..self }
    }

    /// Everything that can be wrong in this mode.
    fn all_damages(mode: Mode) -> Vec<Self> {
        let plain = Self::of(mode);
        let mut all: Vec<Self> = Vec::new();
        if mode == Mode::Hash {
            all.push(plain.damaged(Damage::WrongHash));
            all.push(plain.damaged(Damage::MalformedHash));
        }
        let digests: &[Digest] = if mode.has_trailer() { &[] } else { &Digest::CHECKSUMS };
        for digest in digests.iter().chain([&Digest::Md5]) {
            all.push(plain.with(*digest).damaged(Damage::WrongDigest));
            all.push(plain.with(*digest).damaged(Damage::MalformedDigest));
        }
        // A body without its trailer's algorithm has no second one in the header.
        if mode.has_trailer() {
            all.retain(|payload| payload.digest != Digest::Md5);
        }
        if mode.is_chunked() {
            all.extend(Self::OF_CHUNKS.map(|damage| plain.damaged(damage)));
        }
        if mode.signs_chunks() {
            all.extend(Self::OF_SIGNED_CHUNKS.map(|damage| plain.damaged(damage)));
        }
        if mode.has_trailer() {
            for digest in Digest::CHECKSUMS {
                all.extend(Self::OF_TRAILERS.map(|damage| plain.with(digest).damaged(damage)));
            }
        }
        if mode == Mode::ChunksWithTrailer {
            all.extend(Self::OF_SIGNED_TRAILERS.map(|damage| plain.damaged(damage)));
        }
        all
    }

    /// Undamaged, with every digest that the mode can have.
    fn all_digests(mode: Mode) -> Vec<Self> {
        let plain = Self::of(mode);
        let mut all: Vec<Self> = Digest::CHECKSUMS.map(|digest| plain.with(digest)).into();
        if !mode.has_trailer() {
            all.push(plain.with(Digest::Md5));
        }
        all
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Path,
    VirtualHost,
}

impl Style {
    const BOTH: [Self; 2] = [Self::Path, Self::VirtualHost];
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combination {
    /// Its number, which its key and its body contain.
    pub serial: usize,
    pub word: Word,
    pub style: Style,
    pub kind: Kind,
    pub flaw: Flaw,
    pub operation: Operation,
    pub payload: Payload,
}

#[derive(Default)]
struct Enumeration(Vec<Combination>);

impl Enumeration {
    fn add(
        &mut self,
        word: Word,
        style: Style,
        kind: Kind,
        flaw: Flaw,
        operation: &Operation,
        payload: Payload,
    ) {
        self.0.push(Combination {
            serial: self.0.len(),
            word,
            style,
            kind,
            flaw,
            operation: operation.clone(),
            payload,
        });
    }

    /// One combination whose words and style come from its place in the list.
    fn turn(&mut self, kind: Kind, flaw: Flaw, operation: &Operation, payload: Payload) {
        let turn = self.0.len();
        let word = Word::BOTH[turn % 2];
        self.add(
            word,
            Style::BOTH[turn / 2 % 2],
            kind,
            flaw,
            operation,
            payload,
        );
    }

    fn everywhere(&mut self, kind: Kind, flaw: Flaw, operation: &Operation, payload: Payload) {
        for word in Word::BOTH {
            for style in Style::BOTH {
                self.add(word, style, kind, flaw, operation, payload);
            }
        }
    }
}

/// The payload of a request in which something else is wrong: what such clients send.
fn usual(kind: Kind, operation: &Operation, turn: usize) -> Payload {
    let chunked = kind == Kind::V4Header && operation.takes_chunks();
    Payload::of(match kind {
        Kind::V4Header if chunked => Mode::ALL[1 + turn % 5],
        Kind::V4Header => Mode::ALL[1 + turn % 2],
        Kind::V4Query => Mode::ALL[turn % 3],
        _ => Mode::Absent,
    })
}

/// Every combination, always in the same order.
pub fn all() -> Vec<Combination> {
    let mut all = Enumeration::default();
    let (every, known) = (operations::all(), operations::known());
    let put = operations::put_object();
    for kind in Kind::OF_THE_HEAD {
        // Right credentials: every operation in every payload mode.
        for operation in &known {
            for mode in Mode::ALL {
                all.everywhere(kind, Flaw::None, operation, Payload::of(mode));
            }
        }
        for operation in &every {
            all.turn(
                kind,
                Flaw::None,
                operation,
                usual(kind, operation, all.0.len()),
            );
        }
        // Broken credentials: every operation.
        for flaw in Flaw::of(kind) {
            for operation in &known {
                all.turn(kind, flaw, operation, usual(kind, operation, all.0.len()));
            }
        }
        for mode in Mode::ALL.into_iter().filter(|mode| kind.speaks(*mode)) {
            // Every proof of a body, right and broken, wherever there is one.
            for operation in known.iter().filter(|own| own.content == Content::Object) {
                for payload in Payload::all_digests(mode) {
                    all.everywhere(kind, Flaw::None, operation, payload);
                }
                for payload in Payload::all_damages(mode) {
                    all.everywhere(kind, Flaw::None, operation, payload);
                }
            }
            // Both broken: which of the two is answered.
            for payload in Payload::all_damages(mode) {
                for flaw in Flaw::of(kind) {
                    all.turn(kind, flaw, &put, payload);
                }
            }
        }
    }
    all.0
}

/// Every combination of a form, always in the same order.
pub fn forms() -> Vec<Combination> {
    let mut all = Enumeration::default();
    let post = operations::post_object();
    for kind in Kind::FORMS {
        for operation in &operations::all() {
            all.turn(kind, Flaw::None, operation, Payload::of(Mode::Absent));
        }
        for flaw in [Flaw::None].into_iter().chain(Flaw::of(kind)) {
            all.everywhere(kind, flaw, &post, Payload::of(Mode::Absent));
        }
    }
    all.0
}
