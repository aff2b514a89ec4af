"""Uploads in parts, presigned requests, forms, and the other ways to address and to send."""

import base64
import hashlib
import io
import socket
import urllib.error
import urllib.request
from unittest import mock
from urllib.parse import urlsplit
from xml.etree import ElementTree

import urllib3
from boto3.s3.transfer import TransferConfig

from aws_signer import SignedPut
from contract import HARD_KEY, MIB, PART_SIZE, PERCENT_KEY, content, fetch
from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from features.feature import Feature


class Parts(Feature):
    def begin(self, **arguments):
        begun = self.s3.create_multipart_upload(Bucket=self.bucket, Key=HARD_KEY, **arguments)
        return {"Bucket": self.bucket, "Key": HARD_KEY, "UploadId": begun["UploadId"]}

    def complete(self, upload, parts, **arguments):
        kept = ["ETag"] + [name for name in parts[0] if name.startswith("Checksum") and name != "ChecksumType"]
        parts = [{"PartNumber": number} | {name: part[name] for name in kept} for number, part in enumerate(parts, 1)]
        return self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **arguments)

    def upload(self, body, **arguments):
        upload = self.begin(**arguments)
        pieces = [body[start : start + PART_SIZE] for start in range(0, len(body), PART_SIZE)]
        return self.complete(
            upload, [self.s3.upload_part(**upload, **arguments, PartNumber=number, Body=piece) for number, piece in enumerate(pieces, 1)]
        )

    def test_an_upload_in_parts(self):
        body = content(2 * PART_SIZE + 1)
        self.upload(body)
        self.assertTrue(self.get() == body)

    def test_an_upload_in_parts_with_sha256(self):
        body = content(PART_SIZE + 1)
        self.upload(body, ChecksumAlgorithm="SHA256")
        self.assertTrue(self.get() == body)

    def test_an_upload_in_parts_with_sha512(self):
        body = content(PART_SIZE + 1)
        self.upload(body, ChecksumAlgorithm="SHA512")
        self.assertTrue(self.get() == body)

    def test_an_upload_in_parts_with_metadata(self):
        upload = self.begin(Metadata={"colour": "blue"}, ContentType="text/x-test", Tagging="k=v%20w")
        self.complete(upload, [self.s3.upload_part(**upload, PartNumber=1, Body=b"-")])
        self.assertEqual((self.head()["Metadata"], self.head()["ContentType"]), ({"colour": "blue"}, "text/x-test"))

    def test_an_upload_in_parts_with_the_clients_key(self):
        key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": content(32)}
        upload = self.begin(**dict(key))
        self.complete(upload, [self.s3.upload_part(**upload, **dict(key), PartNumber=1, Body=b"content")])
        self.assertEqual(self.get(**dict(key)), b"content")

    def test_parts_are_listed(self):
        upload = self.begin()
        for number in [1, 2, 3]:
            self.s3.upload_part(**upload, PartNumber=number, Body=b"part %d" % number)
        self.assertEqual([part["PartNumber"] for part in self.s3.list_parts(**upload, MaxParts=2)["Parts"]], [1, 2])
        self.assertEqual([part["PartNumber"] for part in self.s3.list_parts(**upload, PartNumberMarker=2)["Parts"]], [3])

    def test_uploads_are_listed(self):
        self.begin()
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=HARD_KEY[:3], MaxUploads=1)
        self.assertEqual([upload["Key"] for upload in uploads["Uploads"]], [HARD_KEY])

    def test_an_upload_is_aborted(self):
        upload = self.begin()
        self.s3.upload_part(**upload, PartNumber=1, Body=b"-")
        self.s3.abort_multipart_upload(**upload)
        self.refused(404, self.s3.list_parts, **upload)

    def test_parts_are_copied(self):
        body = content(PART_SIZE + 1000)
        # radosgw decodes the names of sources twice here, and falls over one that is not there.
        self.put("source", body)
        upload = self.begin()
        parts = []
        for number, wanted in enumerate([f"bytes=0-{PART_SIZE - 1}", f"bytes={PART_SIZE}-{len(body) - 1}"], 1):
            source = {"Bucket": self.bucket, "Key": "source"}
            copied = self.s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=wanted)
            parts.append(copied["CopyPartResult"])
        self.complete(upload, parts)
        self.assertTrue(self.get() == body)

    def test_a_part_is_read(self):
        body = content(PART_SIZE + 1)
        self.upload(body)
        self.assertEqual(len(self.get(PartNumber=2)), 1)

    def test_the_transfer_manager(self):
        body = content(3 * PART_SIZE)
        parts = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, max_concurrency=3)
        self.s3.upload_fileobj(io.BytesIO(body), self.bucket, HARD_KEY, Config=parts, ExtraArgs={"ContentType": "text/x-test"})
        # The answers come in an order of their own.
        self.answers.pop(self.id())
        back = io.BytesIO()
        self.s3.download_fileobj(self.bucket, HARD_KEY, back, Config=parts)
        self.s3.upload_fileobj(io.BytesIO(body), self.bucket, "source", Config=parts)
        self.s3.copy({"Bucket": self.bucket, "Key": "source"}, self.bucket, PERCENT_KEY, Config=parts)
        self.answers.pop(self.id())
        self.assertTrue(back.getvalue() == body and self.get(PERCENT_KEY) == body)


class Presigned(Feature):
    """By version 4; `PresignedV2` does the same by version 2."""

    signature_version = "s3v4"

    def setUp(self):
        super().setUp()
        self.signer = self.client(signature_version=self.signature_version)

    def url_for(self, operation, **parameters):
        return self.presign(operation, self.signer, **parameters)

    def test_presigned_put_and_get(self):
        fetch("PUT", self.url_for("put_object"), content(70_001))
        self.assertEqual(fetch("GET", self.url_for("get_object"))[1], content(70_001))
        self.assertEqual(fetch("HEAD", self.url_for("head_object"))[0].headers["Content-Length"], "70001")
        fetch("DELETE", self.url_for("delete_object"))
        self.refused(404, self.head)

    def test_presigned_answers_headers(self):
        self.put()
        disposition = 'attachment; filename="a b+c%d.txt"'
        url = self.url_for("get_object", ResponseContentDisposition=disposition, ResponseContentType="text/x-chosen")
        answer, _ = fetch("GET", url)
        self.assertEqual(answer.headers["Content-Disposition"], disposition)

    def test_presigned_put_with_headers(self):
        # Of version 4 they are signed headers; version 2 has them in the query.
        arguments = {"ContentType": "text/x-test", "Metadata": {"colour": "blue"}, "ACL": "public-read"}
        url = self.url_for("put_object", **arguments)
        headers = {"Content-Type": "text/x-test"}
        if self.signature_version != "s3":
            headers |= {"x-amz-meta-colour": "blue", "x-amz-acl": "public-read"}
        fetch("PUT", url, b"content", headers)
        self.assertEqual((self.head()["ContentType"], self.head()["Metadata"]), ("text/x-test", {"colour": "blue"}))

    def test_presigned_listing(self):
        self.put()
        url = self.signer.generate_presigned_url("list_objects_v2", {"Bucket": self.bucket, "Prefix": HARD_KEY[:4], "MaxKeys": 5})
        self.assertIn(b"<Key>", fetch("GET", url)[1])

    def test_presigned_parts(self):
        upload_id = self.s3.create_multipart_upload(Bucket=self.bucket, Key=HARD_KEY)["UploadId"]
        answer, _ = fetch("PUT", self.url_for("upload_part", UploadId=upload_id, PartNumber=1), b"content")
        part = f"<Part><PartNumber>1</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>"
        whole = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
        fetch("POST", self.url_for("complete_multipart_upload", UploadId=upload_id), whole)
        self.assertEqual(self.get(), b"content")

    def test_presigned_copy(self):
        self.put(PERCENT_KEY)
        source = {"Bucket": self.bucket, "Key": PERCENT_KEY}
        url = self.url_for("copy_object", CopySource=source)
        # boto3 writes the source so in the URL of version 2; with version 4 it is a header that has to come with it.
        header = {"x-amz-copy-source": urllib.request.quote(f"{self.bucket}/{PERCENT_KEY}", safe="/~")}
        fetch("PUT", url, b"", header if self.signature_version != "s3" else {})
        self.assertEqual(self.get(), b"content")


class PresignedV2(Presigned):
    signature_version = "s3"


class Forms(Feature):
    signature_version = "s3v4"
    # radosgw does not read the escapes of other letters in a policy.
    key = "a form's key"

    def form(self, filename="photo.jpg", body=b"content", **parts):
        signer = self.client(signature_version=self.signature_version)
        form = signer.generate_presigned_post(self.bucket, parts.pop("Key", self.key), **parts)
        fields = {**form["fields"], "file": (filename, body)}
        return urllib3.request("POST", form["url"], fields=fields, timeout=60, retries=False, redirect=False)

    def test_a_form(self):
        # radosgw falls over an empty file.
        for size in [1, 70_001]:
            with self.subTest(size=size):
                answer = self.form(body=content(size))
                self.assertEqual((answer.status, answer.data), (204, b""))
                self.assertEqual(self.get(self.key), content(size))

    def test_a_form_with_fields(self):
        fields = {"Content-Type": "text/x-test", "x-amz-meta-colour": "blue", "acl": "public-read", "success_action_status": "201"}
        answer = self.form(Fields=dict(fields), Conditions=[{name: value} for name, value in fields.items()])
        self.assertEqual(answer.status, 201, answer.data)
        self.assertEqual(ElementTree.fromstring(answer.data).tag.split("}")[-1], "PostResponse")
        self.assertEqual((self.head(self.key)["ContentType"], self.head(self.key)["Metadata"]), ("text/x-test", {"colour": "blue"}))

    def test_a_form_with_tags(self):
        tags = "<Tagging><TagSet><Tag><Key>colour</Key><Value>deep blue</Value></Tag></TagSet></Tagging>"
        answer = self.form(Fields={"tagging": tags}, Conditions=[{"tagging": tags}])
        self.assertEqual(answer.status, 204, answer.data)
        found = self.s3.get_object_tagging(Bucket=self.bucket, Key=self.key)["TagSet"]
        self.assertEqual(found, [{"Key": "colour", "Value": "deep blue"}])

    def test_a_form_names_the_file(self):
        answer = self.form(Key="uploads/${filename}", filename="a b+c.txt")
        self.assertEqual(answer.status, 204, answer.data)
        self.assertEqual(self.get("uploads/a b+c.txt"), b"content")

    def test_a_form_keeps_to_its_length(self):
        answer = self.form(Conditions=[["content-length-range", 10, 100]], body=b"short")
        self.assertEqual(answer.status, 400, answer.data)


class FormsV2(Forms):
    signature_version = "s3"


class OtherWays(Feature):
    def test_virtual_host_style(self):
        # No resolver has to know the names under "localhost".
        resolve = socket.getaddrinfo
        with mock.patch("socket.getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)):
            place = urlsplit(self.url)
            s3 = self.client_at(f"http://localhost:{place.port}", s3={"addressing_style": "virtual"})
            s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=content(70_001))
            self.assertEqual(s3.get_object(Bucket=self.bucket, Key=HARD_KEY)["Body"].read(), content(70_001))
            self.assertEqual(len(s3.list_objects_v2(Bucket=self.bucket)["Contents"]), 1)

    def test_signed_chunks(self):
        body = content(200_000)
        key = (ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        # Without `aws-chunked` in Content-Encoding, as minio-go sends them: radosgw would keep it with the object.
        lengths = {"x-amz-decoded-content-length": str(len(body))}
        host, path = urlsplit(self.url).netloc, f"/{self.bucket}/chunks"
        put = SignedPut(key, host, path, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", lengths)
        pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
        sent = b"".join(put.chunk(piece) for piece in [*pieces, b""])
        fetch("PUT", self.url + path, sent, {"Content-Type": ""} | put.headers)
        self.assertEqual(self.get("chunks"), body)

    def test_a_large_object_of_100_mib(self):
        body = content(MIB) * 100
        self.put(body=body)
        digest = hashlib.md5(self.get())
        self.assertEqual(base64.b64encode(digest.digest()), base64.b64encode(hashlib.md5(body).digest()))
