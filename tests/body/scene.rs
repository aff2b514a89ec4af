//! A request and its body, judged in every way in which the bytes may arrive.

use bytes::Bytes;
use countersign::body::{
    BodyFailure, BodyOptions, BodyPlan, BodyVerifier, ChecksumAlgorithm, End, Framing, MAX_HELD,
};
use countersign::dialect::{Dialect, DialectName, Syntax};
use countersign::secret::Secret;
use countersign::sig::payload::{ChunkChain, PayloadClaim};
use countersign::sig::signing_key::{CredentialScope, SigningKey};
use countersign::sig::{RequestView, fields_of};
use http::{HeaderMap, HeaderName, HeaderValue};

use support::chunks::{self, Chain, DATE, REGION, TIMESTAMP};
use support::signer::{SECRET_ACCESS_KEY, Word};

/// The signature of a request that is not shown.
pub const SEED: &str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

pub fn form(word: Word) -> &'static Syntax {
    let name = match word {
        Word::Aws => DialectName::Aws,
        Word::Wos => DialectName::Wos,
    };
    Dialect::named(name).syntaxes[0]
}

/// What the signature says of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    None,
    Unsigned,
    Sha256([u8; 32]),
    SignedChunks,
    SignedTrailer,
    UnsignedTrailer,
}

impl Mode {
    fn claim(self, word: Word, seed: &str) -> PayloadClaim {
        match self {
            Self::None => PayloadClaim::NotDeclared,
            Self::Unsigned => PayloadClaim::Unsigned,
            Self::Sha256(hash) => PayloadClaim::Sha256(hash),
            Self::SignedChunks => PayloadClaim::SignedChunks(chain(word, seed).into()),
            Self::SignedTrailer => PayloadClaim::SignedChunksWithTrailer(chain(word, seed).into()),
            Self::UnsignedTrailer => PayloadClaim::UnsignedChunksWithTrailer,
        }
    }
}

/// The verifier's side of the chain.
fn chain(word: Word, seed: &str) -> ChunkChain {
    let [start, service, terminator] = word.v4_words();
    let scope = CredentialScope {
        date: DATE,
        region: REGION,
        service,
        terminator,
    };
    let key = SigningKey::derive(start, &Secret::new(SECRET_ACCESS_KEY.into()), scope);
    let digit = |at: usize| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).expect("hexadecimal");
    let seed = std::array::from_fn(digit);
    ChunkChain::new(key, word.v4_algorithm(), TIMESTAMP, scope.to_string(), seed)
}

/// What announces a body. Unchanged, it is what a client sends.
#[derive(Clone, Debug)]
pub struct Request {
    pub word: Word,
    pub method: &'static str,
    pub query: Option<&'static str>,
    pub mode: Mode,
    pub seed: String,
    pub headers: Vec<(String, String)>,
    /// None is the length of the body.
    pub content_length: Option<Option<u64>>,
    pub options: BodyOptions,
}

impl Request {
    pub fn new(mode: Mode) -> Self {
        Self {
            word: Word::Aws,
            method: "PUT",
            query: None,
            mode,
            seed: SEED.into(),
            headers: Vec::new(),
            content_length: None,
            options: BodyOptions::default(),
        }
    }

    /// A framed body of so much data; with this checksum in the trailer.
    pub fn framed(mode: Mode, length: usize, trailer: Option<&str>) -> Self {
        let mut request =
            Self::new(mode).header("x-amz-decoded-content-length", &length.to_string());
        if let Some(name) = trailer {
            request = request.header("x-amz-trailer", name);
        }
        request
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With chunks of any size.
    pub fn with_small_chunks(mut self) -> Self {
        self.options.min_chunk = 1;
        self
    }

    /// With a body that ends by itself: Content-Length is judged by tests of its own.
    pub fn endless(mut self) -> Self {
        self.content_length = Some(None);
        self
    }

    pub fn chain(&self) -> Chain {
        Chain::new(self.word, &self.seed)
    }

    pub fn plan(&self, length: usize, framing: Framing) -> Result<BodyPlan, BodyFailure> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(
                name.parse::<HeaderName>().expect("a header's name"),
                HeaderValue::from_str(value).expect("a header's value"),
            );
        }
        let view = RequestView::of(self.method, "/bucket/key", self.query, fields_of(&headers))
            .expect("a request");
        BodyPlan::of(
            &view,
            form(self.word),
            &self.mode.claim(self.word, &self.seed),
            self.content_length.unwrap_or(Some(length as u64)),
            framing,
            &self.options,
        )
    }

    /// The verdict over a body, however it arrives and however it goes on; with the data where it is accepted.
    pub fn judge(&self, body: &[u8]) -> Result<Vec<u8>, BodyFailure> {
        let received = self.judge_in(Framing::AsReceived, body);
        let plain = self.judge_in(Framing::Plain, body);
        if let Ok(received) = &received {
            assert_eq!(received, body);
        }
        assert_eq!(received.err(), plain.as_ref().err().cloned());
        plain
    }

    /// The verdict, which has to be a refusal.
    pub fn refusal(&self, body: &[u8]) -> BodyFailure {
        match self.judge(body) {
            Err(failure) => failure,
            Ok(_) => panic!("{self:?} is accepted"),
        }
    }

    /// The verdict, and the data, which have to be these.
    pub fn accepts(&self, body: &[u8], data: &[u8]) {
        match self.judge(body) {
            Ok(forwarded) => assert_eq!(forwarded, data, "{self:?}"),
            Err(failure) => panic!("{self:?}: {failure:?}"),
        }
    }

    fn judge_in(&self, framing: Framing, body: &[u8]) -> Result<Vec<u8>, BodyFailure> {
        let plan = self.plan(body.len(), framing)?;
        let whole = feed(&plan, &[body]);
        assert_eq!(feed(&plan, &[body, b""]), whole, "with an empty end");
        if body.is_empty() {
            return whole;
        }
        // A long body is the same stretch over and over: its ends are looked at.
        let ends = 2_000_000 / body.len();
        let near = |at: &usize| *at < ends || body.len() - at < ends;
        for at in (1..body.len()).filter(near) {
            let (first, second) = body.split_at(at);
            assert_eq!(feed(&plan, &[first, second]), whole, "split at {at}");
        }
        for size in [1, 2, 7, 4096] {
            if body.len() / size < 2000 {
                let pieces: Vec<&[u8]> = body.chunks(size).collect();
                assert_eq!(feed(&plan, &pieces), whole, "{size} bytes at a time");
                let spaced: Vec<&[u8]> =
                    pieces.iter().flat_map(|piece| [&b""[..], piece]).collect();
                assert_eq!(feed(&plan, &spaced), whole, "with empty pieces between");
            }
        }
        whole
    }
}

/// What the node gets, and the verdict. At no moment before the verdict is the node's message complete.
pub fn feed(plan: &BodyPlan, pieces: &[&[u8]]) -> Result<Vec<u8>, BodyFailure> {
    let mut verifier = plan.verifier();
    let mut forwarded = Vec::new();
    let (last, others) = pieces.split_last().expect("a piece");
    for piece in others {
        let before = forwarded.len();
        forwarded.extend(push(&mut verifier, piece, End::More)?);
        let whole = plan.forwarded_length();
        let complete = whole.is_some_and(|whole| whole > 0 && forwarded.len() as u64 >= whole);
        assert!(!complete, "complete before it is proven");
        assert!(forwarded.len() <= before + MAX_HELD.max(piece.len()) + piece.len());
    }
    forwarded.extend(push(&mut verifier, last, End::Last)?);
    assert_eq!(push(&mut verifier, b"", End::Last), Ok(Bytes::new()));
    if let Some(length) = plan.forwarded_length() {
        assert_eq!(forwarded.len() as u64, length, "what the node was promised");
    }
    Ok(forwarded)
}

/// A push whose failure is final.
fn push(verifier: &mut BodyVerifier, piece: &[u8], end: End) -> Result<Bytes, BodyFailure> {
    let pushed = verifier.push(Bytes::copy_from_slice(piece), end);
    if let Err(failure) = &pushed {
        for end in [End::More, End::Last] {
            assert_eq!(verifier.push(Bytes::new(), end).as_ref(), Err(failure));
        }
    }
    pushed
}

/// So many bytes that repeat late.
pub fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

pub fn algorithm(name: &str) -> ChecksumAlgorithm {
    let mut all = ChecksumAlgorithm::ALL.iter();
    *all.find(|own| own.as_str() == name).expect("an algorithm")
}

/// A right body with signed chunks of 8 KiB, and the request that announces it.
pub fn signed(length: usize) -> (Request, Vec<u8>) {
    let request = Request::framed(Mode::SignedChunks, length, None);
    let body = chunks::signed(&mut request.chain(), &data(length), 8192);
    (request, body)
}
