use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

fn check(bytes: &[u8]) -> Result<Option<usize>, WireFault> {
    Ok(read(bytes)?.map(|head| head.length()))
}

#[test]
fn the_end_is_found_wherever_the_pieces_are_cut() {
    for header in [
        "GET / HTTP/1.1\r\nA: b\r\n\r\n",
        "GET / HTTP/1.1\nA: b\n\n",
        "GET / HTTP/1.1\r\nA: b\n\r\n",
    ] {
        let bytes = [header.as_bytes(), b"body\r\n\r\n"].concat();
        for cut in 0..=bytes.len() {
            let first = header_length(&bytes[..cut], 0);
            let found = first.or_else(|| header_length(&bytes, cut));
            assert_eq!(found, Some(header.len()), "{header:?} cut at {cut}");
        }
    }
    assert_eq!(header_length(b"GET / HTTP/1.1\r\nA: b\r\n", 0), None);
}

#[test]
fn each_header_keeps_or_breaks_one_rule() {
    use WireFault::{
        ContentLength, Field, LineEnd, RequestLine, Target, TransferEncoding, Tunnel, TwoLengths,
    };
    let length =
        |value: &str| format!("PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length:{value}\r\n\r\n");
    let encoding = |value: &str| format!("PUT /b/k HTTP/1.1\r\nTransfer-Encoding:{value}\r\n\r\n");
    let line = |line: &str| format!("{line}\r\nHost: h\r\n\r\n");
    let field = |field: &str| format!("GET / HTTP/1.1\r\n{field}\r\n\r\n");
    let table = [
        (line("GET / HTTP/1.1"), Ok(())),
        (line("GET /a%20b/~!$&'()*+,;=:@[]?x=/?~ HTTP/1.0"), Ok(())),
        (line("GET http://h/k HTTP/1.1"), Ok(())),
        (line("GET http://[::1]:80?acl HTTP/1.1"), Ok(())),
        (line("GET http://u@h/k HTTP/1.1"), Err(Target)),
        (line("GET http:///k HTTP/1.1"), Err(Target)),
        (line("GET http:/k HTTP/1.1"), Err(Target)),
        (line("GET http://[::1/k HTTP/1.1"), Err(Target)),
        (line("GET http://h:x:y/k HTTP/1.1"), Err(Target)),
        (line("GET ftp://h/k HTTP/1.1"), Err(Target)),
        (line("GET k?x=http://h/b HTTP/1.1"), Err(Target)),
        (line("GET k?x=1 HTTP/1.1"), Ok(())),
        (line("OPTIONS * HTTP/1.1"), Ok(())),
        (line("CONNECT h:443 HTTP/1.1"), Err(Tunnel)),
        (line("CONNECTED / HTTP/1.1"), Ok(())),
        (line("GET /k HTTP/1.1 HTTP/1.1"), Err(Target)),
        (line("GET  / HTTP/1.1"), Err(Target)),
        (line("GET /  HTTP/1.1"), Err(Target)),
        (line("GET / HTTP/1.1 "), Err(RequestLine)),
        (line(" GET / HTTP/1.1"), Err(RequestLine)),
        (line("GET\t/\tHTTP/1.1"), Err(RequestLine)),
        (line("GET /"), Err(RequestLine)),
        (line("GET"), Err(RequestLine)),
        (line("GET / HTTP/2.0"), Err(RequestLine)),
        (line("GET / http/1.1"), Err(RequestLine)),
        (line(""), Err(RequestLine)),
        (line("GET /b/secret#.jpg HTTP/1.1"), Err(Target)),
        (line("GET /b/é?é=漢 HTTP/1.1"), Ok(())),
        (line("GET http://h/é HTTP/1.1"), Ok(())),
        (line("GET http://é/k HTTP/1.1"), Err(Target)),
        (line("GET /é \u{7f} HTTP/1.1"), Err(Target)),
        (line("GET /a\tb HTTP/1.1"), Err(Target)),
        (line("GET /a\u{7f} HTTP/1.1"), Err(Target)),
        (line("GET /a\0 HTTP/1.1"), Err(Target)),
        (line("GET /a\"<>\\^`{|} HTTP/1.1"), Err(Target)),
        ("GET / HTTP/1.1\nHost: x\n\n".into(), Err(LineEnd)),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n".into(), Err(LineEnd)),
        ("GET / HTTP/1.1\r\nHost: x\r\r\n\r\n".into(), Err(LineEnd)),
        (field("Host : h"), Err(Field)),
        (field(" folded: h"), Err(Field)),
        (field("Host"), Err(Field)),
        (field(": h"), Err(Field)),
        (field("A: b\0c"), Err(Field)),
        (field("A: b\x0bc"), Err(Field)),
        (field("A:\tb é"), Ok(())),
        (length(" 5"), Ok(())),
        (length("5 "), Ok(())),
        (length(" +5"), Err(ContentLength)),
        (length(" -1"), Err(ContentLength)),
        (length(" 5,5"), Err(ContentLength)),
        (length(" 5, 6"), Err(ContentLength)),
        (length(" 0x5"), Err(ContentLength)),
        (length(" 5 5"), Err(ContentLength)),
        (length(""), Err(ContentLength)),
        (length(" 05"), Ok(())),
        (length(" 00000000000000000000000000000005"), Ok(())),
        (length(" 00"), Ok(())),
        (length(" 0x5"), Err(ContentLength)),
        (length(" 0+5"), Err(ContentLength)),
        (length(" 0 5"), Err(ContentLength)),
        (length(" 999999999999999999"), Ok(())),
        (length(" 18446744073709551616"), Err(ContentLength)),
        (
            field("Content-Length: 5\r\ncontent-length: 5"),
            Err(ContentLength),
        ),
        (encoding(" chunked"), Ok(())),
        (encoding(" Chunked"), Ok(())),
        (encoding(" chunked, identity"), Err(TransferEncoding)),
        (encoding(" identity, chunked"), Err(TransferEncoding)),
        (encoding(" xchunked"), Err(TransferEncoding)),
        (encoding(" chunked;x=1"), Err(TransferEncoding)),
        (encoding(" gzip"), Err(TransferEncoding)),
        (encoding(""), Err(TransferEncoding)),
        (
            field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            Err(TransferEncoding),
        ),
        (
            "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            Err(TransferEncoding),
        ),
        (
            field("Transfer-Encoding: chunked\r\nContent-Length: 5"),
            Err(TwoLengths),
        ),
        (
            field("Content-Length: 5\r\nTransfer-Encoding: chunked"),
            Err(TwoLengths),
        ),
    ];
    for (header, expected) in table {
        let length = header.len();
        let expected = expected.map(|()| Some(length));
        assert_eq!(check(header.as_bytes()), expected, "{header:?}");
    }
}

#[test]
fn a_target_in_utf_8_alone_is_raw() {
    let raw = |target: &[u8]| {
        let header = [b"GET ", target, b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        Ok(read(&header)?.is_some_and(|head| head.target_is_raw()))
    };
    for (target, expected) in [
        (&b"/b/%C3%A9"[..], Ok(false)),
        (b"/b/\xc3\xa9", Ok(true)),
        (b"/b/k?\xe6\xbc\xa2", Ok(true)),
        (b"/b/\xff", Err(WireFault::Target)),
        (b"/b/\xc3", Err(WireFault::Target)),
        (b"/b/\xc0\xae", Err(WireFault::Target)),
        (b"/b/\xed\xa0\x80", Err(WireFault::Target)),
        (b"/b/\xc3\xa9\xff", Err(WireFault::Target)),
        (b"/b/\xc3\xa9\"", Err(WireFault::Target)),
    ] {
        assert_eq!(raw(target), expected, "{target:x?}");
    }
}

#[test]
fn a_content_length_has_one_spelling() {
    for (written, number) in [
        ("05", "5"),
        ("000", "0"),
        ("0", "0"),
        ("50", "50"),
        ("\t0050 ", "50"),
    ] {
        let header = format!("PUT /b/k HTTP/1.1\r\nContent-Length: {written}\r\nA: b\r\n\r\n");
        let head = read(header.as_bytes()).unwrap().unwrap();
        let fields = [("content-length", number.as_bytes()), ("a", b"b")];
        assert!(head.fields().eq(fields), "{written}");
        assert_eq!(head.body_length(), number.parse().ok());
    }
}

#[test]
fn each_limit_holds_on_both_sides() {
    let line = |length: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length - 3));
    assert!(matches!(
        check(line(WireFault::MAX_LINE_BYTES).as_bytes()),
        Ok(Some(_))
    ));
    assert_eq!(
        check(line(WireFault::MAX_LINE_BYTES + 1).as_bytes()),
        Err(WireFault::LineTooLong)
    );
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(matches!(
        check(fields(WireFault::MAX_FIELDS).as_bytes()),
        Ok(Some(_))
    ));
    assert_eq!(
        check(fields(WireFault::MAX_FIELDS + 1).as_bytes()),
        Err(WireFault::TooManyFields)
    );
    let size = |size: usize| {
        let piece = format!("A: {}\r\n", "x".repeat(8187));
        let mut header = format!("GET / HTTP/1.1\r\n{}", piece.repeat(7));
        header.push_str(&format!(
            "B: {}\r\n\r\n",
            "x".repeat(size - header.len() - 7)
        ));
        assert_eq!(header.len(), size);
        header
    };
    assert!(matches!(
        check(size(WireFault::MAX_HEADER_BYTES).as_bytes()),
        Ok(Some(_))
    ));
    assert_eq!(
        check(size(WireFault::MAX_HEADER_BYTES + 1).as_bytes()),
        Err(WireFault::HeaderTooLarge)
    );
    let partial = |length: usize| check_partial(&vec![b'x'; length], 0);
    assert_eq!(partial(WireFault::MAX_LINE_BYTES + 1), Ok(()));
    assert_eq!(
        partial(WireFault::MAX_LINE_BYTES + 2),
        Err(WireFault::LineTooLong)
    );
    let partial = |lines: usize| check_partial(&b"A: b\r\n".repeat(lines), 6);
    assert_eq!(partial(10_922), Ok(()));
    assert_eq!(partial(10_923), Err(WireFault::HeaderTooLarge));
}

#[test]
fn what_is_wrong_from_the_start_is_seen_before_the_end() {
    for start in [
        "GET / HTTP/1.1\r\nBad Name: x\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\nA: b\r\nC",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n",
    ] {
        assert_eq!(check(start.as_bytes()), Err(WireFault::Field), "{start:?}");
    }
    for (start, expected) in [
        ("G", Ok(())),
        ("GET / HTTP/1.1", Ok(())),
        ("GET / HTTP/1.1\r", Ok(())),
        ("GET / HTTP/1.1\r\nHost: h\r\nA", Ok(())),
        ("\u{16}\u{3}\u{1}", Err(WireFault::RequestLine)),
        ("hello\r\n", Err(WireFault::RequestLine)),
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n",
            Err(WireFault::LineEnd),
        ),
        ("GET / HTTP/1.1\rHost: h", Err(WireFault::LineEnd)),
    ] {
        let bytes = start.as_bytes();
        assert_eq!(check_partial(bytes, 0), expected, "{start:?}");
        let found = (1..=bytes.len()).try_for_each(|end| check_partial(&bytes[..end], end - 1));
        assert_eq!(found, expected, "{start:?} byte by byte");
    }
}

/// The result of another parser: the length, the first line, and the fields with names in lower case.
type Reading = (usize, (String, String, u8), Vec<(String, Vec<u8>)>);

fn httparse_reads(bytes: &[u8]) -> Option<Reading> {
    let mut fields = [httparse::EMPTY_HEADER; WireFault::MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = request.parse(bytes).ok()? else {
        return None;
    };
    let line = (
        request.method?.to_owned(),
        request.path?.to_owned(),
        request.version?,
    );
    let field =
        |field: &httparse::Header<'_>| (field.name.to_ascii_lowercase(), field.value.to_owned());
    Some((length, line, request.headers.iter().map(field).collect()))
}

/// Headers that are nearly valid: usual lines, with some bytes changed.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "GET /b/k?acl HTTP/1.1",
        "PUT http://h/b HTTP/1.0",
        "OPTIONS * HTTP/1.1",
    ]);
    let name = prop::sample::select(vec![
        "Host",
        "hOST",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Connection",
        "X-Amz-Meta-A",
        "A",
        "!#$%&'*+-.^_`|~09az",
    ]);
    let value = prop::sample::select(vec![
        "",
        " ",
        " h",
        "\th:80 \t",
        "5",
        " chunked",
        " a \t b",
        " é:",
        "100-continue",
    ]);
    let field = (name, value).prop_map(|(name, value)| format!("{name}:{value}\r\n"));
    let fields = prop::collection::vec(field, 0..8);
    let behind = prop::sample::select(vec!["", "body", "\r\n", "GET / HTTP/1.1\r\n\r\n"]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte()), 0..3);
    (line, fields, behind, changes).prop_map(|(line, fields, behind, changes)| {
        let mut bytes = format!("{line}\r\n{}\r\n{behind}", fields.concat()).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        prop::sample::select(b" \t\r\n:;,\0\x7f/?@Aa".to_vec())
    ]
}

/// The fields that Pingora has to see: those about the framing of the body, Expect in HTTP/1.1, and `Connection` if it changes
/// the default. Pingora reads only the first `Connection`.
fn what_steers(
    line: &(String, String, u8),
    fields: Vec<(String, Vec<u8>)>,
) -> Vec<(String, Vec<u8>)> {
    let is = |value: &[u8], option: &str| {
        let text = String::from_utf8_lossy(value).to_lowercase();
        text.split(',')
            .any(|one| one.trim_matches([' ', '\t']) == option)
    };
    let closes = |(name, value): &(String, Vec<u8>)| name == "connection" && is(value, "close");
    let is_old = line.2 == 0;
    let mut kept = !is_old || fields.iter().any(closes);
    let mut is_framing = |field: &(String, Vec<u8>)| match field.0.as_str() {
        "content-length" | "transfer-encoding" => true,
        "expect" => !is_old && field.1.iter().any(|byte| !b" \t,".contains(byte)),
        "connection" if closes(field) => true,
        "connection" => {
            field.1.eq_ignore_ascii_case(b"keep-alive") && !std::mem::replace(&mut kept, true)
        }
        _ => false,
    };
    fields
        .into_iter()
        .filter(|field| is_framing(field))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20_000, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Another parser reads an accepted header in the same way, and from the header that is left for Pingora exactly the framing
    /// fields.
    #[test]
    fn every_header_that_is_taken_has_one_reading(bytes in headers()) {
        if let Ok(Some(head)) = read(&bytes) {
            let (length, line, fields) = httparse_reads(&bytes).expect("a header");
            prop_assert_eq!(length, head.length());
            let read: Vec<(String, Vec<u8>)> = head
                .fields()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect();
            prop_assert_eq!(&read, &fields);
            let mut left = bytes.clone();
            let kept = head.strip_to_framing(&mut left);
            left.truncate(kept);
            let framing = what_steers(&line, fields);
            let (left_length, left_line, left_fields) = httparse_reads(&left).expect("a header");
            prop_assert_eq!((left_line, left_fields), (line, framing));
            prop_assert_eq!(&left[left_length..], &bytes[length..]);
        }
    }
}
