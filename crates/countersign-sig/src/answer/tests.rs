use super::{Answered, ErrorDocument};
use crate::dialect::DialectName;
use crate::sig::AuthFailure;
use crate::sig::diagnosis::Diagnosis;

#[test]
fn a_document_is_exact_and_escaped() {
    let answer = AuthFailure::SignatureMismatch(Some(Box::new(Diagnosis {
        access_key_id: "AK<&>".into(),
        string_to_sign: b"GET\n\x01\n".to_vec(),
        canonical_request: Some(b"<&".to_vec()),
        signature_provided: "c2ln".into(),
    })))
    .answer(DialectName::Wos);
    let document = ErrorDocument {
        answer: &answer,
        resource: "/bucket/a&b",
        request_id: "id1",
        host_id: "host1",
    };
    assert_eq!(
        String::from_utf8(document.to_xml(DialectName::Wos)).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
         <Error><Code>SignatureDoesNotMatch</Code>\
         <Message>The request signature we calculated does not match the signature you provided.</Message>\
         <AWSAccessKeyId>AK&lt;&amp;&gt;</AWSAccessKeyId><StringToSign>GET\n\u{fffd}\n</StringToSign>\
         <SignatureProvided>c2ln</SignatureProvided><StringToSignBytes>47 45 54 0a 01 0a</StringToSignBytes>\
         <CanonicalRequest>&lt;&amp;</CanonicalRequest><CanonicalRequestBytes>3c 26</CanonicalRequestBytes>\
         <Resource>/bucket/a&amp;b</Resource><HostId>host1</HostId><RequestId>id1</RequestId></Error>"
    );
}
