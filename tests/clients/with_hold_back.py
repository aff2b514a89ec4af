"""No store has an object whose body was not proven: what comes with a proof that fails leaves every file as it was."""

import base64
import hashlib
import http.client
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

from aws_signer import SignedPut
from contract import ClientContract, content
from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from with_boto3 import client

KEY = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)
CHUNK = 64 * 1024
# Several pieces of what the gateway reads at once, and a last chunk that is smaller than the others.
BODY = content(300_001)
OTHER = BODY[:-1] + bytes([BODY[-1] ^ 1])
CRC = "x-amz-checksum-crc32"


def base64_text(digest):
    return base64.b64encode(digest).decode()


def crc32(body):
    return base64_text(zlib.crc32(body).to_bytes(4, "big"))


def pieces(body):
    return [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)]


def flipped(signature_in, at):
    """The bytes with another digit `at` that place."""
    digit = b"0" if signature_in[at : at + 1] != b"0" else b"1"
    return signature_in[:at] + digit + signature_in[at + 1 :]


class Put:
    """One way to prove a body: `of(host, path, proven, sent)` gives the header and the body, where `sent` may be another body."""

    def __init__(self, of, error):
        self.of = of
        self.error = error


def declared_hash(host, path, proven, sent):
    return SignedPut(KEY, host, path, hashlib.sha256(proven).hexdigest(), {}).headers, sent


def content_md5(host, path, proven, sent):
    headers = {"content-md5": base64_text(hashlib.md5(proven).digest())}
    return SignedPut(KEY, host, path, "UNSIGNED-PAYLOAD", headers).headers, sent


def checksum_in_header(host, path, proven, sent):
    return SignedPut(KEY, host, path, "UNSIGNED-PAYLOAD", {CRC: crc32(proven)}).headers, sent


def _chunked(length, more=None):
    return {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)} | (more or {})


def signed_chunks(host, path, proven, sent):
    put = SignedPut(KEY, host, path, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", _chunked(len(proven)))
    framed = [put.chunk(piece) for piece in [*pieces(proven), b""]]
    if sent != proven:
        # The last chunk with data: its signature is that of the proven bytes.
        last = pieces(proven)[-1]
        framed[-2] = framed[-2].replace(last, pieces(sent)[-1])
    return put.headers, b"".join(framed)


def signed_last_chunk(host, path, proven, sent):
    put = SignedPut(KEY, host, path, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", _chunked(len(proven)))
    framed = [put.chunk(piece) for piece in [*pieces(proven), b""]]
    if sent != proven:
        framed[-1] = flipped(framed[-1], -5)
    return put.headers, b"".join(framed)


def signed_trailer(host, path, proven, sent):
    headers = _chunked(len(proven), {"x-amz-trailer": CRC})
    put = SignedPut(KEY, host, path, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", headers)
    framed = b"".join(put.chunk(piece) for piece in [*pieces(proven), b""]).removesuffix(b"\r\n")
    trailer = put.trailer(CRC, crc32(proven))
    return put.headers, framed + (trailer if sent == proven else flipped(trailer, -5))


def unsigned_trailer(host, path, proven, sent):
    headers = _chunked(len(proven), {"x-amz-trailer": CRC})
    put = SignedPut(KEY, host, path, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", headers)
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces(sent))
    return put.headers, framed + f"0\r\n{CRC}:{crc32(proven)}\r\n\r\n".encode()


PUTS = [
    Put(declared_hash, "XAmzContentSHA256Mismatch"),
    Put(content_md5, "BadDigest"),
    Put(checksum_in_header, "BadDigest"),
    Put(signed_chunks, "SignatureDoesNotMatch"),
    Put(signed_last_chunk, "SignatureDoesNotMatch"),
    Put(signed_trailer, "SignatureDoesNotMatch"),
    Put(unsigned_trailer, "BadDigest"),
]


class HoldBack(unittest.TestCase):
    versions = ["v4"]

    def setUp(self):
        self.deployment = ClientContract.deployment
        self.s3 = client(self.deployment)
        self.addCleanup(self.s3.close)
        self.bucket = self._testMethodName.removeprefix("test_").replace("_", "-")
        self.s3.create_bucket(Bucket=self.bucket)

    def files(self):
        """
        Every object of the bucket as the store keeps it, under its path.

        A hidden file is not one: rclone writes into such a file, and takes it away some time after an upload has failed.
        """
        folder = self.deployment.folder / "objects" / self.bucket
        return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}

    def send(self, put, key, sent, cut=0):
        """The status and the code of the answer; without the last `cut` bytes, and with the connection's end in their place."""
        host = self.deployment.url.removeprefix("http://")
        path = f"/{self.bucket}/{key}"
        headers, body = put.of(host, path, BODY, sent)
        connection = http.client.HTTPConnection(host, timeout=60)
        self.addCleanup(connection.close)
        connection.putrequest("PUT", path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[: len(body) - cut])
        if cut:
            connection.sock.shutdown(1)
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, ElementTree.fromstring(read).findtext("Code") if read else None

    def test_what_is_proven_is_stored(self):
        for put in PUTS:
            with self.subTest(put.of.__name__):
                self.assertEqual(self.send(put, put.of.__name__, BODY), (200, None))
                self.assertTrue(self.s3.get_object(Bucket=self.bucket, Key=put.of.__name__)["Body"].read() == BODY)
        self.assertEqual(sorted(self.files()), sorted(put.of.__name__ for put in PUTS))

    def test_what_is_not_proven_changes_nothing(self):
        self.s3.put_object(Bucket=self.bucket, Key="kept", Body=b"kept")
        before = self.files()
        for put in PUTS:
            for key in ["kept", "new"]:
                with self.subTest(put.of.__name__, key=key):
                    status, code = self.send(put, key, OTHER)
                    self.assertEqual(code, put.error)
                    self.assertIn(status, [400, 403])
                    self.unchanged(before)

    def test_what_is_cut_changes_nothing(self):
        self.s3.put_object(Bucket=self.bucket, Key="kept", Body=b"kept")
        before = self.files()
        for put in PUTS:
            for key in ["kept", "new"]:
                with self.subTest(put.of.__name__, key=key):
                    try:
                        status, _ = self.send(put, key, BODY, cut=1)
                        self.assertEqual(status, 400)
                    except http.client.RemoteDisconnected:
                        pass
                    self.unchanged(before)

    def unchanged(self, before):
        self.assertEqual(self.files(), before)
        listed = self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]
        self.assertEqual([found["Key"] for found in listed], ["kept"])
        self.assertEqual(self.s3.get_object(Bucket=self.bucket, Key="kept")["Body"].read(), b"kept")
