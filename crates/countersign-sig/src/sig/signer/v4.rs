//! Signing with version 4: the requests of a client, and those of a gateway to a storage node.

use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::utf8_percent_encode;

use super::{SignError, SigningCredentials, Unsigned, VALUE};
use crate::dialect::{Dialect, Syntax};
use crate::sig::encode::hex;
use crate::sig::freshness::{parse_timestamp, timestamp};
use crate::sig::headers::fields_of;
use crate::sig::payload::ChunkChain;
use crate::sig::request::RequestView;
use crate::sig::signing_key::{CredentialScope, HMAC_SHA256_LENGTH, SigningKey};
use crate::sig::v4::SignedHeaders;
use crate::sig::v4::canonical::{UNSIGNED_PAYLOAD, sign};

/// The headers that a client signs besides the Host and those of the vendor.
const OWN_HEADERS: &[&str] = &["content-encoding", "content-md5", "content-type"];

/// Who signs, when and for which scope.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'s> {
    /// The syntax to sign with.
    pub syntax: &'static Syntax,
    /// The AccessKeyId.
    pub access_key_id: &'s str,
    /// The signing key of `scope`.
    pub key: &'s SigningKey,
    /// The credential scope.
    pub scope: CredentialScope<'s>,
    /// The time of signing, `20130524T000000Z`; the scope's date is its day.
    pub timestamp: &'s str,
}

/// The signature of a request. It has no `Debug`: it is a credential.
pub struct Signed {
    /// The value of the Authorization header.
    pub authorization: String,
    /// The signature itself, the seed of a body in signed chunks.
    pub signature: [u8; HMAC_SHA256_LENGTH],
}

impl Signer<'_> {
    /// Signs a request in the header. `view` is the request as it will be sent, with its Host, the vendor's date and its
    /// payload mode among the headers; `payload` is the text of that mode, the last line of the canonical request.
    /// A `+` in the query string counts as a plus sign: to be understood by every node it has to be sent as `%2B`.
    pub fn sign(
        &self,
        view: &RequestView<'_>,
        signed_headers: &SignedHeaders<'_>,
        payload: &str,
    ) -> Signed {
        let signature = self.signature(view, signed_headers, payload);
        let digits = hex(&signature);
        let authorization = format!(
            "{} Credential={}/{}, SignedHeaders={}, Signature={}",
            self.syntax.v4.algorithm,
            self.access_key_id,
            self.scope,
            signed_headers.text(),
            String::from_utf8_lossy(&digits),
        );
        Signed {
            authorization,
            signature,
        }
    }

    /// The chain for the body of a request in signed chunks.
    pub fn chain(&self, seed: [u8; HMAC_SHA256_LENGTH]) -> ChunkChain {
        let algorithm = self.syntax.v4.algorithm;
        let scope = self.scope.text();
        ChunkChain::new(self.key.clone(), algorithm, self.timestamp, scope, seed)
    }

    fn signature(
        &self,
        view: &RequestView<'_>,
        signed_headers: &SignedHeaders<'_>,
        payload: &str,
    ) -> [u8; HMAC_SHA256_LENGTH] {
        let scope = self.scope.text();
        sign(
            view,
            signed_headers,
            payload,
            self.syntax,
            self.key,
            self.timestamp,
            &scope,
        )
    }
}

/// The credentials of a client, and the region they are used in.
#[derive(Debug)]
pub struct ScopedCredentials<'c> {
    /// The key.
    pub credentials: &'c SigningCredentials,
    /// The session token that belongs to it.
    pub session_token: Option<&'c str>,
    /// The region.
    pub region: &'c str,
}

impl ScopedCredentials<'_> {
    fn signer<T>(
        &self,
        syntax: &'static Syntax,
        timestamp: &str,
        use_it: impl FnOnce(Signer<'_>) -> T,
    ) -> T {
        let scope = CredentialScope {
            date: timestamp.split('T').next().unwrap_or(""),
            region: self.region,
            service: syntax.v4.service,
            terminator: syntax.v4.terminator,
        };
        let key = SigningKey::derive(
            syntax.v4.key_seed,
            &self.credentials.secret_access_key,
            scope,
        );
        use_it(Signer {
            syntax,
            access_key_id: &self.credentials.access_key_id,
            key: &key,
            scope,
            timestamp,
        })
    }
}

/// Signs in the Authorization header; gives every header to send but the Host, and the chain for a body in signed chunks.
/// `payload` is the payload mode: a SHA-256 in hexadecimal digits, `UNSIGNED-PAYLOAD` or one of the `STREAMING-` modes.
/// If the request has the vendor's date header, it is kept.
///
/// # Errors
/// [`SignError`].
pub fn sign_header_v4(
    request: &Unsigned<'_>,
    dialect: &'static Dialect,
    credentials: &ScopedCredentials<'_>,
    payload: &str,
    now: SystemTime,
) -> Result<(HeaderMap, ChunkChain), SignError> {
    let syntax = dialect.syntaxes[0];
    let mut headers = request.headers.clone();
    let own_date = headers
        .get(syntax.date_header)
        .and_then(|value| value.to_str().ok());
    let stamp = own_date.map_or_else(|| timestamp(now), ToOwned::to_owned);
    if parse_timestamp(&stamp).is_none() {
        return Err(SignError::Timestamp);
    }
    set(&mut headers, syntax.date_header, &stamp)?;
    set(&mut headers, syntax.v4.content_sha256_header, payload)?;
    if let Some(token) = credentials.session_token {
        set(&mut headers, syntax.v4.security_token_header, token)?;
    }
    set(&mut headers, HOST.as_str(), request.host)?;
    let (signed, chain) = credentials.signer(syntax, &stamp, |signer| {
        let view = request.view(&headers)?;
        view.fields.check_foreign(syntax)?;
        let signed_headers = SignedHeaders::to_sign(&view, OWN_HEADERS);
        let signed = signer.sign(&view, &signed_headers, payload);
        let chain = signer.chain(signed.signature);
        Ok::<_, SignError>((signed, chain))
    })?;
    headers.remove(HOST);
    let value =
        HeaderValue::from_str(&signed.authorization).map_err(|_invalid| SignError::AccessKeyId)?;
    headers.insert(AUTHORIZATION, value);
    Ok((headers, chain))
}

/// Presigns, valid for `life` from `now` on; gives the whole query string. Whoever uses the URL has to send the vendor's
/// headers of the request, which are signed.
///
/// # Errors
/// [`SignError`].
pub fn sign_query_v4(
    request: &Unsigned<'_>,
    dialect: &'static Dialect,
    credentials: &ScopedCredentials<'_>,
    life: Duration,
    now: SystemTime,
) -> Result<String, SignError> {
    let syntax = dialect.syntaxes[0];
    let names = &syntax.v4.parameters;
    let stamp = timestamp(now);
    let mut headers = request.headers.clone();
    set(&mut headers, HOST.as_str(), request.host)?;
    credentials.signer(syntax, &stamp, |signer| {
        let view = request.view(&headers)?;
        view.fields.check_foreign(syntax)?;
        let signed_headers = SignedHeaders::to_sign(&view, &[]);
        let credential = format!("{}/{}", signer.access_key_id, signer.scope);
        let life = life.as_secs().to_string();
        let mut query = request
            .query
            .map_or(String::new(), |query| format!("{query}&"));
        let mut push = |name, value: &str| {
            let separator = if query.is_empty() || query.ends_with('&') {
                ""
            } else {
                "&"
            };
            query += &format!("{separator}{name}={}", utf8_percent_encode(value, VALUE));
        };
        push(names.algorithm, syntax.v4.algorithm);
        push(names.credential, &credential);
        push(names.date, &stamp);
        push(names.expires, &life);
        push(names.signed_headers, signed_headers.text());
        if let Some(token) = credentials.session_token {
            push(names.security_token, token);
        }
        let presigned = RequestView::of(
            request.method,
            request.path,
            Some(&query),
            fields_of(&headers),
        )?;
        let signature = signer.signature(&presigned, &signed_headers, UNSIGNED_PAYLOAD);
        let digits = hex(&signature);
        query += &format!("&{}={}", names.signature, String::from_utf8_lossy(&digits));
        Ok(query)
    })
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), SignError> {
    let value = HeaderValue::from_str(value).map_err(|_invalid| SignError::HeaderValue(name))?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::address::HostNames;
    use crate::dialect::AWS;
    use crate::secret::Secret;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// What `sign` makes of a request to the examples' bucket at the examples' time, with their key.
    fn signed<T>(
        path: &str,
        query: Option<&str>,
        headers: &[(&'static str, &str)],
        sign: impl FnOnce(&Unsigned<'_>, &ScopedCredentials<'_>, SystemTime) -> Result<T, SignError>,
    ) -> T {
        let mut fields = HeaderMap::new();
        for (name, value) in headers {
            set(&mut fields, name, value).unwrap();
        }
        let hosts = HostNames {
            domains: vec!["s3.amazonaws.com".into()],
            custom_domains: Vec::new(),
        };
        let request = Unsigned {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path,
            query,
            headers: fields,
            hosts: &hosts,
        };
        let credentials = SigningCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
        };
        let scoped = ScopedCredentials {
            credentials: &credentials,
            session_token: None,
            region: "us-east-1",
        };
        let then = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        sign(&request, &scoped, then).unwrap()
    }

    /// Amazon S3 API Reference, "Authenticating requests: using the Authorization header", GET bucket lifecycle.
    #[test]
    fn the_published_signature_of_a_header_comes_out() {
        let headers = signed("/", Some("lifecycle"), &[], |request, scoped, now| {
            Ok(sign_header_v4(request, &AWS, scoped, EMPTY, now)?.0)
        });
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        assert_eq!(headers["x-amz-date"], "20130524T000000Z");
        assert!(!headers.contains_key(HOST));
    }

    /// The same page, "using query parameters".
    #[test]
    fn the_published_presigned_query_comes_out() {
        let query = signed("/test.txt", None, &[], |request, scoped, now| {
            sign_query_v4(request, &AWS, scoped, Duration::from_secs(86_400), now)
        });
        assert_eq!(
            query,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn what_cannot_be_signed_is_an_error() {
        let refused = signed(
            "/",
            None,
            &[("x-amz-date", "today")],
            |request, scoped, now| Ok(sign_header_v4(request, &AWS, scoped, EMPTY, now).err()),
        );
        assert!(matches!(refused, Some(SignError::Timestamp)));
        let refused = signed(
            "/",
            None,
            &[("x-wos-acl", "private")],
            |request, scoped, now| Ok(sign_header_v4(request, &AWS, scoped, EMPTY, now).err()),
        );
        assert!(matches!(refused, Some(SignError::Request(_))));
    }
}
