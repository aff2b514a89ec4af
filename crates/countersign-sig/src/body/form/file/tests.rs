use super::*;
use crate::body::form::HeadReader;

const HEAD: &str = "--b0\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n\
                    --b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
const CLOSING: &str = "\r\n--b0--\r\n";

fn boundary() -> Boundary {
    Boundary::of(b"multipart/form-data; boundary=b0").unwrap()
}

fn head_of(body: &[u8]) -> FormHead {
    let boundary = boundary();
    HeadReader::new(&boundary).push(body).unwrap().unwrap()
}

fn body(file: &[u8], end: &str) -> Vec<u8> {
    [HEAD.as_bytes(), file, end.as_bytes()].concat()
}

fn whole(body: &[u8], framing: Framing) -> Result<FormBody, FormFault> {
    FormBody::of_whole(body, &head_of(body), &boundary(), framing)
}

fn streamed(body: &[u8], framing: Framing) -> Result<FormBody, FormFault> {
    let length = Some(body.len() as u64);
    Ok(FormBody::of_stream(
        length,
        &head_of(body),
        &boundary(),
        framing,
    ))
}

fn promised(body: &[u8], framing: Framing) -> Result<FormBody, FormFault> {
    streamed(body, framing)?.promised()
}

fn field(name: &str, value: &str) -> String {
    format!("\r\n--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
}

/// Pushes pieces; the last one may come with the end or the end behind it. Gives what went on before the end, and after.
fn push(
    plan: &FormBody,
    pieces: &[&[u8]],
    end_apart: bool,
) -> (Vec<u8>, Result<Vec<u8>, FormFault>) {
    let mut verifier = plan.verifier();
    let mut gone = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let last = at + 1 == pieces.len() && !end_apart;
        let end = if last { End::Last } else { End::More };
        match verifier.push(Bytes::copy_from_slice(piece), end) {
            Ok(ready) if last => return (gone.clone(), Ok([gone, ready.to_vec()].concat())),
            Ok(ready) => gone.extend_from_slice(&ready),
            Err(fault) => return (gone, Err(fault)),
        }
    }
    let ready = verifier.push(Bytes::new(), End::Last);
    (
        gone.clone(),
        ready.map(|ready| [gone, ready.to_vec()].concat()),
    )
}

/// What comes of a body, the same in whatever pieces; and not all of the file goes on before the end, nor so much as the
/// node was told, nor anything of what follows the file.
fn push_anyhow(plan: &FormBody, body: &[u8], file: usize) -> Result<Vec<u8>, FormFault> {
    let (_, expected) = push(plan, &[body], false);
    let check = |pieces: &[&[u8]]| {
        for end_apart in [false, true] {
            let (gone, result) = push(plan, pieces, end_apart);
            assert_eq!(result, expected, "{pieces:?}");
            let length = plan
                .file_length()
                .map_or(file, |length| file.min(length as usize));
            let before = match plan.framing {
                Framing::Plain => 0,
                Framing::AsReceived => plan.head_length as usize,
            };
            assert!(
                gone.len() < (before + length).max(1),
                "{pieces:?}: all of it has gone on"
            );
        }
    };
    for size in [1, 2, 3, 5, 17] {
        check(&body.chunks(size).collect::<Vec<_>>());
    }
    for at in 0..=body.len() {
        check(&[&body[..at], &body[at..]]);
        check(&[&body[..at], b"", &body[at..]]);
    }
    expected
}

fn files() -> Vec<Vec<u8>> {
    [
        &b""[..],
        b"x",
        b"hello world",
        b"\r\n",
        b"\r\n--b",
        b"--b0x",
        b"\r\n-\r\n--b\r\n--b1 \n--b0",
        b"\0\xff\r\n\r\n",
    ]
    .map(<[u8]>::to_vec)
    .into_iter()
    .chain([vec![b'a'; 90], b"\r\n".repeat(30)])
    // A file that begins with its own boundary has no reading.
    .filter(|file| !file.starts_with(b"--b0"))
    .collect()
}

#[test]
fn the_file_arrives_whole_in_any_pieces() {
    for file in files() {
        let body = body(&file, CLOSING);
        let length = file.len() as u64;
        for (plan, known) in [
            (whole as fn(&[u8], Framing) -> _, Some(length)),
            (promised, Some(length)),
            (streamed, None),
        ] {
            let plain = plan(&body, Framing::Plain).unwrap();
            assert_eq!(plain.file_length(), known);
            assert_eq!(plain.usual_file_length(), Some(length));
            let (least, most) = plain.file_lengths();
            assert!((least..=most).contains(&length));
            assert_eq!(push_anyhow(&plain, &body, file.len()), Ok(file.clone()));
            let received = plan(&body, Framing::AsReceived).unwrap();
            assert_eq!(push_anyhow(&received, &body, file.len()), Ok(body.clone()));
        }
    }
}

#[test]
fn a_form_may_end_in_other_ways() {
    let submit = field("submit", "Upload") + CLOSING;
    let named = field("a\"; filename=\"a", "x") + CLOSING;
    let two = field("a", "") + &field("b", "\r\n--b\r\n") + "\r\n--b0--";
    for end in [
        "\r\n--b0--",
        "\r\n--b0--\r\n",
        "\r\n--b0--\r\n\r\n",
        "\r\n--b0--\r\nThis is the epilogue. --b1--\n",
        &submit,
        &named,
        &two,
    ] {
        for file in [&b"file"[..], b"", b"\r\n--b"] {
            let body = body(file, end);
            for plan in [whole as fn(&[u8], Framing) -> _, streamed] {
                let plain = plan(&body, Framing::Plain).unwrap();
                assert_eq!(
                    push_anyhow(&plain, &body, file.len()),
                    Ok(file.to_vec()),
                    "{end:?}"
                );
                let received = plan(&body, Framing::AsReceived).unwrap();
                assert_eq!(
                    push_anyhow(&received, &body, file.len()),
                    Ok(body.clone()),
                    "{end:?}"
                );
            }
        }
    }
}

#[test]
fn a_form_that_ends_in_no_way_of_a_forms_is_refused() {
    let second = field("file", "x") + CLOSING;
    let second_in_capitals = field("FILE\"; filename=\"f", "x") + CLOSING;
    // Where a reader that allows an empty part would find another file.
    let hidden = field("x", "") + &field("file", "x")[2..] + CLOSING;
    let malformed = [
        "",
        "\r\n",
        "\r\n--b0",
        "\r\n--b0-",
        "\r\n--b0\r\n",
        "\r\n--b1--\r\n",
        "\n--b0--\r\n",
        "\r\n--b0--x",
        "\r\n--b0--\n",
        "\r\n--b0-- \r\n",
        "\r\n--b0--\r\n--b0\r\n",
        "\r\n--b0--\r\nepilogue\n--b0--",
        "\r\n--b0 --\r\n",
        "\r\n--b0x--\r\n",
        "\r\n--b0\r\nX: y\r\n\r\n\r\n--b0--\r\n",
        "\r\n--b0\r\n\r\n--b0--\r\n",
        &field("a", "x"),
        &hidden,
    ];
    let several = [second.as_str(), &second_in_capitals];
    let cases = malformed.iter().map(|end| (*end, false));
    for (end, several) in cases.chain(several.iter().map(|end| (*end, true))) {
        let body = body(b"the file, of some length", end);
        let is_right = |result: &Result<Vec<u8>, FormFault>| match result {
            Err(FormFault::SeveralFiles) => several,
            Err(FormFault::Malformed(_)) => !several,
            _ => false,
        };
        let refused = whole(&body, Framing::Plain).map(|_| Vec::new());
        assert!(is_right(&refused), "{end:?}: {refused:?}");
        for framing in [Framing::Plain, Framing::AsReceived] {
            let plan = streamed(&body, framing).unwrap();
            let refused = push_anyhow(&plan, &body, 24);
            assert!(is_right(&refused), "{end:?}: {refused:?}");
        }
    }
    for file in [&b"--b0\r\n"[..], b"--b0--", b"--b0--\r\n"] {
        let body = body(file, CLOSING);
        assert_eq!(whole(&body, Framing::Plain).unwrap_err(), EMPTY_PART);
        let plan = streamed(&body, Framing::Plain).unwrap();
        assert_eq!(push_anyhow(&plan, &body, file.len()), Err(EMPTY_PART));
    }
}

#[test]
fn what_follows_the_file_is_bounded() {
    let long = |length: usize| {
        let rest = field("a", "").len() + CLOSING.len();
        field("a", &"x".repeat(length - rest)) + CLOSING
    };
    let file = vec![b'f'; 5000];
    let push_in = |plan: &FormBody, body: &[u8], size: usize| {
        push(plan, &body.chunks(size).collect::<Vec<_>>(), false)
    };
    for plan in [streamed, |body: &[u8], framing| {
        // In chunks nothing says how long it is.
        Ok(FormBody::of_stream(
            None,
            &head_of(body),
            &boundary(),
            framing,
        ))
    }] {
        for framing in [Framing::Plain, Framing::AsReceived] {
            for size in [1, 1000, 100_000] {
                let fits = body(&file, &long(MAX_TAIL_LENGTH));
                let (_, result) = push_in(&plan(&fits, framing).unwrap(), &fits, size);
                assert!(result.is_ok(), "{size}: {result:?}");
                let longer = body(&file, &long(MAX_TAIL_LENGTH + 1));
                let form = plan(&longer, framing).unwrap();
                let (_, result) = push_in(&form, &longer, size);
                assert_eq!(result, Err(FormFault::TailTooLong), "{size}");
                // Nothing of it is held that is behind the limit.
                let mut verifier = form.verifier();
                let much = body(&file, &long(1_000_000));
                assert!(much.chunks(size.max(100)).any(|piece| {
                    verifier
                        .push(Bytes::copy_from_slice(piece), End::More)
                        .is_err()
                }));
                assert_eq!(
                    verifier.tail.map(|tail| tail.len()),
                    (size < 2000).then_some(MAX_TAIL_LENGTH)
                );
                let files = body(&file, &(field("file", &"x".repeat(100_000)) + CLOSING));
                let (_, result) = push_in(&plan(&files, framing).unwrap(), &files, size);
                assert_eq!(result, Err(FormFault::SeveralFiles), "{size}");
            }
        }
    }
    let fits = body(&file, &long(MAX_TAIL_LENGTH));
    assert!(whole(&fits, Framing::Plain).is_ok());
    let longer = body(&file, &long(MAX_TAIL_LENGTH + 1));
    assert_eq!(
        whole(&longer, Framing::Plain).unwrap_err(),
        FormFault::TailTooLong
    );
    let (least, most) = streamed(&fits, Framing::Plain).unwrap().file_lengths();
    assert_eq!(
        (least, most),
        (5000, (fits.len() - HEAD.len() - "\r\n--b0--".len()) as u64)
    );
}

#[test]
fn a_form_whose_length_was_promised_ends_with_its_file() {
    let refused = Err(FormFault::NotTheLast);
    for end in [
        "\r\n--b0--",
        "\r\n--b0--\r\n\r\n",
        "\r\n--b0--\r\nx",
        &(field("submit", "Upload") + CLOSING),
    ] {
        for file in [&b"the file, of some length"[..], &[b'a'; 200]] {
            let body = body(file, end);
            let plan = promised(&body, Framing::Plain).unwrap();
            assert_eq!(push_anyhow(&plan, &body, file.len()), refused, "{end:?}");
        }
    }
    let none = body(b"the file, of some length", "");
    let plan = promised(&none, Framing::Plain).unwrap();
    assert!(push_anyhow(&plan, &none, 24).is_err());
    // Longer or shorter than it said.
    let body = body(b"file", CLOSING);
    let head = head_of(&body);
    let of_length =
        |length| FormBody::of_stream(length, &head, &boundary(), Framing::Plain).promised();
    for wrong in [body.len() - 1, body.len() + 1] {
        let (_, result) = push(&of_length(Some(wrong as u64)).unwrap(), &[&body], false);
        assert_eq!(result, refused, "{wrong}");
    }
    let least = (HEAD.len() + CLOSING.len()) as u64;
    assert_eq!(of_length(Some(least)).unwrap().file_length(), Some(0));
    for length in [0, least - 1] {
        assert_eq!(of_length(Some(length)).unwrap_err(), FormFault::NotTheLast);
    }
    assert!(of_length(Some(u64::MAX)).is_ok());
    assert_eq!(of_length(None).unwrap_err(), FormFault::NoLength);
}

#[test]
fn the_length_of_the_file_is_never_overstated() {
    let file = vec![b'f'; 300];
    let body = body(&file, CLOSING);
    for size in [1, 3, 7, 100, 1000] {
        let mut verifier = streamed(&body, Framing::AsReceived).unwrap().verifier();
        for piece in body.chunks(size) {
            verifier
                .push(Bytes::copy_from_slice(piece), End::More)
                .unwrap();
            assert!(verifier.file_length() <= 300, "{size}");
        }
        assert_eq!(verifier.file_length(), 300);
    }
}

#[test]
fn a_large_piece_goes_on_without_being_copied() {
    let file = vec![7; 64 * 1024];
    let body = [HEAD.as_bytes(), &file, &file, CLOSING.as_bytes()].concat();
    let mut verifier = streamed(&body, Framing::Plain).unwrap().verifier();
    let first = Bytes::from([HEAD.as_bytes(), &file].concat());
    let start = first[HEAD.len()..].as_ptr();
    assert!(verifier.push(first, End::More).unwrap().is_empty());
    let gone = verifier.push(Bytes::from(file.clone()), End::More).unwrap();
    assert_eq!((gone.as_ptr(), gone.len()), (start, file.len()));
    let last = verifier.push(Bytes::from_static(CLOSING.as_bytes()), End::Last);
    assert_eq!(last.unwrap(), file);
}
