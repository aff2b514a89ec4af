"""curl, with `--aws-sigv4`: S3 by hand."""

import hashlib
import io
import re
import unittest
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

from contract import PART_SIZE, PIPED_SIZE, ClientContract, content, piped
from deployments import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from programs import run
from with_boto3 import client

TEXT = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Curl(ClientContract, unittest.TestCase):
    versions = ["v4"]

    def curl(self, path, *arguments, key=(ACCESS_KEY_ID, SECRET_ACCESS_KEY), stdin=b""):
        # curl before 8.0 has to be told to send this header, which S3 asks for; every curl takes it over.
        claim = hashlib.sha256(stdin).hexdigest() if isinstance(stdin, bytes) else "UNSIGNED-PAYLOAD"
        command = ["curl", "--silent", "--show-error", "--fail-with-body", "--aws-sigv4", f"aws:amz:{REGION}:s3"]
        command += ["--header", f"x-amz-content-sha256: {claim}", "--user", ":".join(key), *arguments, self.url + path]
        return run(command, stdin=stdin).stdout

    @staticmethod
    def path(bucket, key):
        return f"/{bucket}/{quote(key)}"

    def names(self, path, element):
        document = ElementTree.fromstring(self.curl(path))
        return {found.text for found in document.iter(TEXT + element)}

    def make_bucket(self, bucket):
        self.curl(f"/{bucket}", "--request", "PUT")

    def remove_bucket(self, bucket):
        self.curl(f"/{bucket}", "--request", "DELETE")

    def buckets(self):
        return self.names("/", "Name")

    def put(self, bucket, key, body):
        self.curl(self.path(bucket, key), "--request", "PUT", "--data-binary", "@-", stdin=body)

    def get(self, bucket, key):
        return self.curl(self.path(bucket, key))

    def get_from(self, bucket, key, offset):
        return self.curl(self.path(bucket, key), "--range", f"{offset}-")

    def size(self, bucket, key):
        header = self.curl(self.path(bucket, key), "--head").decode()
        return int(re.search(r"(?im)^content-length: *(\d+)", header)[1])

    def keys(self, bucket):
        return self.names(f"/{bucket}?list-type=2", "Key")

    def copy(self, bucket, source_key, key):
        source = "x-amz-copy-source: " + self.path(bucket, source_key)
        self.curl(self.path(bucket, key), "--request", "PUT", "--header", source)

    def delete(self, bucket, key):
        self.curl(self.path(bucket, key), "--request", "DELETE")

    def put_in_parts(self, bucket, key, body):
        self.put_piped(bucket, key, io.BytesIO(body))

    def put_piped(self, bucket, key, source):
        # In parts, for S3 wants to know the length of each body, and curl sends a pipe in HTTP chunks.
        path = self.path(bucket, key)
        begun = ElementTree.fromstring(self.curl(f"{path}?uploads=", "--request", "POST"))
        upload_id = begun.findtext(TEXT + "UploadId")
        parts = ""
        for number, part in enumerate(iter(lambda: source.read(PART_SIZE), b""), 1):
            target = f"{path}?partNumber={number}&uploadId={upload_id}"
            header = self.curl(target, "--request", "PUT", "--data-binary", "@-", "--dump-header", "-", stdin=part).decode()
            etag = re.search(r"(?im)^etag: *(.*?)\r?$", header)[1]
            parts += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        self.curl(f"{path}?uploadId={upload_id}", "--data-binary", "@-", stdin=whole.encode())

    def presigned_get(self, bucket, key):
        # curl does not presign: the URL is boto3's.
        s3 = client(self.deployment, signature_version="s3v4")
        self.addCleanup(s3.close)
        return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)

    def refusal(self, *key):
        with self.assertRaises(AssertionError) as refused:
            self.curl("/", key=key)
        return str(refused.exception)

    def test_http_2_is_offered(self):
        if b"HTTP2" not in run(["curl", "--version"]).stdout:
            self.skipTest("this curl has no HTTP/2")
        path, body = self.path(self.bucket, "key"), content(70_001)
        self.curl(path, "--http2", "--request", "PUT", "--data-binary", "@-", stdin=body)
        self.assertEqual(self.curl(path, "--http2"), body)
        url = self.presigned_get(self.bucket, "key")
        self.assertEqual(run(["curl", "--silent", "--show-error", "--fail", "--http2", url]).stdout, body)

    def test_100_mib_are_uploaded_in_http_chunks(self):
        with piped() as source:
            self.curl(self.path(self.bucket, "piped"), "--upload-file", "-", stdin=source)
        self.assertEqual(self.size(self.bucket, "piped"), PIPED_SIZE)
