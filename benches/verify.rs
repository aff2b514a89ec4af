//! What does each step of a verification cost, and how does the cost grow?
//!
//! - `headers`, `query`, `parameters`: the steps of one accepted request. `parse` reads the query and the address, `claim`
//!   reads the credentials and collects what is signed, `verify` computes the signature and compares; `whole` is all of these.
//!   Headers are the vendor's metadata, parameters are sub-resources: the most expensive kind of each, because all are signed.
//! - `v4`: the same for version 4. `verify` has a cached signing key, `verify, fresh key` derives it.
//! - `refused`: is a request that breaks a rule ever more expensive than an accepted one?
//! - `guessed`: does an unknown access key id take another time than a known one?
//! - `dearest`: how long can the most expensive request occupy a core?
//!
//! The size after a name is that of the request header section; throughput is in these bytes.
//!
//!     cargo bench --bench verify -- --quick

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::address::{Address, CopySource, HostNames, NameRules};
use countersign::dialect::{AWS, Dialect, WOS};
use countersign::secret::Secret;
use countersign::sig::signer::v4::ScopedCredentials;
use countersign::sig::signer::{
    SigningCredentials, Unsigned, sign_header, sign_header_v4, sign_query, sign_query_v4,
};
use countersign::sig::{
    AuthFailure, Claim, Identity, RequestView, VerifyOptions, VerifyingKey, claim, fields_of,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const HOST: &str = "s3.example.com";
const PATH: &str = "/bucket01/photos/2026/november/a%20picture.jpg";
const DIALECTS: &[&Dialect] = &[&AWS, &WOS];

/// 2026-11-22 10:00:00 UTC.
const NOW: u64 = 1_795_341_600;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The settings of the gateway.
struct Verifier {
    hosts: HostNames,
    options: VerifyOptions,
    key: VerifyingKey,
}

/// A key without a cached signing key.
fn fresh_key() -> VerifyingKey {
    let identity = Identity {
        access_key_id: ACCESS_KEY_ID.into(),
        principal: "alice".into(),
        domains: None,
    };
    VerifyingKey::new(identity, &Secret::new(SECRET_ACCESS_KEY.into()))
}

impl Verifier {
    fn new() -> Self {
        Self {
            hosts: HostNames {
                domains: vec![HOST.into()],
                custom_domains: Vec::new(),
            },
            options: VerifyOptions::default(),
            key: fresh_key(),
        }
    }

    fn parse<'r>(&self, request: &'r Request) -> Result<(RequestView<'r>, Address), AuthFailure> {
        let query = request.query.as_deref();
        let view = RequestView::of("GET", PATH, query, fields_of(&request.headers))?;
        let names = view.parameters.iter().map(|parameter| &*parameter.name);
        let copies = CopySource::Absent;
        let address = Address::of(
            &Method::GET,
            HOST,
            PATH,
            names,
            copies,
            &self.hosts,
            NameRules::default(),
        );
        Ok((view, address.expect("the path is valid")))
    }

    fn claim<'v>(
        &self,
        (view, address): &'v (RequestView<'_>, Address),
    ) -> Result<Claim<'v>, AuthFailure> {
        claim(view, address, now(), DIALECTS, &self.options)
    }

    fn whole(&self, request: &Request) -> Result<(), AuthFailure> {
        let parsed = self.parse(request)?;
        self.claim(&parsed)?.verify(&self.key).map(|_| ())
    }
}

/// A signed GET.
#[derive(Clone)]
struct Request {
    query: Option<String>,
    headers: HeaderMap,
}

/// Where the credentials are.
enum Placement {
    Header,
    Query,
    HeaderV4,
    QueryV4,
}

impl Request {
    /// A request with that many header fields, including the credentials and the date, and that many sub-resources.
    fn signed(
        dialect: &'static Dialect,
        placement: Placement,
        fields: usize,
        parameters: usize,
    ) -> Self {
        let hosts = Verifier::new().hosts;
        let prefix = dialect.syntaxes[0].header_prefix;
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, HeaderValue::from_static(HOST));
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
        let agent = HeaderValue::from_static("aws-sdk-java/2.29.0 Linux/6.1");
        headers.insert(http::header::USER_AGENT, agent);
        for number in headers.len() + 2..fields {
            let name = format!("{prefix}meta-field-{number}");
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a token");
            headers.insert(name, HeaderValue::from_static("a value of usual length"));
        }
        let query: Vec<String> = (0..parameters)
            .map(|number| format!("{prefix}parameter-{number}=value%20{number}"))
            .collect();
        let query = (!query.is_empty()).then(|| query.join("&"));
        let credentials = SigningCredentials {
            access_key_id: ACCESS_KEY_ID.into(),
            secret_access_key: Secret::new(SECRET_ACCESS_KEY.into()),
        };
        let unsigned = Unsigned {
            method: "GET",
            host: HOST,
            path: PATH,
            query: query.as_deref(),
            headers,
            hosts: &hosts,
        };
        let scoped = ScopedCredentials {
            credentials: &credentials,
            session_token: None,
            region: "us-east-1",
        };
        match placement {
            Placement::HeaderV4 => {
                let signed = sign_header_v4(&unsigned, dialect, &scoped, EMPTY_SHA256, now());
                let mut headers = signed.expect("it can be signed").0;
                headers.insert(http::header::HOST, HeaderValue::from_static(HOST));
                Self { headers, query }
            }
            Placement::QueryV4 => {
                let life = Duration::from_secs(60);
                let signed = sign_query_v4(&unsigned, dialect, &scoped, life, now());
                Self {
                    query: Some(signed.expect("it can be signed")),
                    headers: unsigned.headers,
                }
            }
            Placement::Header => Self {
                headers: sign_header(&unsigned, dialect, &credentials, now())
                    .expect("it can be signed"),
                query,
            },
            Placement::Query => Self {
                query: Some(
                    sign_query(&unsigned, dialect, &credentials, NOW + 60)
                        .expect("it can be signed"),
                ),
                headers: unsigned.headers,
            },
        }
    }

    /// The bytes of the request header section.
    fn size(&self) -> usize {
        let fields = self.headers.iter();
        let fields: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        let query = self.query.as_ref().map_or(0, |query| query.len() + 1);
        "GET  HTTP/1.1\r\n\r\n".len() + PATH.len() + query + fields
    }
}

fn accepted(criterion: &mut Criterion) {
    use Placement::{Header, HeaderV4, Query, QueryV4};
    let verifier = Verifier::new();
    let requests = [
        ("headers/5", Request::signed(&AWS, Header, 5, 0)),
        ("headers/15", Request::signed(&AWS, Header, 15, 0)),
        ("headers/60", Request::signed(&AWS, Header, 60, 0)),
        ("query", Request::signed(&AWS, Query, 5, 0)),
        ("v4/headers/6", Request::signed(&AWS, HeaderV4, 6, 0)),
        ("v4/headers/60", Request::signed(&AWS, HeaderV4, 60, 0)),
        ("v4/query", Request::signed(&AWS, QueryV4, 5, 0)),
        ("v4/parameters/10", Request::signed(&AWS, HeaderV4, 6, 10)),
        ("parameters/0", Request::signed(&WOS, Header, 5, 0)),
        ("parameters/10", Request::signed(&WOS, Header, 5, 10)),
        ("parameters/60", Request::signed(&WOS, Header, 5, 60)),
    ];
    for (name, request) in &requests {
        assert_eq!(verifier.whole(request), Ok(()), "{name}");
        let mut group = criterion.benchmark_group(format!("{name} ({} B)", request.size()));
        group.throughput(Throughput::Bytes(request.size() as u64));
        group.bench_function("parse", |bencher| {
            bencher.iter(|| verifier.parse(black_box(request)));
        });
        let parsed = verifier.parse(request).expect("it holds");
        group.bench_function("claim", |bencher| {
            bencher.iter(|| verifier.claim(black_box(&parsed)));
        });
        let claimed = verifier.claim(&parsed).expect("it holds");
        group.bench_function("verify", |bencher| {
            bencher.iter(|| black_box(&claimed).verify(&verifier.key));
        });
        if name.starts_with("v4/") {
            group.bench_function("verify, fresh key", |bencher| {
                let verify = |key: VerifyingKey| black_box(&claimed).verify(&key);
                bencher.iter_batched(fresh_key, verify, BatchSize::SmallInput);
            });
        }
        group.bench_function("whole", |bencher| {
            bencher.iter(|| verifier.whole(black_box(request)));
        });
        group.finish();
    }
}

fn refused(criterion: &mut Criterion) {
    let verifier = Verifier::new();
    let header = |value: &str| {
        let mut request = Request::signed(&AWS, Placement::Header, 15, 0);
        let value = HeaderValue::from_str(value).expect("visible ASCII");
        request.headers.insert(http::header::AUTHORIZATION, value);
        request
    };
    let presigned = Request::signed(&AWS, Placement::Query, 15, 0);
    let query = |change: fn(String) -> String| Request {
        query: presigned.query.clone().map(change),
        ..presigned.clone()
    };
    let wrong = format!("AWS {ACCESS_KEY_ID}:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");
    let requests = [
        (
            "nothing",
            0,
            Request::signed(&AWS, Placement::Header, 15, 0),
        ),
        ("wrong signature", 32, header(&wrong)),
        ("unknown scheme", 7, header("Bearer x")),
        ("nothing, query", 0, presigned.clone()),
        (
            "duplicate parameter",
            3,
            query(|query| query + "&Signature=x"),
        ),
        (
            "expired",
            27,
            query(|query| query.replace(&(NOW + 60).to_string(), &(NOW - 60).to_string())),
        ),
    ];
    let mut group = criterion.benchmark_group("refused");
    for (name, rule, request) in &requests {
        let answer = verifier.whole(request);
        assert_eq!(answer.map_or_else(|failure| failure.rule(), |()| 0), *rule);
        group.throughput(Throughput::Bytes(request.size() as u64));
        group.bench_function(format!("{name} ({} B)", request.size()), |bencher| {
            bencher.iter(|| verifier.whole(black_box(request)));
        });
    }
    group.finish();
}

/// The time of a refusal must not reveal which access key ids exist: an unknown one is checked against a dummy key, and the two
/// lines of each pair must be equal.
fn guessed(criterion: &mut Criterion) {
    use Placement::{Header, HeaderV4, Query, QueryV4};
    let key_of = |access_key_id: &str| {
        let identity = Identity {
            access_key_id: access_key_id.into(),
            principal: String::new(),
            domains: None,
        };
        VerifyingKey::new(identity, &Secret::new("the secret of another key".into()))
    };
    let (known, unknown) = (key_of(ACCESS_KEY_ID), key_of(""));
    let verifier = Verifier::new();
    for (name, placement) in [
        ("header", Header),
        ("query", Query),
        ("v4/header", HeaderV4),
        ("v4/query", QueryV4),
    ] {
        let request = Request::signed(&AWS, placement, 6, 0);
        let parsed = verifier.parse(&request).expect("it holds");
        let claimed = verifier.claim(&parsed).expect("it holds");
        let mut group = criterion.benchmark_group(format!("guessed/{name}"));
        for (name, key, rule) in [("known id", &known, 32), ("unknown id", &unknown, 30)] {
            let answer = claimed.verify(key);
            assert_eq!(answer.map_or_else(|failure| failure.rule(), |_| 0), rule);
            group.bench_function(name, |bencher| {
                bencher.iter(|| black_box(&claimed).verify(key));
            });
        }
        group.finish();
    }
}

/// The most expensive request: of the maximum length, and with text that clients sign in several variants, so that every variant is
/// tried before it is refused.
fn dearest(criterion: &mut Criterion) {
    let verifier = Verifier::new();
    for (name, dialect) in [("aws", &AWS), ("wos", &WOS)] {
        let mut request = Request::signed(dialect, Placement::HeaderV4, 90, 0);
        let doubtful = HeaderValue::from_str(&format!("a  b{}", "x".repeat(520)));
        let doubtful = doubtful.expect("visible ASCII");
        for (name, value) in &mut request.headers {
            if name.as_str().contains("-meta-") {
                value.clone_from(&doubtful);
            }
        }
        let query: Vec<String> = (0..90)
            .map(|number| format!("p{number}=*{}", "%2a".repeat(55)))
            .collect();
        request.query = Some(query.join("&"));
        let rule = verifier
            .whole(&request)
            .map_or_else(|failure| failure.rule(), |()| 0);
        assert_eq!(rule, 32);
        let name = format!("dearest/{name} ({} B)", request.size());
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| verifier.whole(black_box(&request)));
        });
    }
}

criterion_group!(benches, accepted, refused, guessed, dearest);
criterion_main!(benches);
