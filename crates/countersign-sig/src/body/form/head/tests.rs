use super::*;

fn boundary() -> Boundary {
    Boundary::of(b"multipart/form-data; boundary=b0").unwrap()
}

/// Reads a body in pieces of this size.
fn read(body: &[u8], size: usize) -> Result<Option<FormHead>, FormFault> {
    let boundary = boundary();
    let mut reader = HeadReader::new(&boundary);
    for piece in body.chunks(size.max(1)) {
        if let Some(head) = reader.push(piece)? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// What comes of a body, the same whole, byte by byte, and split in two anywhere.
fn read_anyhow(body: &[u8]) -> Result<Option<FormHead>, FormFault> {
    let whole = read(body, body.len());
    for size in [1, 2, 3, 7] {
        assert_eq!(read(body, size), whole, "in pieces of {size}");
    }
    for at in 0..body.len().min(600) {
        let boundary = boundary();
        let mut reader = HeadReader::new(&boundary);
        let read = match reader.push(&body[..at]) {
            Ok(None) => reader.push(&body[at..]),
            earlier => earlier,
        };
        assert_eq!(read, whole, "split at {at}");
    }
    whole
}

const FILE: &str =
    "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";

fn field(name: &str, value: &str) -> String {
    format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

#[test]
fn the_head_of_a_form_is_the_same_in_any_pieces() {
    let fields = [
        ("key", "a/b"),
        ("acl", ""),
        ("x", "1\r\n2\r\n-\r\n--b\r\n--b1 --b0\n--b0"),
        ("é", "é"),
    ];
    let written: String = fields
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    for opening in [
        "",
        "\r\n",
        "\r\n\r\n",
        "This is a multi-part message in MIME format.\r\n\r\n",
        "--b1\r\n--b\r\n-b0\n\r\n",
    ] {
        let head = format!("{opening}{written}{FILE}");
        let expected = FormHead {
            fields: fields
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            filename: Filename::Given("a.txt".into()),
            length: head.len(),
        };
        for file in ["", "content", "\r\n--b0--\r\n"] {
            let body = head.clone() + file;
            assert_eq!(read_anyhow(body.as_bytes()), Ok(Some(expected.clone())));
        }
    }
}

#[test]
fn a_file_needs_no_name_and_no_fields() {
    let body = b"--b0\r\ncontent-disposition:form-data;name=File\r\n\r\n";
    let head = read_anyhow(body).unwrap().unwrap();
    assert_eq!(
        (head.fields.len(), head.filename, head.length),
        (0, Filename::None, body.len())
    );
}

#[test]
fn the_beginning_of_a_form_is_not_yet_one() {
    let body = field("key", "k") + FILE;
    for length in 0..body.len() {
        assert_eq!(
            read(&body.as_bytes()[..length], length),
            Ok(None),
            "{length}"
        );
    }
}

#[test]
fn a_field_may_have_the_name_of_a_file() {
    let named = |name: &str| {
        format!(
            "--b0\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\nv\r\n"
        )
    };
    let head = read_anyhow((named("key") + &named("acl") + FILE).as_bytes());
    let head = head.unwrap().unwrap();
    let fields = ["key", "acl"].map(|name| (name.to_owned(), "v".to_owned()));
    assert_eq!(head.fields, fields);
    assert_eq!(head.filename, Filename::Given("a.txt".into()));
}

#[test]
fn a_value_is_read_in_its_character_set() {
    let read = |form: &str, part: &str, value: &str| {
        let content_type = format!("multipart/form-data; boundary=b0{form}");
        let boundary = Boundary::of(content_type.as_bytes()).unwrap();
        let field = field("key", value).replace("\r\n\r\n", &format!("{part}\r\n\r\n"));
        HeadReader::new(&boundary).push((field + FILE).as_bytes())
    };
    let latin = "\r\nContent-Type: text/plain; charset=ISO-8859-1";
    let utf_8 = "\r\nContent-Type: text/plain; charset=UTF-8";
    let utf_16 = "\r\nContent-Type: text/plain; charset=UTF-16";
    for (form, part, value, readable) in [
        ("", "", "é", true),
        ("", latin, "e", true),
        ("", latin, "é", false),
        ("", utf_16, "e", false),
        ("; charset=ISO-8859-1", "", "e", true),
        ("; charset=ISO-8859-1", "", "é", false),
        ("; charset=ISO-8859-1", utf_8, "é", true),
    ] {
        let read = read(form, part, value);
        assert_eq!(read.is_ok(), readable, "{form} {part} {value}: {read:?}");
    }
}

#[test]
fn what_is_no_form_is_refused() {
    use FormFault::{Malformed, NoFile};
    let malformed = |body: String| {
        let read = read_anyhow(body.as_bytes());
        assert!(matches!(read, Err(Malformed(_))), "{body:?}: {read:?}");
    };
    for start in [
        "x",
        "-x",
        "\n",
        "\n--b0\r\n",
        "preamble\n--b0\n",
        "preamble\r\n --b0\r\n",
    ] {
        malformed(format!("{start}{FILE}"));
    }
    for end in [" \r\n", "\n", "\r\r\n", "x\r\n", "-\r\n", "\t\r\n"] {
        malformed(FILE.replacen("--b0\r\n", &format!("--b0{end}"), 1));
        malformed(field("key", "k") + &FILE.replacen("--b0\r\n", &format!("--b0{end}"), 1));
    }
    for header in [
        "",
        "\r\n",
        "Content-Disposition: form-data; name=\"key\"\n",
        "Content-Disposition: form-data; name=\"key\"\r",
        "Content-Disposition: form-data\r\n",
    ] {
        malformed(format!("--b0\r\n{header}\r\nk\r\n\r\n{FILE}"));
    }
    malformed(format!(
        "--b0\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n--b0\r\n{FILE}"
    ));
    let binary = [field("key", "k").into_bytes(), FILE.into()].concat();
    let binary: Vec<u8> = binary
        .into_iter()
        .map(|byte| if byte == b'k' { 0xff } else { byte })
        .collect();
    assert!(read_anyhow(&binary).is_err());

    assert_eq!(read_anyhow(b"--b0--\r\n"), Err(NoFile));
    assert_eq!(
        read_anyhow((field("key", "k") + "--b0--").as_bytes()),
        Err(NoFile)
    );
}

#[test]
fn a_form_without_its_boundary_says_so() {
    let boundary = boundary();
    for length in [0, 10, MAX_HEAD_LENGTH] {
        let mut reader = HeadReader::new(&boundary);
        assert_eq!(reader.push(&vec![b'x'; length]), Ok(None));
        assert_eq!(reader.cut(), NO_BOUNDARY);
    }
    assert_eq!(read(&[b'x'; MAX_HEAD_LENGTH + 1], 4096), Err(NO_BOUNDARY));
    let mut reader = HeadReader::new(&boundary);
    assert_eq!(reader.push(b"--b0\r\n"), Ok(None));
    assert_ne!(reader.cut(), NO_BOUNDARY);
}

#[test]
fn the_limits_hold_on_both_sides() {
    let padded = |length: usize| {
        let rest = (field("policy", "") + FILE).len();
        field("policy", &"p".repeat(length - rest)) + FILE
    };
    let longest = padded(MAX_HEAD_LENGTH);
    let head = read(longest.as_bytes(), 4096).unwrap().unwrap();
    assert_eq!(head.length, MAX_HEAD_LENGTH);
    for size in [1, 999, 4096, 100_000] {
        let behind = longest.clone() + &"x".repeat(50_000);
        assert_eq!(read(behind.as_bytes(), size).unwrap().unwrap(), head);
        let longer = padded(MAX_HEAD_LENGTH + 1);
        assert_eq!(
            read(longer.as_bytes(), size),
            Err(FormFault::HeadTooLong),
            "{size}"
        );
        // What is wrong behind the limit is not seen.
        let wrong = padded(MAX_HEAD_LENGTH + 100).replace("form-data; name=\"file\"", "wrong");
        assert_eq!(
            read(wrong.as_bytes(), size),
            Err(FormFault::HeadTooLong),
            "{size}"
        );
    }

    let header = |length: usize| {
        let start = "--b0\r\nContent-Disposition: form-data; name=\"file\"\r\nX: ";
        let rest = start.len() - "--b0\r\n".len() + "\r\n\r\n".len();
        format!("{start}{}\r\n\r\n", "x".repeat(length - rest))
    };
    for size in [1, 4096, 10_000] {
        let fits = header(MAX_PART_HEADER_LENGTH);
        assert!(read(fits.as_bytes(), size).unwrap().is_some());
        let longer = header(MAX_PART_HEADER_LENGTH + 1);
        assert!(matches!(
            read(longer.as_bytes(), size),
            Err(FormFault::Malformed(_))
        ));
    }

    let many = |count: usize| {
        "--b0\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n".repeat(count) + FILE
    };
    assert!(read(many(MAX_FIELDS).as_bytes(), 4096).unwrap().is_some());
    assert!(matches!(
        read(many(MAX_FIELDS + 1).as_bytes(), 4096),
        Err(FormFault::Malformed(_))
    ));
}
