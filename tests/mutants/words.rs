//! What is put into a signed request.

#[rustfmt::skip]
pub const WORDS: &[&[u8]] = &[
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"  ", b"\t", b":", b";", b",", b"%00", b"%2F", b"%2f", b"%2B", b"%20",
    b"+", b"%", b"%25", b"?", b"&", b"=", b"#", b"/../", b"/./", b"//", b"..;/", b"%c0%ae", b"\\", b"\0", b"\xff",
    b"\xc3\xa4", b"?acl", b"&acl", b"&versionId=2", b"&%61cl", b"&uploads=", b"&x-amz-acl=public-read",
    b"&x-wos-acl=public-read", b"0\r\n\r\n", b"5;x=y\r\n", b"HTTP/1.0", b"http://x/",
];

#[rustfmt::skip]
pub const PARAMETERS: &[&str] = &[
    "acl", "acl=", "%61cl", "ACL", "versionId=3", "version%49d=3", "versionid=3", "uploads", "uploadId=u",
    "partNumber=1", "prefix=p", "pre%66ix=p", "tagging", "x-amz-acl=public-read", "X-Amz-Acl=public-read",
    "x-amz-meta-z=1", "x-amz-copy-source=/b/k", "x-wos-acl=public-read", "response-content-type=text/html",
    "Content-Type=text/html", "content-md5=x", "delete", "policy", "x-id=GetObject", "x-amz-security-token=t",
    "X-Amz-Expires=9", "X-Amz-SignedHeaders=host", "Signature=x", "AWSAccessKeyId=x", "Expires=9999999999",
    "X-HTTP-Method=DELETE", "a+b=c", "a%20b=c", "a%26acl=c", "a;acl", "Cache-Control=x",
    "x-amz-checksum-crc32=AAAAAA==", "", "=",
];

#[rustfmt::skip]
pub const HEADERS: &[&str] = &[
    "x-amz-acl: public-read", "x-wos-acl: public-read", "X-AMZ-ACL: public-read", "x-amz-meta-a: other",
    "x-amz-meta-b: other", "x-amz-meta-z: other", "x-wos-meta-a: other", "x-amz-copy-source: /victim/x",
    "x_amz_acl: x", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "x-amz-date: 20200101T000000Z",
    "x-amz-security-token: t", "x-amz-decoded-content-length: 3", "x-amz-trailer: x-amz-checksum-crc32",
    "Content-Encoding: aws-chunked", "Content-Type: text/html", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==",
    "Content-Length: 5", "Content-Length: 0", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
    "Host: s3.example.com", "Host: x.s3.example.com", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Range: bytes=1-2",
    "If-Match: x", "User-Agent: a  b", "Connection: close", "Connection: x-amz-acl", "Connection: content-type",
    "Connection: Upgrade, HTTP2-Settings", "Expect: ", "Expect: 100-continue", "X-HTTP-Method-Override: DELETE",
    "X-Forwarded-Host: x", "X-Original-URL: /victim", "x-countersign-principal: root",
    "x-countersign-access-key-id: root", "Authorization: AWS a:b", "Trailer: x-amz-acl", " folded", "Cookie: a=b",
    "x-amz-tagging: a=b", "x-amz-checksum-crc32: AAAAAA==",
];

#[rustfmt::skip]
pub const METHODS: &[&str] = &[
    "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "get", "LIST",
];

#[rustfmt::skip]
pub const HOSTS: &[&str] = &[
    "s3.example.com", "S3.Example.Com", "s3.example.com:80", "s3.example.com:", "s3.example.com:0", "s3.example.com.",
    "bucket01.s3.example.com", "Bucket01.s3.example.com", "victim.s3.example.com", "127.0.0.1", "other.test", "",
];

/// What a proxy with a defect would take for a request of its own.
pub const SMUGGLED: &[u8] =
    b"PUT /victim/x HTTP/1.1\r\nHost: s3.example.com\r\nx-countersign-principal: root\r\n\
    x-countersign-access-key-id: root\r\nContent-Length: 0\r\n\r\n";
