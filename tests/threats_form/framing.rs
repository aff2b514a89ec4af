//! I9: the multipart body.

use crate::{Scene, drip, form, path};
use support::form::Form;
use support::rec::{Answer, CLOSING_OK, Rec};
use support::scene::Forward;

const MALFORMED: (u16, &str) = (400, "MalformedPOSTRequest");

/// The bytes of the form with another text in one place.
fn replaced(form: &Form, from: &str, to: &str) -> Vec<u8> {
    let body = String::from_utf8(form.body()).expect("a form in UTF-8");
    assert!(body.contains(from), "{from:?}");
    form.request_of(body.replacen(from, to, 1)).bytes()
}

#[test]
fn i9_the_boundary_is_one_of_rfc_2046() {
    for scene in Scene::both_closing() {
        let bounded = |boundary: &str| {
            let mut form = form("k").signed();
            form.boundary = boundary.into();
            let end = form.closing();
            form.end(&end)
        };
        for boundary in ["b", "a'()+_,-./:=?b", &"x".repeat(70)] {
            let form = bounded(boundary);
            let mut request = form.request();
            let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
            request.headers.last_mut().expect("the Content-Type").1 = content_type;
            let response = scene.send((boundary, &request));
            assert!(response.status < 300, "{}", response.text());
            scene.rec.await_requests(1);
            scene.rec.clear();
        }
        for boundary in [
            "",
            &"x".repeat(71),
            &"x".repeat(200),
            "a b",
            "a\tb",
            "a\"b",
            "ü",
        ] {
            scene.refuses((boundary, &bounded(boundary)), MALFORMED.0, MALFORMED.1);
        }
        let form = form("k").signed();
        let own = form.boundary.clone();
        for content_type in [
            "multipart/form-data".to_owned(),
            "multipart/form-data;".into(),
            "multipart/form-data; boundary".into(),
            format!("multipart/form-data; boundary={own}; boundary={own}"),
            format!("multipart/form-data; boundary={own}; boundary=other"),
            format!("multipart/form-data; boundary={own}; charset=utf-16"),
            format!("multipart/form-data, text/plain; boundary={own}"),
            format!("multipart/form-dataX; boundary={own}"),
        ] {
            let mut request = form.request();
            request.headers.last_mut().expect("the Content-Type").1 = content_type.clone();
            scene.refuses((&content_type, &request), MALFORMED.0, MALFORMED.1);
        }
        let other = bounded("b").request_of(form.body());
        scene.refuses(("another boundary", &other), MALFORMED.0, MALFORMED.1);
    }
}

#[test]
fn i9_line_ends_are_crlf() {
    for scene in Scene::both_closing() {
        let form = form("k").signed();
        let boundary = &form.boundary;
        let line = format!("--{boundary}\r\n");
        for (from, to) in [
            (line.as_str(), format!("--{boundary}\n")),
            (&line, format!("--{boundary} \r\n")),
            (&line, format!("--{boundary}\r\r\n")),
            (&line, format!("--{boundary}\0\r\n")),
            (&line, format!("\n--{boundary}\r\n")),
            (&line, format!("preamble\n--{boundary}\r\n")),
            (&line, format!("preamble--{boundary}\r\n")),
            ("\"\r\n\r\nk", "\"\n\nk".into()),
            ("\"\r\n\r\nk", "\"\r\n\nk".into()),
            ("\"\r\n\r\nk", "\"\r\nk".into()),
            ("name=\"key\"", "\r\n name=\"key\"".into()),
            ("name=\"key\"", "name=\"key\"\rX: y".into()),
            ("name=\"key\"", "name=\"key\"\nX: y".into()),
            (
                "name=\"key\"",
                "name=\"key\"\r\nContent-Disposition: form-data; name=\"acl\"".into(),
            ),
        ] {
            scene.refuses(
                (&format!("{to:?}"), &replaced(&form, from, &to)),
                MALFORMED.0,
                MALFORMED.1,
            );
        }
        for end in [
            "".to_owned(),
            "\r\n".into(),
            format!("\r\n--{boundary}"),
            format!("\r\n--{boundary}\r\n"),
            format!("\r\n--{boundary}-"),
            format!("\r\n--{boundary}--x"),
            format!("\n--{boundary}--\r\n"),
            format!("--{boundary}--\r\n"),
            format!("\r\n--{boundary}x--\r\n"),
            format!("\r\n--{boundary}--\r\nepilogue\n--{boundary}\r\n"),
        ] {
            scene.refuses(
                (&format!("{end:?}"), &form.clone().end(&end)),
                MALFORMED.0,
                MALFORMED.1,
            );
        }
        for end in ["", "\r\n", "\r\n\r\n", "\r\nepilogue"] {
            let closing = format!("\r\n--{boundary}--{end}");
            scene.stores(end, &form.clone().end(&closing));
        }
        // The boundary's own text is no boundary where no line starts with it.
        let odd = format!("--{boundary}x\r\n-{boundary}\r\n--{}", &boundary[1..]);
        scene.stores("like a boundary", &form.clone().file(format!("x{odd}")));
        let starts = form.clone().file(format!("--{boundary}--\r\n"));
        scene.refuses(
            ("starts with its boundary", &starts),
            MALFORMED.0,
            MALFORMED.1,
        );
    }
}

#[test]
fn i9_the_header_of_a_part_has_one_reading() {
    for scene in Scene::both_closing() {
        let form = form("k").signed();
        for disposition in [
            "form-data",
            "form-data; name",
            "form-data; name=\"\"",
            "form-data; name=\"key",
            "form-data; name=\"key\"; name=\"acl\"",
            "form-data; name*=utf-8''key",
            "attachment; name=\"key\"",
            "form-data; name=\"k\\\"ey\"",
            "form-data; name=\"key\"; name*=utf-8''key",
        ] {
            let bytes = replaced(&form, "form-data; name=\"key\"", disposition);
            scene.refuses((disposition, &bytes), MALFORMED.0, MALFORMED.1);
        }
        for filename in [
            "a\\\"b",
            "a\\\\\\",
            "a\"; filename=\"b",
            "a\rb",
            "a\nb",
            "a\0b",
        ] {
            scene.refuses(
                (filename, &form.clone().filename(filename)),
                MALFORMED.0,
                MALFORMED.1,
            );
        }
        for filename in [
            "a b.txt",
            "été.txt",
            "a'b",
            "%22%0d%0a",
            "a;b=c",
            "C:\\a\\b.txt",
            "C:\\\\a\\\\b.txt",
            "a\"; filename*=utf-8''b; x=\"",
        ] {
            scene.stores(filename, &form.clone().filename(filename));
        }
        for header in [
            "Content-Type: text/plain; charset=utf-16",
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "Not a header",
            " folded",
            "X : y",
        ] {
            let to = format!("name=\"key\"\r\n{header}");
            let bytes = replaced(&form, "name=\"key\"", &to);
            scene.refuses((header, &bytes), MALFORMED.0, MALFORMED.1);
        }
        for header in [
            "Content-Type: text/plain; charset=UTF-8",
            "Content-Transfer-Encoding: 8bit",
            "X-Other: y",
        ] {
            let to = format!("name=\"key\"\r\n{header}");
            let response = scene.send((header, &replaced(&form, "name=\"key\"", &to)));
            assert!(response.status < 300, "{}", response.text());
            scene.rec.await_requests(1);
            scene.rec.clear();
        }
        let none = replaced(&form, "name=\"file\"", "name=\"fail\"").to_vec();
        let answer = scene.refuses(("another name", &none), 400, "InvalidArgument");
        assert_eq!(answer.element("ArgumentName").as_deref(), Some("file"));
    }
}

#[test]
fn i9_a_form_has_a_file() {
    for scene in Scene::both_closing() {
        let form = form("k").signed();
        let head = form.head();
        let fields = &head[..head
            .rfind(&format!("--{}\r\n", form.boundary))
            .expect("the part of the file")];
        let without = |end: String| form.request_of(format!("{fields}{end}")).bytes();
        let closed = without(format!("--{}--\r\n", form.boundary));
        scene.refuses(("no file", &closed), 400, "InvalidArgument");
        scene.refuses(("cut", &without(String::new())), MALFORMED.0, MALFORMED.1);
        scene.refuses(("empty", &form.request_of("")), MALFORMED.0, MALFORMED.1);
        for length in [1, head.len() / 2, head.len() - 1] {
            let cut = form.request_of(&head.as_bytes()[..length]).bytes();
            scene.refuses(("cut", &cut), MALFORMED.0, MALFORMED.1);
        }
    }
}

#[test]
fn i9_the_limits_hold_on_both_sides() {
    for scene in Scene::both_closing() {
        let padded = |length: usize| {
            let form = form("k").signed().only_field("x-ignore-a", "");
            let rest = form.head().len();
            form.with_value("x-ignore-a", &"x".repeat(length - rest))
        };
        for file in [5, 300_000] {
            let file = vec![b'x'; file];
            scene.stores("20 KiB", &padded(20 * 1024).file(file.clone()));
            let more = padded(20 * 1024 + 1).file(file.clone());
            scene.refuses(
                ("20 KiB and one", &more),
                400,
                "MaxPostPreDataLengthExceededError",
            );
            let much = padded(1_000_000).file(file);
            scene.refuses(("1 MB", &much), 400, "MaxPostPreDataLengthExceededError");
        }
        let form = form("k").signed();
        let header = |length: usize| {
            let to = format!("name=\"key\"\r\nX: {}", "x".repeat(length));
            replaced(&form, "name=\"key\"", &to)
        };
        // The rest of the header: the disposition's line and the line ends.
        let rest = "Content-Disposition: form-data; name=\"key\"\r\nX: \r\n\r\n".len();
        let response = scene.send(("4 KiB", &header(4096 - rest)));
        assert!(response.status < 300, "{}", response.text());
        scene.rec.await_requests(1);
        scene.rec.clear();
        scene.refuses(
            ("4 KiB and one", &header(4097 - rest)),
            MALFORMED.0,
            MALFORMED.1,
        );
        scene.refuses(("1 MB", &header(1_000_000)), MALFORMED.0, MALFORMED.1);
        let many = |count: usize| {
            let own = form.fields.len();
            (own..count).fold(form.clone(), |form, at| {
                form.only_field(&format!("x-ignore-{at}"), "")
            })
        };
        scene.stores("100 fields", &many(100));
        scene.refuses(("101 fields", &many(101)), MALFORMED.0, MALFORMED.1);
    }
}

#[test]
fn i9_a_form_is_the_same_in_any_pieces() {
    let scene = Scene::closing(Forward::Trusted);
    let form = form("k").signed();
    let bytes = form.bytes();
    let response = drip(scene.gateway.address(), &bytes);
    assert_eq!(response.status, 204, "{}", response.text());
    let recorded = scene.rec.await_requests(1).remove(0);
    assert_eq!(
        (recorded.target(), &recorded.body),
        (&*path("k"), &form.file)
    );
    scene.rec.clear();
    // A long form, whose file and end come in pieces too.
    let long = form.file(
        (0..200_000_u32)
            .map(|at| (at % 253) as u8)
            .collect::<Vec<_>>(),
    );
    let bytes = long.bytes();
    let (start, end) = bytes.split_at(bytes.len() - 60);
    for at in 0..=end.len() {
        let mut connection = scene.gateway.connect();
        connection.send(start);
        connection.send(&end[..at]);
        connection.send(&end[at..]);
        assert_eq!(connection.receive().status, 204, "{at}");
        let recorded = scene.rec.await_requests(1).remove(0);
        assert!(recorded.body == long.file, "{at}");
        scene.rec.clear();
    }
}

#[test]
fn i9_a_form_that_breaks_off_never_completes() {
    for scene in Scene::both_closing() {
        for file in [5, 300_000] {
            let form = form("k").signed().file(vec![b'x'; file]);
            let bytes = form.bytes();
            let closing = form.closing().len();
            for left in [1, closing - 1, closing, closing + 1, closing + 4] {
                let mut connection = scene.gateway.connect();
                connection.send(&bytes[..bytes.len() - left]);
                connection.finish_sending();
                connection.drain();
                assert_eq!(scene.rec.requests().len(), 0, "{left} bytes of {file}");
                scene.rec.clear();
            }
        }
    }
}

/// J12: the fields are the header of a form, and nobody has signed anything before they are read.
#[test]
fn j12_the_head_of_a_form_has_the_time_of_a_header() {
    for forward in Forward::BOTH {
        let scene = Scene::with(forward, Rec::start(Answer::raw(CLOSING_OK)), |config| {
            config.line(
                "listener",
                "header_timeout = \"300ms\"\nbody_timeout = \"1h\"",
            )
        });
        // A short form is read whole ahead of the check, a long one to its file.
        for (file, sent) in [(5, 4), (300_000, 300_400)] {
            let bytes = form("k").signed().file(vec![b'x'; file]).bytes();
            let answer = scene.send(("late", &bytes[..bytes.len() - sent]));
            assert_eq!(answer.element("Code").as_deref(), Some("RequestTimeout"));
        }
        assert_eq!(scene.rec.requests().len(), 0);
    }
}
