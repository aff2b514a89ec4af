//! K3: what must not be printed is not printed, whatever happens.

use std::process::Command;

use support::gateway::{Config, Gateway};
use support::rec::{Answer, Cue, Rec};
use support::scene::Forward;
use support::signer::{
    ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY, Word, decode, encode, now, unix_time,
};

const SECRET: &str = "canary0secret/with+signs0123456789abcdef";
const TOKEN: &str = "canary0token0FwoGZXIvYXdzEBYaDHRlc3Q";
const CUSTOMER_KEY: &str = "Y2FuYXJ5MGN1c3RvbWVyMGtleTAxMjM0NTY3ODlhYmM=";
/// Stands where a signature stands in requests that are not signed with our key.
const SIGNATURE: &str = "canary0signature/with+signs0";

fn unsigned(word: Word, method: &str) -> Request {
    Request::new(word, method, "/bucket01/key").keys(ACCESS_KEY_ID, SECRET)
}

/// Requests of every kind, with everything that must not be printed of each.
fn requests() -> Vec<(Vec<u8>, Vec<String>)> {
    let mut requests = Vec::new();
    let expires = unix_time(600);
    for word in Word::BOTH {
        let prefix = word.header_prefix();
        let token = format!("{prefix}security-token");
        let customer_key = format!("{prefix}server-side-encryption-customer-key");
        let upload = unsigned(word, "PUT")
            .date(&now())
            .header(&customer_key, CUSTOMER_KEY)
            .body("hello");
        let computed = upload.signing().signature(SECRET);
        let mut wrong = upload.signing();
        wrong.method = "GET".into();
        let header = [computed.clone(), wrong.signature(SECRET)];
        let query = unsigned(word, "GET");
        let mut presigning = query.signing();
        presigning.date = expires.to_string();
        let mut other = presigning.clone();
        other.resource = "/bucket01/other".into();
        let presigned = [presigning.signature(SECRET), other.signature(SECRET)];

        for request in [
            upload.clone().signed(),
            upload.clone().signed_as(&wrong),
            upload.clone().header(&token, TOKEN).signed(),
            upload.clone().keys("AKNOBODY", SECRET).signed(),
            upload
                .clone()
                .header("Authorization", &format!("AWSX {ACCESS_KEY_ID}:{computed}")),
            upload.clone().header(
                "Authorization",
                &format!("{}  {ACCESS_KEY_ID}:{computed}", word.scheme()),
            ),
            upload
                .clone()
                .header("Authorization", &format!("{} {computed}", word.scheme())),
            upload.clone().signed().signed(),
            upload
                .clone()
                .signed()
                .header("Connection", "authorization"),
            upload.clone().signed().header("Expect", "the unexpected"),
            upload
                .clone()
                .signed()
                .header("X-HTTP-Method-Override", "DELETE"),
        ] {
            requests.push((request.bytes(), header.to_vec()));
        }
        let good = query.clone().presigned(expires);
        for (from, to) in [
            ("", ""),
            ("/key?", "/other?"),
            ("/key?", "/key?acl&acl&"),
            ("/key?", "/key?uploads&Uploads=1&"),
            ("/key?", "/key?%zz&"),
            ("/key?", "/key#fragment?"),
            ("/key?", "/../key?"),
            ("Signature=", "signature="),
            ("Signature=", "%53ignature="),
            ("Signature=", "Signature%3D"),
            ("Signature=", "x=1;Signature="),
            ("Signature=", "Signature=x&Signature="),
            ("Signature=", "Signature[]="),
            ("Expires=", "Expires=1&Expires="),
            ("&", "%26"),
            ("=", "%3D"),
        ] {
            let mut request = good.clone();
            request.target = request.target.replace(from, to);
            if from.is_empty() {
                request.target.clone_from(&good.target);
            }
            requests.push((request.bytes(), presigned.to_vec()));
        }
        for method in ["PUT", "PATCH", "OPTIONS", "CONNECT", "g et"] {
            let mut request = good.clone();
            request.method = method.into();
            let mut computed = presigning.clone();
            computed.method = method.into();
            requests.push((
                request.bytes(),
                vec![presigned[0].clone(), computed.signature(SECRET)],
            ));
        }
        let both = good.clone().date(&now()).signed();
        requests.push((both.bytes(), presigned.to_vec()));
        let mut v4 = unsigned(word, "GET");
        v4.target = format!(
            "/bucket01/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY_ID}&X-Amz-Security-Token={TOKEN}&X-Amz-Signature={}",
            encode(SIGNATURE)
        );
        requests.push((v4.bytes(), Vec::new()));
        let v4 = unsigned(word, "GET").header(
            "Authorization",
            &format!("AWS4-HMAC-SHA256 Credential=x, Signature={SIGNATURE}"),
        );
        requests.push((v4.bytes(), Vec::new()));
        let form = unsigned(word, "POST")
            .header("Content-Type", "multipart/form-data; boundary=x")
            .body(format!("--x\r\nsignature={SIGNATURE}"));
        requests.push((form.bytes(), Vec::new()));
    }
    assert_eq!(requests.len(), 2 * 36);
    requests
}

fn spelled(secret: &str) -> [String; 3] {
    [secret.to_owned(), encode(secret), encode(&encode(secret))]
}

fn assert_absent(place: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        for spelling in spelled(secret) {
            assert!(!text.contains(&spelling), "{spelling} in {place}:\n{text}");
        }
    }
}

#[test]
fn k3_nothing_secret_is_printed_by_a_running_gateway() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    let answers = [
        Answer::Ok,
        Answer::Die(Cue::Head),
        Answer::Die(Cue::Response(part)),
        Answer::raw("no HTTP at all\r\n\r\n"),
        Answer::Die(Cue::Accept),
        Answer::Ok,
    ];
    for (format, forward, diagnostics) in [
        ("text", Forward::Trusted, false),
        ("json", Forward::Passthrough, true),
    ] {
        let rec = Rec::scripted(answers.clone());
        let config = Config::new(rec.address())
            .section(
                "log",
                &format!("[log]\nlevel = \"trace\"\nformat = \"{format}\""),
            )
            .section("cluster", &forward.cluster(rec.address()))
            .line("signature", &format!("diagnostics = {diagnostics}"));
        let config = config.clone().section(
            "credentials",
            &config
                .text_of("credentials")
                .replace(SECRET_ACCESS_KEY, SECRET),
        );
        let gateway = Gateway::start(&config);
        let mut signatures = Vec::new();
        for (bytes, own) in requests() {
            let mut connection = gateway.connect();
            connection.send(&bytes);
            // The node breaks some off.
            let Ok(response) = connection.try_receive("GET") else {
                signatures.extend(own);
                continue;
            };
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&response.head.raw),
                response.text()
            );
            // With diagnostics a client is told what it has sent itself, but never what was computed.
            let sent = String::from_utf8_lossy(&bytes);
            let provided = |secret: &str| {
                diagnostics
                    && spelled(secret)
                        .iter()
                        .any(|spelling| sent.contains(spelling))
            };
            let all = own
                .iter()
                .map(String::as_str)
                .chain([CUSTOMER_KEY, SIGNATURE]);
            let hidden: Vec<&str> = all
                .filter(|secret| !provided(secret))
                .chain([SECRET, TOKEN])
                .collect();
            assert_absent("an answer", &text, &hidden);
            signatures.extend(own);
        }
        let mut hidden: Vec<&str> = signatures.iter().map(String::as_str).collect();
        hidden.extend([SECRET, TOKEN, CUSTOMER_KEY, SIGNATURE]);
        for path in ["/metrics", "/healthz", "/readyz", "/status"] {
            assert_absent(path, &gateway.admin_get(path).text(), &hidden);
        }
        let (status, log) = gateway.stop();
        assert!(status.success() && log.lines().count() > 72, "{log}");
        assert_absent("the log", &log, &hidden);
    }
}

/// Targets with a right signature in a place that no verifier looks at.
fn misspelt(presigned: &str) -> Vec<String> {
    let (path, query) = presigned.split_once('?').expect("a presigned request");
    let typo = query
        .replace("Signature=", "Signatur=")
        .replace("Security-Token=", "Securitytoken=");
    let mut targets = vec![
        format!("{path}%3F{query}"),
        format!("{path}%253F{query}"),
        format!("{path}%3f{}", encode(query)),
        format!("{path}?{}", encode(query)),
        format!("{path}?{}", encode(&encode(query))),
        format!("{path}?{}", query.replace('&', ";")),
        format!("{path}?{}", query.replace('&', "%26")),
        format!("{path}?{}", query.replace('=', "%3D")),
        format!("{path}?{}", query.replace('=', "%253d")),
        format!("{path}?{}", query.replace('=', ":")),
        format!("{path}?{}", query.replace("nature", "%6Eature")),
        format!(
            "{path}?{}",
            query.to_lowercase().replace("signature", "SIGNATURE")
        ),
        format!("{path}?{typo}"),
        format!("{path}?url=http://s3.test{path}?{query}"),
        format!(
            "{path}?url={}",
            encode(&format!("http://s3.test{path}?{query}"))
        ),
        format!("http://s3.test{path}%3F{query}"),
        format!("{path}/{query}"),
        format!("/{query}"),
        format!("{path};{query}"),
        format!("{path}?response-content-disposition={}", encode(query)),
    ];
    targets.push(format!("{path}?x-amz-copy-source={}", encode(&targets[0])));
    targets
}

/// A URL that was pasted, encoded once too often or cut apart wrongly has a signature that still holds.
#[test]
fn l3_a_right_signature_in_a_misspelt_url_is_not_printed() {
    let rec = Rec::start(Answer::Ok);
    for format in ["text", "json"] {
        let log = format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"");
        let gateway = Gateway::start(&Config::new(rec.address()).section("log", &log));
        let (mut hidden, mut sent) = (Vec::new(), 0);
        for word in Word::BOTH {
            let get = || Request::new(word, "GET", "/bucket01/key");
            let token = format!("{}Security-Token", word.parameter_prefix());
            let mut with_token = get();
            with_token.target = format!("/bucket01/key?{token}={TOKEN}");
            for presigned in [
                get().presigned(unix_time(600)),
                get().presigned_v4(600),
                with_token.presigned_v4(600),
            ] {
                let (_, query) = presigned.target.split_once('?').expect("presigned");
                let signature = query
                    .split('&')
                    .find(|own| own.to_lowercase().contains("signature="));
                let (_, signature) = signature.and_then(|own| own.split_once('=')).expect("one");
                hidden.push(decode(signature));
                hidden.push(decode(signature).to_lowercase());
                for target in misspelt(&presigned.target) {
                    let mut request = get();
                    request.target = target;
                    for method in ["GET", "PUT", "OPTIONS"] {
                        request.method = method.into();
                        // Whatever the answer is. Where a client sends such a URL as what it came from, it is no better.
                        let referer = format!("http://s3.test{}", presigned.target);
                        let request = request.clone().header("Referer", &referer);
                        let mut connection = gateway.connect();
                        connection.send(request.bytes());
                        connection.receive();
                        sent += 1;
                    }
                }
            }
        }
        let (status, log) = gateway.stop();
        assert!(status.success());
        let lines = log.lines().filter(|line| line.contains("outcome")).count();
        assert_eq!(lines, sent, "a line for each");
        assert!(log.contains("***"), "{log}");
        let mut hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        hidden.push(TOKEN);
        assert_absent("the log", &log, &hidden);
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<serde_json::Value>(line).expect("JSON");
            }
        }
    }
}

/// The commands, with the secret where it belongs and in the wrong place.
#[test]
fn k3_nothing_secret_is_printed_about_a_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("countersign.toml");
    let right = format!("secret_access_key = \"{SECRET_ACCESS_KEY}\"");
    let whole = Config::new("127.0.0.1:9000").text();
    let mut tried = 0;
    for line in [
        format!("secret_access_key = \"{SECRET}\""),
        format!("secret_access_key = \"{SECRET}"),
        format!("secret_access_key = {SECRET}"),
        format!("secret_access_key = [\"{SECRET}\"]"),
        format!("secret_access_key = {{ env = \"{SECRET}\" }}"),
        format!("secret_access_key = {{ file = \"{SECRET}\" }}"),
        format!("secret_access_key = {{ secret = \"{SECRET}\" }}"),
        format!("secret_acess_key = \"{SECRET}\""),
        format!("secret_access_key = \"{SECRET}\"\nsecret_access_key = \"{SECRET}\""),
        format!("secret_access_key = \"{SECRET}\"\n[listener]\nx = 1"),
    ] {
        std::fs::write(&file, whole.replace(&right, &line)).expect("a writable directory");
        for command in ["check", "serve"] {
            // A right configuration would be served.
            if tried == 1 {
                tried += 1;
                continue;
            }
            let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
                .args([command, "--config"])
                .arg(&file)
                .output();
            let output = output.expect("the binary that cargo built");
            assert_eq!(output.status.success(), tried == 0, "{line}");
            for text in [&output.stdout, &output.stderr] {
                assert_absent(command, &String::from_utf8_lossy(text), &[SECRET]);
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 20);
}
