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
    FormBody::of_length(body.len() as u64, &head_of(body), &boundary(), framing)
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
        let end = if last { End::Yes } else { End::No };
        match verifier.push(Bytes::copy_from_slice(piece), end) {
            Ok(ready) if last => return (gone.clone(), Ok([gone, ready.to_vec()].concat())),
            Ok(ready) => gone.extend_from_slice(&ready),
            Err(fault) => return (gone, Err(fault)),
        }
    }
    let ready = verifier.push(Bytes::new(), End::Yes);
    (
        gone.clone(),
        ready.map(|ready| [gone, ready.to_vec()].concat()),
    )
}

/// What comes of a body, the same in whatever pieces; and unless it was read whole before, not all goes on before the end.
fn push_anyhow(plan: &FormBody, body: &[u8], file: usize) -> Result<Vec<u8>, FormFault> {
    let (_, expected) = push(plan, &[body], false);
    let check = |pieces: &[&[u8]]| {
        for end_apart in [false, true] {
            let (gone, result) = push(plan, pieces, end_apart);
            assert_eq!(result, expected, "{pieces:?}");
            let all = if plan.framing == Framing::Plain {
                file
            } else {
                body.len()
            };
            let proven = matches!(plan.rest, Rest::Proven);
            assert!(
                proven || gone.len() < all.max(1),
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
        for plan in [whole, streamed] {
            let plain = plan(&body, Framing::Plain).unwrap();
            assert_eq!(plain.file_length(), file.len() as u64);
            assert_eq!(push_anyhow(&plain, &body, file.len()), Ok(file.clone()));
            let received = plan(&body, Framing::AsReceived).unwrap();
            assert_eq!(push_anyhow(&received, &body, file.len()), Ok(body.clone()));
        }
    }
}

#[test]
fn a_form_that_is_held_may_end_in_other_ways() {
    let submit =
        "\r\n--b0\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--b0--\r\n";
    for end in ["\r\n--b0--", "\r\n--b0--\r\n", "\r\n--b0--\r\n\r\n", submit] {
        let body = body(b"file", end);
        let plain = whole(&body, Framing::Plain).unwrap();
        assert_eq!(plain.file_length(), 4);
        assert_eq!(
            push_anyhow(&plain, &body, 4),
            Ok(b"file".to_vec()),
            "{end:?}"
        );
    }
    let second = "\r\n--b0\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b0--\r\n";
    let named = "\r\n--b0\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\nx\r\n--b0--\r\n";
    for end in [second, named] {
        let refused = whole(&body(b"file", end), Framing::Plain);
        assert_eq!(refused.unwrap_err(), FormFault::SeveralFiles);
    }
    for end in [
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
        "\r\n--b0--\r\nepilogue",
        "\r\n--b0 --\r\n",
        "\r\n--b0x--\r\n",
        "\r\n--b0\r\nX: y\r\n\r\n\r\n--b0--\r\n",
        "\r\n--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
    ] {
        let refused = whole(&body(b"file", end), Framing::Plain);
        assert!(
            matches!(refused, Err(FormFault::Malformed(_))),
            "{end:?}: {refused:?}"
        );
    }
    let empty = whole(&body(b"--b0--\r\n", CLOSING), Framing::Plain);
    assert_eq!(empty.unwrap_err(), EMPTY_PART);
    // Behind the file, too, where a reader that allows one would find another file.
    let field = "\r\n--b0\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n";
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx";
    let hidden = format!("{field}--b0\r\n{file}{CLOSING}");
    let refused = whole(&body(b"file", &hidden), Framing::AsReceived);
    assert_eq!(refused.unwrap_err(), EMPTY_PART);
    let empty_value = format!("{field}{CLOSING}");
    assert!(whole(&body(b"file", &empty_value), Framing::AsReceived).is_ok());
}

#[test]
fn a_long_form_ends_with_its_file_or_not_at_all() {
    let refused = Err(FormFault::NotTheLast);
    let submit =
        "\r\n--b0\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--b0--\r\n";
    for end in [
        "",
        "\r\n--b0--",
        "\r\n--b0--\r\n\r\n",
        "\r\n--b0--\r\nx",
        "\r\n--b0-- \r\n",
        "\r\n--b1--\r\n",
        "\n--b0--\r\n",
        "\r\n--b0\r\n\r\n--b0--\r\n",
        submit,
    ] {
        for framing in [Framing::Plain, Framing::AsReceived] {
            let body = body(b"the file, of some length", end);
            let plan = streamed(&body, framing).unwrap();
            let file = usize::try_from(plan.file_length()).unwrap();
            assert_eq!(push_anyhow(&plan, &body, file), refused, "{end:?}");
        }
    }
    for file in [&b"--b0\r\n"[..], b"--b0--", b"a\r\n--b0b", b"\r\n--b0"] {
        let body = body(file, CLOSING);
        let plan = streamed(&body, Framing::Plain).unwrap();
        assert_eq!(push_anyhow(&plan, &body, file.len()), refused, "{file:?}");
    }
    // Longer or shorter than it said.
    let body = body(b"file", CLOSING);
    let head = head_of(&body);
    for wrong in [body.len() - 1, body.len() + 1] {
        let plan = FormBody::of_length(wrong as u64, &head, &boundary(), Framing::Plain).unwrap();
        let (_, result) = push(&plan, &[&body], false);
        assert_eq!(result, refused, "{wrong}");
    }
    let least = (HEAD.len() + CLOSING.len()) as u64;
    let of_length = |length| FormBody::of_length(length, &head, &boundary(), Framing::Plain);
    assert_eq!(of_length(least).unwrap().file_length(), 0);
    for length in [0, least - 1] {
        assert_eq!(of_length(length).unwrap_err(), FormFault::NotTheLast);
    }
    assert!(of_length(u64::MAX).is_ok());
}

#[test]
fn a_large_piece_goes_on_without_being_copied() {
    let file = vec![7; 64 * 1024];
    let body = [HEAD.as_bytes(), &file, &file, CLOSING.as_bytes()].concat();
    let mut verifier = streamed(&body, Framing::Plain).unwrap().verifier();
    let first = Bytes::from([HEAD.as_bytes(), &file].concat());
    let start = first[HEAD.len()..].as_ptr();
    assert!(verifier.push(first, End::No).unwrap().is_empty());
    let gone = verifier.push(Bytes::from(file.clone()), End::No).unwrap();
    assert_eq!((gone.as_ptr(), gone.len()), (start, file.len()));
    let last = verifier.push(Bytes::from_static(CLOSING.as_bytes()), End::Yes);
    assert_eq!(last.unwrap(), file);
}
