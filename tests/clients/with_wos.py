"""WOS words, signed as the vendor's SDKs for Go and Java sign."""

import http.client
import io
import unittest
import xml.etree.ElementTree as ElementTree

from contract import HARD_KEY, MIB, PART_SIZE, PIPED_SIZE, ClientContract, content, piped
from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from wos_signer import GoSdk, JavaSdk

NAMESPACE = "{http://wcs.chinanetcenter.com/document}"


class Refused(Exception):
    pass


class WosContract(ClientContract):
    """`sdk` is the signer, `host` what it takes for the endpoint."""

    versions = ["v4"]
    sdk = None

    @property
    def address(self):
        return self.url.removeprefix("http://")

    @property
    def host(self):
        return self.address

    def signer(self, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY):
        return self.sdk(access_key_id, secret_access_key)

    def send(self, method, target, headers, body=b""):
        connection = http.client.HTTPConnection(self.address, timeout=300)
        self.addCleanup(connection.close)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode())
        connection.endheaders()
        if isinstance(body, bytes):
            connection.send(body)
        else:
            while piece := body.read(MIB):
                connection.send(piece)
        answer = connection.getresponse()
        read = answer.read()
        if answer.status >= 300:
            raise Refused(f"{answer.status} {read.decode()}")
        self.assertTrue(answer.headers["x-wos-request-id"], answer.headers)
        self.assertIsNone(answer.headers["x-amz-request-id"])
        return answer, read

    def call(self, method, bucket="", key="", parameters=None, headers=(), body=b"", length=None, signer=None):
        signer = signer or self.signer()
        target, fields = signer.signed(method, bucket, key, parameters or {}, headers, self.host)
        if method in {"PUT", "POST"}:
            fields = [*fields, ("content-length", str(len(body) if length is None else length))]
        return self.send(method, target, fields, body)

    def document(self, *call, **arguments):
        """The answer's XML, which has the vendor's namespace."""
        document = ElementTree.fromstring(self.call(*call, **arguments)[1])
        self.assertTrue(document.tag.startswith(NAMESPACE), document.tag)
        return document

    def make_bucket(self, bucket):
        self.call("PUT", bucket)

    def remove_bucket(self, bucket):
        self.call("DELETE", bucket)

    def buckets(self):
        return {name.text for name in self.document("GET").iter(NAMESPACE + "Name")}

    def put(self, bucket, key, body):
        self.call("PUT", bucket, key, body=body)

    def get(self, bucket, key):
        return self.call("GET", bucket, key)[1]

    def get_from(self, bucket, key, offset):
        return self.call("GET", bucket, key, headers=[("range", f"bytes={offset}-")])[1]

    def size(self, bucket, key):
        return int(self.call("HEAD", bucket, key)[0].headers["Content-Length"])

    def keys(self, bucket):
        return {key.text for key in self.document("GET", bucket).iter(NAMESPACE + "Key")}

    def copy(self, bucket, source_key, key):
        source = self.signer().path(bucket, source_key)
        # The node gives no namespace here.
        _, document = self.call("PUT", bucket, key, headers=[("x-wos-copy-source", source)])
        self.assertIn(b"<CopyObjectResult", document)

    def delete(self, bucket, key):
        self.call("DELETE", bucket, key)

    def put_in_parts(self, bucket, key, body):
        self.put_piped(bucket, key, io.BytesIO(body))

    def put_piped(self, bucket, key, source):
        begun = self.document("POST", bucket, key, {"uploads": ""})
        upload = {"uploadId": begun.findtext(NAMESPACE + "UploadId")}
        parts = ""
        for number, part in enumerate(iter(lambda: source.read(PART_SIZE), b""), 1):
            answer, _ = self.call("PUT", bucket, key, upload | {"partNumber": str(number)}, body=part)
            parts += f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        self.document("POST", bucket, key, upload, body=whole.encode())

    def presigned_get(self, bucket, key):
        return self.url + self.signer().presigned("GET", bucket, key, self.address)

    def refusal(self, *key):
        with self.assertRaises(Refused) as refused:
            self.call("GET", signer=self.signer(*key))
        return str(refused.exception)

    def test_100_mib_are_uploaded_in_one_request(self):
        with piped() as source:
            self.call("PUT", self.bucket, HARD_KEY, body=source, length=PIPED_SIZE)
        self.assertEqual(self.size(self.bucket, HARD_KEY), PIPED_SIZE)

    def test_a_presigned_url_is_put_to(self):
        target = self.signer().presigned("PUT", self.bucket, HARD_KEY, self.host)
        self.send("PUT", target, [("host", self.host), ("content-length", "3000")], content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_blanks_are_signed_as_they_are_sent(self):
        self.call("PUT", self.bucket, HARD_KEY, headers=[("x-wos-meta-colour", "deep  blue")])
        self.assertEqual(self.call("HEAD", self.bucket, HARD_KEY)[0].headers["x-wos-meta-colour"], "deep  blue")

    def test_each_value_of_a_header_is_a_line(self):
        headers = [("x-wos-meta-list", "one"), ("x-wos-meta-list", "two")]
        self.call("PUT", self.bucket, HARD_KEY, headers=headers)
        self.assertRegex(self.call("HEAD", self.bucket, HARD_KEY)[0].headers["x-wos-meta-list"], "^one, ?two$")


class WosGo(WosContract, unittest.TestCase):
    sdk = GoSdk

    # An endpoint on the port of its scheme, which does not stand in the Host then.
    host = "localhost"

    def presigned_get(self, bucket, key):
        # A URL has the port of this gateway; whoever fetches it sends that in the Host, and so it is signed.
        signer = self.signer()
        signer.signed_port = ""
        return self.url + signer.presigned("GET", bucket, key, self.address)

    def test_the_port_of_tls_is_signed_where_tls_ended_in_front_of_the_gateway(self):
        signer = self.signer()
        signer.signed_port = ":443"
        self.call("PUT", self.bucket, HARD_KEY, body=content(3000), signer=signer)
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_the_port_of_no_scheme_is_not_taken_for_the_endpoint(self):
        signer = self.signer()
        signer.signed_port = ":81"
        with self.assertRaises(Refused) as refused:
            self.call("GET", signer=signer)
        self.assertIn("SignatureDoesNotMatch", str(refused.exception))


class WosJava(WosContract, unittest.TestCase):
    sdk = JavaSdk
