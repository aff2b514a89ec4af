use super::*;

/// Checks a body in parts of this many bytes: its fault, or whether it has ended.
fn read(body: &[u8], piece: usize) -> Result<bool, WireFault> {
    let mut check = ChunkCheck::new();
    for piece in body.chunks(piece.max(1)) {
        check.push(piece)?;
    }
    Ok(check.is_done())
}

/// Checks a body as a whole, byte by byte, and split in two at every offset, which must give the same result.
fn read_however_it_comes(body: &[u8]) -> Result<bool, WireFault> {
    let whole = read(body, body.len());
    assert_eq!(read(body, 1), whole, "{}", body.escape_ascii());
    for cut in 0..=body.len() {
        let mut check = ChunkCheck::new();
        let (first, second) = body.split_at(cut);
        let parts = check.push(first).and_then(|()| check.push(second));
        let parts = parts.map(|()| check.is_done());
        assert_eq!(parts, whole, "{} at {cut}", body.escape_ascii());
    }
    whole
}

const RIGHT: &[&str] = &[
    "0\r\n\r\n",
    "000\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "0005\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    "00000000000000A\r\n0123456789\r\n0\r\n\r\n",
    "a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
    "5;a\r\nhello\r\n0;last\r\n\r\n",
    "5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n",
    "5 ; a = b\t;\tc\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\\\"; \t\x7e\u{e9}\"\r\nhello\r\n0\r\n\r\n",
    "5;a=\"\" ;b\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-Trailer: x\r\nb:\r\n\r\n",
    "0\r\nx-amz-checksum-crc32:\tAAAAAA==\t\r\n\r\n",
    // Bytes after the end do not belong to the body.
    "0\r\n\r\n\x00\n\r",
];

const WRONG: &[(&str, WireFault)] = &[
    ("\r\n\r\n", WireFault::ChunkSize),
    ("\n", WireFault::ChunkSize),
    (" 5\r\nhello\r\n0\r\n\r\n", WireFault::ChunkSize),
    ("+5\r\nhello\r\n0\r\n\r\n", WireFault::ChunkSize),
    (";a\r\n\r\n", WireFault::ChunkSize),
    ("x", WireFault::ChunkSize),
    ("0000000000000005\r\n", WireFault::ChunkSize),
    ("ffffffffffffffff\r\n", WireFault::ChunkSize),
    ("5\r\nhello\r\n\r\n", WireFault::ChunkSize),
    ("5\r\nhello\r\n 0\r\n\r\n", WireFault::ChunkSize),
    ("5\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5 \r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5\t\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("0x5\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5_\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5 5\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;\nxx\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a\nxx\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a\r\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a \r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a=\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a=b c\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a b\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a=\"b\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    (
        "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n",
        WireFault::ChunkExtension,
    ),
    (
        "5;a=\"\\\n\"\r\nhello\r\n0\r\n\r\n",
        WireFault::ChunkExtension,
    ),
    ("5;a=\x00\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5;a=\x7f\r\nhello\r\n0\r\n\r\n", WireFault::ChunkExtension),
    ("5\r\nhello\n0\r\n\r\n", WireFault::ChunkEnd),
    ("5\r\nhell\r\n0\r\n\r\n", WireFault::ChunkEnd),
    ("5\r\nhello!\r\n0\r\n\r\n", WireFault::ChunkEnd),
    ("5\r\nhello\r\r\n0\r\n\r\n", WireFault::ChunkEnd),
    ("5\r\nhello0\r\n\r\n", WireFault::ChunkEnd),
    ("0\n\n", WireFault::ChunkExtension),
    ("0\r\n\n", WireFault::Trailer),
    ("0\r\n\rx", WireFault::Trailer),
    ("0\r\nno colon\r\n\r\n", WireFault::Trailer),
    ("0\r\n: x\r\n\r\n", WireFault::Trailer),
    ("0\r\n a: x\r\n\r\n", WireFault::Trailer),
    ("0\r\na : x\r\n\r\n", WireFault::Trailer),
    ("0\r\na: x\n\r\n", WireFault::Trailer),
    ("0\r\na: x\r\n b\r\n\r\n", WireFault::Trailer),
    ("0\r\na: \x00\r\n\r\n", WireFault::Trailer),
];

#[test]
fn l4_what_has_one_reading_is_read_wherever_it_is_cut() {
    for body in RIGHT {
        assert_eq!(read_however_it_comes(body.as_bytes()), Ok(true), "{body:?}");
        assert_eq!(
            httparse_reads(body.as_bytes()),
            Some(end_of(body)),
            "{body:?}"
        );
    }
}

#[test]
fn l4_what_others_read_otherwise_is_refused_wherever_it_is_cut() {
    for (body, fault) in WRONG {
        assert_eq!(
            read_however_it_comes(body.as_bytes()),
            Err(*fault),
            "{body:?}"
        );
    }
}

#[test]
fn l4_lines_around_the_data_are_bounded() {
    let longest = format!(
        "0;{}\r\n\r\n",
        "a".repeat(MAX_SIZE_LINE_BYTES - "0;\r".len())
    );
    assert_eq!(read(longest.as_bytes(), 7), Ok(true));
    let longer = longest.replacen('a', "aa", 1);
    assert_eq!(read(longer.as_bytes(), 7), Err(WireFault::ChunkLineTooLong));

    // Extensions of the same length as the data are accepted in a body of any length.
    let extension = format!("200;{}\r\n{}\r\n", "a".repeat(500), "x".repeat(512));
    let generous = extension.repeat(1000) + "0\r\n\r\n";
    assert_eq!(read(generous.as_bytes(), 4096), Ok(true));
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(500));
    let costly = chunk.repeat(MAX_OVERHEAD_BYTES / 500 + 10) + "0\r\n\r\n";
    assert_eq!(
        read(costly.as_bytes(), 4096),
        Err(WireFault::ChunkLineTooLong)
    );
    // Without extensions chunks may be one byte long.
    let bytes = "1\r\nx\r\n".repeat(100_000) + "0\r\n\r\n";
    assert_eq!(read(bytes.as_bytes(), 4096), Ok(true));

    let trailer =
        |length: usize| format!("0\r\na:{}\r\n\r\n", "x".repeat(length - "a:\r\n\r".len()));
    assert_eq!(read(trailer(MAX_TRAILER_BYTES).as_bytes(), 100), Ok(true));
    let too_long = trailer(MAX_TRAILER_BYTES + 1);
    assert_eq!(
        read(too_long.as_bytes(), 100),
        Err(WireFault::TrailerTooLarge)
    );
    let fields = |count: usize| format!("0\r\n{}\r\n", "a:\r\n".repeat(count));
    assert_eq!(read(fields(WireFault::MAX_FIELDS).as_bytes(), 1), Ok(true));
    let too_many = fields(WireFault::MAX_FIELDS + 1);
    assert_eq!(
        read(too_many.as_bytes(), 1),
        Err(WireFault::TrailerTooLarge)
    );
}

/// The end of a valid body.
fn end_of(body: &str) -> usize {
    (1..=body.len())
        .find(|end| read(&body.as_bytes()[..*end], body.len()) == Ok(true))
        .unwrap()
}

/// The end of a body for another parser.
fn httparse_reads(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let httparse::Status::Complete((line, size)) =
            httparse::parse_chunk_size(&body[at..]).ok()?
        else {
            return None;
        };
        at += line;
        let size = usize::try_from(size).ok()?;
        if size == 0 {
            let mut fields = [httparse::EMPTY_HEADER; 128];
            return match httparse::parse_headers(&body[at..], &mut fields).ok()? {
                httparse::Status::Complete((length, _)) => Some(at + length),
                httparse::Status::Partial => None,
            };
        }
        let end = at.checked_add(size)?;
        if body.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        at = end + 2;
    }
}

/// For every accepted body, another parser finds the same end.
#[test]
fn l4_what_is_taken_ends_where_another_parser_sees_the_end() {
    let odd = b"\r\n\t ;=\"\\05aAgx:,\x00\x7f\x80";
    let mut taken = 0;
    for body in RIGHT {
        let body = body.as_bytes();
        for at in 0..body.len() {
            for &byte in odd {
                let replaced = [&body[..at], &[byte], &body[at + 1..]].concat();
                let inserted = [&body[..at], &[byte], &body[at..]].concat();
                let removed = [&body[..at], &body[at + 1..]].concat();
                for mutant in [replaced, inserted, removed] {
                    let Ok(true) = read(&mutant, mutant.len()) else {
                        continue;
                    };
                    taken += 1;
                    let end = (1..=mutant.len())
                        .find(|end| read(&mutant[..*end], mutant.len()) == Ok(true));
                    assert_eq!(httparse_reads(&mutant), end, "{}", mutant.escape_ascii());
                }
            }
        }
    }
    assert!(taken > 500, "{taken}");
}
