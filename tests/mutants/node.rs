//! A node that verifies for itself behind `passthrough`, with the client's key, in its own way of reading: it refuses what the
//! gateway may have passed on in a spelling that this node signs otherwise.

use super::meaning::{Parts, Reading, decoded};
use support::rec::Recorded;
use support::signer::{DOMAIN, SECRET_ACCESS_KEY, Signing, Word};
use support::signer_v4::SigningV4;
use support::verifier::encode_bytes;

/// Whether the signature holds over what this node reads.
pub fn verifies(word: Word, recorded: &Recorded, reading: Reading) -> bool {
    let parts = Parts::of(&recorded.head.raw);
    let authorization = parts.text("authorization");
    let four = format!("{}Signature", word.parameter_prefix());
    let in_query = |name: &str| {
        let found = parts
            .pairs
            .iter()
            .find(|(own, _)| reading.name(own) == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(&reading.value(value)).into_owned())
    };
    match authorization {
        Some(text) if text.starts_with(&format!("{} ", word.scheme())) => {
            let signature = text.rsplit(':').next().unwrap_or_default().to_owned();
            let dated = parts
                .text(&format!("{}date", word.header_prefix()))
                .is_some();
            let date = if dated { None } else { parts.text("date") };
            v2(word, &parts, reading, date.unwrap_or_default()) == signature
        }
        Some(text) => {
            let field = |name: &str| {
                let (_, rest) = text.split_once(&format!("{name}="))?;
                rest.split([',', ' ']).next().map(String::from)
            };
            let stamp = parts.text(&format!("{}date", word.header_prefix()));
            let payload = parts.text(&format!("{}content-sha256", word.header_prefix()));
            let [Some(names), Some(signature), Some(stamp), Some(payload)] =
                [field("SignedHeaders"), field("Signature"), stamp, payload]
            else {
                return false;
            };
            v4(word, &parts, reading, [&names, &stamp, &payload]).contains(&signature)
        }
        None if in_query(&four).is_some() => {
            let prefix = word.parameter_prefix();
            let names = in_query(&format!("{prefix}SignedHeaders")).unwrap_or_default();
            let stamp = in_query(&format!("{prefix}Date")).unwrap_or_default();
            let signatures = v4(word, &parts, reading, [&names, &stamp, "UNSIGNED-PAYLOAD"]);
            signatures.contains(&in_query(&four).unwrap_or_default())
        }
        None => {
            let date = in_query("Expires").unwrap_or_default();
            Some(v2(word, &parts, reading, date)) == in_query("Signature")
        }
    }
}

/// The signature of version 4, over the path as it came and over the path encoded anew: nodes do either.
fn v4(word: Word, parts: &Parts, reading: Reading, texts: [&str; 3]) -> [String; 2] {
    let [names, stamp, payload] = texts;
    let own = format!("{}Signature", word.parameter_prefix());
    let pairs = parts.pairs.iter().map(|(name, value)| {
        let name = match reading {
            Reading::Form => encode_bytes(&reading.name(name)),
            Reading::Plain => String::from_utf8_lossy(name).into_owned(),
        };
        (name, encode_bytes(&reading.value(value)))
    });
    let mut pairs: Vec<(String, String)> = pairs.filter(|(name, _)| *name != own).collect();
    pairs.sort();
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let line = |name: &str| {
        let values = parts.values(name).into_iter().map(|value| {
            let text = String::from_utf8_lossy(value).into_owned();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
    };
    let [seed, service, terminator] = word.v4_words();
    let path = String::from_utf8_lossy(&parts.path).into_owned();
    let anew: Vec<String> = path
        .split('/')
        .map(|part| encode_bytes(&decoded(part.as_bytes())))
        .collect();
    [path, anew.join("/")].map(|uri| {
        let signing = SigningV4 {
            method: String::from_utf8_lossy(&parts.method).into_owned(),
            uri,
            query: query.join("&"),
            headers: names.split(';').map(line).collect(),
            signed_headers: names.into(),
            payload: payload.into(),
            algorithm: word.v4_algorithm().into(),
            seed: seed.into(),
            timestamp: stamp.into(),
            scope: [
                stamp.get(..8).unwrap_or_default(),
                "us-east-1",
                service,
                terminator,
            ]
            .map(Into::into),
        };
        signing.signature(SECRET_ACCESS_KEY)
    })
}

fn v2(word: Word, parts: &Parts, reading: Reading, date: String) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = parts.text("host").unwrap_or_default();
    let bucket = host
        .split(':')
        .next()
        .and_then(|name| name.strip_suffix(&format!(".{DOMAIN}")));
    let mut resource = bucket
        .map(|bucket| format!("/{bucket}"))
        .unwrap_or_default()
        + &text(&parts.path);
    let pairs = parts
        .pairs
        .iter()
        .map(|(name, value)| (text(&reading.name(name)), text(&reading.value(value))));
    let mut pairs: Vec<(String, String)> = pairs
        .filter(|(name, _)| word.signs_parameter(name))
        .collect();
    pairs.sort();
    for (position, (name, value)) in pairs.iter().enumerate() {
        resource.push(if position == 0 { '?' } else { '&' });
        resource += name;
        if !value.is_empty() {
            resource += &format!("={value}");
        }
    }
    let prefix = word.header_prefix();
    let fields = parts.headers.iter();
    let mut vendor: Vec<(String, String)> = fields
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    // In a presigned request of AWS words such a parameter is signed as the header that it is; in WOS words see above.
    for (name, value) in &parts.pairs {
        let name = text(&reading.name(name)).to_ascii_lowercase();
        if word == Word::Aws && name.starts_with(prefix) {
            vendor.push((name, text(&reading.value(value))));
        }
    }
    Signing {
        method: text(&parts.method),
        content_md5: parts.text("content-md5").unwrap_or_default(),
        content_type: parts.text("content-type").unwrap_or_default(),
        date,
        headers: vendor,
        resource,
    }
    .signature(SECRET_ACCESS_KEY)
}
