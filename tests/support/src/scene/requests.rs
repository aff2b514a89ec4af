//! Requests that are forwarded as they are: the node gets exactly what was sent.

use std::collections::BTreeSet;

use super::{Forward, Scene, Sent};
use crate::rec::Recorded;
use crate::signer::{DOMAIN, Request};
use crate::wire::{Head, Response};

impl Scene {
    /// Asserts that the request is served, and that the node got exactly what was sent.
    pub fn passes(&self, request: &Request) -> Recorded {
        self.passes_without(request, &[])
    }

    /// The same, without header fields that must not be forwarded.
    pub fn passes_without(&self, request: &Request, dropped: &[&str]) -> Recorded {
        let target = self.node_target(request);
        let recorded = self.passes_as(request, &target);
        self.assert_headers(request, dropped, &recorded);
        assert_eq!(recorded.body, request.body.clone().unwrap_or_default());
        recorded
    }

    /// Asserts that a request is served, and that the node got this target. Its headers are not checked.
    pub fn passes_as(&self, sent: impl Into<Sent>, target: &str) -> Recorded {
        let sent = sent.into();
        let response = self.send(sent.clone());
        self.passed(&response, sent.method(), target)
    }

    /// Asserts that a PUT is served whose client waits for the node's 100 before it sends the body.
    pub fn passes_in_two(&self, head: &[u8], body: &[u8], target: &str) -> Recorded {
        let case = self.case(&head.into());
        let mut connection = self.connection();
        connection.send(head);
        assert_eq!(connection.receive().status, 100, "{case}");
        connection.send(body);
        let response = connection.receive();
        self.leave(connection, &response, &case);
        let recorded = self.passed(&response, "PUT", target);
        assert_eq!(recorded.body, body);
        recorded
    }

    /// The only request that the node got since the last check.
    pub fn recorded(&self) -> Recorded {
        let recorded = self.only_request("a request");
        self.rec.clear();
        recorded
    }

    fn passed(&self, response: &Response, method: &str, target: &str) -> Recorded {
        let told = response.text();
        assert_eq!(response.status, 200, "{method} {target}: {told}");
        let recorded = self.only_request(&format!("{method} {target}"));
        let line = format!("{method} {target} HTTP/1.1");
        assert_eq!(recorded.head.line, line);
        self.rec.clear();
        recorded
    }

    /// The target that the node must get: in trusted mode without the credentials, as it was signed.
    fn node_target(&self, request: &Request) -> String {
        if self.forward == Forward::Passthrough {
            return request.target.clone();
        }
        let target = request.target_as_signed();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let credential = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or(pair);
            name == request.word.access_key_parameter() || name == "Expires" || name == "Signature"
        };
        let rest: Vec<&str> = query.split('&').filter(|pair| !credential(pair)).collect();
        if rest.concat().is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", rest.join("&"))
        }
    }

    /// Asserts that the node got every header as it was sent, with the name of the node's dialect, and no other ones except
    /// those of the gateway.
    fn assert_headers(&self, request: &Request, dropped: &[&str], recorded: &Recorded) {
        let trusted = self.forward == Forward::Trusted;
        let node_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("x-wos-") {
                Some(rest) if trusted => format!("x-amz-{rest}"),
                _ => name,
            }
        };
        let sent: BTreeSet<String> = request
            .headers
            .iter()
            .map(|(name, _)| node_name(name))
            .filter(|name| !(trusted && name == "authorization"))
            .filter(|name| !dropped.iter().any(|own| own.eq_ignore_ascii_case(name)))
            .collect();
        for name in &sent {
            let same = request
                .headers
                .iter()
                .filter(|(own, _)| node_name(own) == *name);
            let value = |value: &str| match name == "host" && trusted {
                true if is_nobodys(value) => self.rec.address().as_bytes().to_vec(),
                // The bucket name in the Host is forwarded in lower case.
                true if request.bucket.is_some() => value.to_lowercase().into_bytes(),
                _ => value.trim_matches([' ', '\t']).as_bytes().to_vec(),
            };
            let mut values: Vec<Vec<u8>> = same.map(|(_, own)| value(own)).collect();
            if trusted {
                values = vec![values.join(&b","[..])];
            }
            assert_eq!(raw_values(&recorded.head, name), values, "{name}");
        }
        self.assert_only(recorded, |name| {
            sent.contains(name) || (name == "content-length" && request.body.is_some())
        });
    }

    /// Asserts that the node got only headers that `own` accepts and those of the gateway.
    pub fn assert_only(&self, recorded: &Recorded, own: impl Fn(&str) -> bool) {
        let identity = ["x-countersign-principal", "x-countersign-access-key-id"];
        for (name, _) in &recorded.head.headers {
            let name = name.to_ascii_lowercase();
            let of_gateway = matches!(
                name.as_str(),
                "x-forwarded-for" | "x-countersign-request-id"
            ) || (self.forward == Forward::Trusted
                && identity.contains(&name.as_str()));
            assert!(of_gateway || own(&name), "{name} reached the node");
        }
    }
}

/// The values of a header field as received, without spaces and tabs around them.
pub fn raw_values(head: &Head, name: &str) -> Vec<Vec<u8>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    let mut values = Vec::new();
    for line in head.raw.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        if line[..colon].eq_ignore_ascii_case(name.as_bytes()) {
            let value = &line[colon + 1..];
            let start = value.iter().position(|byte| !blank(byte)).unwrap_or(0);
            let end = value.iter().rposition(|byte| !blank(byte));
            values.push(end.map_or(Vec::new(), |end| value[start..=end].to_vec()));
        }
    }
    values
}

/// Whether a Host is neither a name of the listener nor an IP address: a node could use it as a bucket name.
fn is_nobodys(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    let name = match name.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        _ => name,
    };
    let under = |domain: &str| name == domain || name.ends_with(&format!(".{domain}"));
    let own = under(DOMAIN) || under("example.org") || name == "static.example.net";
    let ip = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    !own && ip.is_err()
}
