//! What is changed in a signed request before it is sent: its bytes, or one of its parts.

use super::words::{HEADERS, HOSTS, METHODS, PARAMETERS, SMUGGLED, WORDS};
use support::dice::Dice;

/// A request on the wire, in parts that can be changed.
struct Wire {
    method: String,
    target: Vec<u8>,
    rest_of_line: Vec<u8>,
    lines: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Wire {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("an original's head");
        let mut lines = bytes[..end]
            .split(|byte| *byte == b'\n')
            .map(|line| line.trim_ascii_end().to_vec());
        let line = lines.next().expect("a start line");
        let mut words = line.split(|byte| *byte == b' ');
        let mut word = || words.next().expect("three words").to_vec();
        Self {
            method: String::from_utf8(word()).expect("a method"),
            target: word(),
            rest_of_line: word(),
            lines: lines.collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let line = [self.method.as_bytes(), &self.target, &self.rest_of_line].join(&b' ');
        let mut bytes = line;
        for line in &self.lines {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(line);
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn line(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        let is = |line: &Vec<u8>| {
            line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
        };
        self.lines.iter_mut().find(|line| is(line))
    }

    /// The framing says what the body has.
    fn fit(&mut self) {
        let length = self.body.len();
        if let Some(line) = self.line("content-length:") {
            *line = format!("Content-Length: {length}").into_bytes();
        } else if self.line("transfer-encoding:").is_none() {
            self.lines
                .push(format!("Content-Length: {length}").into_bytes());
        }
    }
}

/// A changed request.
pub fn mutant(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    if dice.below(8) == 0 {
        return dice.mutated(original, WORDS, original);
    }
    let mut wire = Wire::of(original);
    // Half of the mutants have one change, so that what is accepted is not always hidden behind what is refused.
    for _ in 0..=dice.below(2) * dice.below(3) {
        match dice.below(11) {
            0 => wire.method = pick(dice, METHODS).into(),
            1 | 2 => target(dice, &mut wire.target),
            3 | 4 => query(dice, &mut wire.target),
            5..=7 => header(dice, &mut wire.lines),
            8 => known_line(dice, &mut wire),
            9 => body(dice, &mut wire),
            _ => glue(dice, &mut wire, original),
        }
    }
    let mut bytes = wire.bytes();
    if dice.below(50) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    bytes
}

fn pick<'w>(dice: &mut Dice, words: &[&'w str]) -> &'w str {
    words[dice.below(words.len())]
}

/// The same or another spelling of some of the target.
fn target(dice: &mut Dice, target: &mut Vec<u8>) {
    if target.is_empty() {
        return;
    }
    // Most of it from the path and the parameters, and not from what ends the query of a presigned request.
    let length = if dice.below(3) > 0 {
        target.len().min(60)
    } else {
        target.len()
    };
    let at = dice.below(length);
    match dice.below(8) {
        0..=2 => respell(dice, target, at),
        3 => {
            let signs: [&[u8]; 4] = [b"+", b"%20", b"%2B", b"%2b"];
            let found = signs.iter().find_map(|sign| {
                let found = target.windows(sign.len()).position(|part| part == *sign)?;
                Some((found, sign.len()))
            });
            let (at, length) = found.unwrap_or((at, 1));
            target.splice(at..at + length, signs[dice.below(4)].iter().copied());
        }
        4 => target[at] ^= 0x20,
        5 => {
            let word = WORDS[dice.below(WORDS.len())];
            target.splice(at..at, word.iter().copied());
        }
        6 => {
            target.remove(at);
        }
        // Every byte of the path that may be.
        _ => {
            let path = target
                .split(|byte| *byte == b'?')
                .next()
                .unwrap_or_default()
                .len();
            for at in (1..path).rev() {
                if target[at].is_ascii_alphanumeric()
                    && !target[at.saturating_sub(2)..at].contains(&b'%')
                {
                    respell(dice, target, at);
                }
            }
        }
    }
}

/// A byte as its escape, or an escape as its byte or in the other case.
fn respell(dice: &mut Dice, target: &mut Vec<u8>, at: usize) {
    let escape = (at.saturating_sub(2)..=at).find(|at| target[*at] == b'%');
    match escape.filter(|at| at + 3 <= target.len()) {
        Some(at) => match dice.below(3) {
            0 => target[at + 1..at + 3].make_ascii_lowercase(),
            1 => {
                let decoded = super::meaning::decoded(&target[at..at + 3]);
                target.splice(at..at + 3, decoded);
            }
            _ => {
                target.splice(at..=at, *b"%25");
            }
        },
        None => {
            let escaped = format!("%{:02X}", target[at]);
            target.splice(at..=at, escaped.into_bytes());
        }
    }
}

fn query(dice: &mut Dice, target: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(target).into_owned();
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(String::from)
        .collect();
    let (one, other) = (dice.below(pairs.len()), dice.below(pairs.len()));
    match dice.below(6) {
        0..=2 => pairs.insert(dice.below(pairs.len() + 1), pick(dice, PARAMETERS).into()),
        3 if !pairs.is_empty() => pairs.swap(one, other),
        4 if !pairs.is_empty() => pairs.insert(other, pairs[one].clone()),
        5 if !pairs.is_empty() => {
            pairs.remove(one);
        }
        _ => pairs.push(String::new()),
    }
    *target = format!("{path}?{}", pairs.join("&")).into_bytes();
}

fn header(dice: &mut Dice, lines: &mut Vec<Vec<u8>>) {
    lines.retain(|line| !line.is_empty());
    if lines.is_empty() {
        return;
    }
    let (one, other) = (dice.below(lines.len()), dice.below(lines.len() + 1));
    let colon = lines[one]
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(0);
    let within = (colon + 1 + dice.below(lines[one].len() - colon)).min(lines[one].len());
    match dice.below(12) {
        0..=2 => lines.insert(other, pick(dice, HEADERS).as_bytes().to_vec()),
        3 => lines.insert(other, lines[one].clone()),
        4 => {
            lines.remove(one);
        }
        5 => {
            let other = other.min(lines.len() - 1);
            lines.swap(one, other);
        }
        6 => {
            let upper = dice.below(2) == 0;
            let name = &mut lines[one][..colon];
            if upper {
                name.make_ascii_uppercase()
            } else {
                name.make_ascii_lowercase()
            }
        }
        7 => {
            let blank: &[u8] = [&b" "[..], b"\t", b"  ", b" \t "][dice.below(4)];
            lines[one].splice(within..within, blank.iter().copied());
        }
        // At a blank or a comma: another number of blanks, or a second line.
        8 => {
            let sign = if dice.below(2) == 0 { b' ' } else { b',' };
            let line = lines[one].clone();
            let found = line.iter().skip(colon + 2).position(|byte| *byte == sign);
            let at = found.map_or(within, |found| found + colon + 2);
            if sign == b' ' {
                lines[one].splice(at..at, [b" ", b"\t"][dice.below(2)].iter().copied());
            } else {
                let rest = line.get(at + 1..).unwrap_or_default();
                let second = [&line[..=colon], rest].concat();
                lines[one].truncate(at);
                lines.insert(one + 1, second);
            }
        }
        9 => {
            let at = dice.below(lines[one].len());
            lines[one][at] = dice.byte();
        }
        10 => {
            let word = WORDS[dice.below(WORDS.len())];
            lines[one].splice(within..within, word.iter().copied());
        }
        _ => lines[one].insert(colon, [b' ', b'\t', b'\r', b'\n', b':'][dice.below(5)]),
    }
}

/// The lines that decide most: Host, Authorization, the length.
fn known_line(dice: &mut Dice, wire: &mut Wire) {
    let replaced = |line: &mut Vec<u8>, from: &str, to: &str| {
        *line = String::from_utf8_lossy(line)
            .replacen(from, to, 1)
            .into_bytes();
    };
    match dice.below(4) {
        0 => {
            let host = pick(dice, HOSTS);
            if let Some(line) = wire.line("host:") {
                *line = format!("Host: {host}").into_bytes();
            }
        }
        1 => {
            let length = [
                "0",
                "5",
                "05",
                "+5",
                "5, 5",
                "99999",
                "18446744073709551621",
            ];
            let length = pick(dice, &length);
            if let Some(line) = wire.line("content-length:") {
                *line = format!("Content-Length: {length}").into_bytes();
            }
        }
        _ => {
            let changes = [
                ("us-east-1", "eu-west-1"),
                ("host;", ""),
                ("host", "host;range"),
                (";x-amz-date", ""),
                ("/s3/", "/iam/"),
                ("Signature=", "Signature=0"),
                ("Signature=", "signature="),
                (", ", ","),
                (",", " ,\t"),
                (" ", "  "),
                ("AWS4-HMAC", "aws4-hmac"),
                ("AWS", "WOS"),
                ("WOS", "AWS"),
                ("AKIA", "AKIB"),
                ("Credential=", "Credential= "),
                ("AWS ", "aws "),
                ("=", "=="),
                (":", ": "),
                ("-SHA256", "-SHA512"),
            ];
            let (from, to) = changes[dice.below(changes.len())];
            match wire.line("authorization:") {
                Some(line) => replaced(line, from, to),
                None => replaced(&mut wire.target, from, to),
            }
        }
    }
}

fn body(dice: &mut Dice, wire: &mut Wire) {
    let (at, length) = (dice.below(wire.body.len()), wire.body.len());
    match dice.below(9) {
        0 if length > 0 => wire.body[at] = dice.byte(),
        1 => wire.body.truncate(at),
        2 => wire
            .body
            .extend_from_slice([&b"\r\n"[..], b"x", b"0\r\n\r\n", b"\0"][dice.below(4)]),
        3 => {
            let word = WORDS[dice.below(WORDS.len())];
            wire.body.splice(at..at, word.iter().copied());
        }
        4 | 5 => {
            let words = [
                (&b"chunk-signature="[..], &b" chunk-signature="[..]),
                (b";", b" ;"),
                (b"\r\n", b"\n"),
                (b"\r\n", b"\r\n\r\n"),
                (b"0\r\n", b"00\r\n"),
                (b"0;", b"000;"),
                (b"-crc32:", b"-crc32 : "),
                (b"-crc32:", b"-sha1:"),
                (b"a", b"A"),
                (b"2000", b"1fff"),
                (b"name=\"key\"", b"name=\"Key\""),
                (b"name=\"key\"", b"name=key"),
                (b"form-data", b"attachment"),
                (b"\r\n0;", b"\r\n\r\n0;"),
                (b"photos/", b"victim/"),
                (b"image/jpeg", b"text/html"),
            ];
            let (from, to) = words[dice.below(words.len())];
            let found: Vec<usize> = (0..length)
                .filter(|at| wire.body[*at..].starts_with(from))
                .collect();
            if !found.is_empty() {
                let at = found[dice.below(found.len())];
                wire.body.splice(at..at + from.len(), to.iter().copied());
            }
        }
        6 => wire.body = [&wire.body[..], SMUGGLED].concat(),
        7 if !wire.body.is_empty() && wire.line("transfer-encoding:").is_none() => {
            let extension = ["", ";a=b", " ", ";\n", ";a=\"\r\n\""][dice.below(5)];
            let whole = wire.body.clone();
            let chunk = |bytes: &[u8]| {
                [
                    format!("{:x}{extension}\r\n", bytes.len()).as_bytes(),
                    bytes,
                    b"\r\n",
                ]
                .concat()
            };
            wire.body = [
                chunk(&whole[..at]),
                chunk(&whole[at..]),
                b"0\r\n\r\n".to_vec(),
            ]
            .concat();
            if at == 0 {
                wire.body = [
                    chunk(&whole),
                    b"0\r\nx-amz-acl: public-read\r\n\r\n".to_vec(),
                ]
                .concat();
            }
            if let Some(line) = wire.line("content-length:") {
                *line = b"Transfer-Encoding: chunked".to_vec();
            }
            return;
        }
        _ => {
            let word = WORDS[dice.below(WORDS.len())];
            wire.body.splice(at..at, word.repeat(1 + dice.below(3)));
        }
    }
    if dice.below(4) > 0 {
        wire.fit();
    }
}

/// A second request: as a body, or behind the first one.
fn glue(dice: &mut Dice, wire: &mut Wire, original: &[u8]) {
    let second = if dice.below(3) == 0 {
        original
    } else {
        SMUGGLED
    };
    wire.body.extend_from_slice(second);
    match dice.below(4) {
        0 => wire.fit(),
        1 => {
            let body = std::mem::take(&mut wire.body);
            wire.body = [
                format!("{:x}\r\n", body.len()).as_bytes(),
                &body,
                b"\r\n0\r\n\r\n",
            ]
            .concat();
            wire.lines.push(b"Transfer-Encoding: chunked".to_vec());
        }
        _ => {}
    }
}
