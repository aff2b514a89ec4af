"""boto3: the signature in the header, and in presigned URLs."""

import base64
import hashlib
import io
import unittest
import urllib.error

import boto3
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.compat import HAS_CRT
from botocore.exceptions import ClientError

from contract import HARD_KEY, PART_SIZE, ClientContract, content, fetch
from deployments import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

# boto3 computes five with AWS's common runtime alone.
ALGORITHMS = ["CRC32", "SHA1", "SHA256", "SHA512"]
ALGORITHMS += ["CRC32C", "CRC64NVME", "XXHASH64", "XXHASH3", "XXHASH128"] if HAS_CRT else []


def client(deployment, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY, **config):
    """A client with boto3's defaults, but for a V2 signature; it does not try again, which would hide a failure."""
    if deployment.version == "v2":
        config = {"signature_version": "s3", "s3": {"addressing_style": "path"}} | config
    return boto3.client(
        "s3",
        endpoint_url=deployment.url,
        region_name=REGION,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


class Boto3(ClientContract, unittest.TestCase):
    """The signature in the Authorization header."""

    def setUp(self):
        self.s3 = client(self.deployment)
        self.addCleanup(self.s3.close)
        super().setUp()

    def make_bucket(self, bucket):
        self.s3.create_bucket(Bucket=bucket)

    def remove_bucket(self, bucket):
        self.s3.delete_bucket(Bucket=bucket)

    def buckets(self):
        return {bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]}

    def put(self, bucket, key, body):
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, bucket, key):
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def get_from(self, bucket, key, offset):
        return self.s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={offset}-")["Body"].read()

    def size(self, bucket, key):
        return self.s3.head_object(Bucket=bucket, Key=key)["ContentLength"]

    def keys(self, bucket):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def copy(self, bucket, source_key, key):
        self.s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": source_key})

    def delete(self, bucket, key):
        self.s3.delete_object(Bucket=bucket, Key=key)

    def put_in_parts(self, bucket, key, body):
        upload_id = self.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        upload = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        parts = []
        for number, start in enumerate(range(0, len(body), PART_SIZE), 1):
            part = self.s3.upload_part(**upload, PartNumber=number, Body=body[start : start + PART_SIZE])
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
        self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    def put_piped(self, bucket, key, source):
        self.s3.upload_fileobj(source, bucket, key)

    def presigned_get(self, bucket, key):
        return self.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)

    def refusal(self, access_key_id, secret_access_key):
        with self.assertRaises(ClientError) as refused:
            client(self.deployment, access_key_id, secret_access_key).list_buckets()
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        return refused.exception.response["Error"]["Code"]

    def test_a_range_has_both_ends(self):
        body = content(10_000)
        self.put(self.bucket, HARD_KEY, body)
        answer = self.s3.get_object(Bucket=self.bucket, Key=HARD_KEY, Range="bytes=100-199")
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.assertEqual(answer["ContentRange"], "bytes 100-199/10000")
        self.assertEqual(answer["Body"].read(), body[100:200])

    def test_an_empty_object_comes_back(self):
        self.put(self.bucket, HARD_KEY, b"")
        self.assertEqual(self.get(self.bucket, HARD_KEY), b"")

    def test_metadata_and_content_type_come_back(self):
        self.s3.put_object(
            Bucket=self.bucket, Key=HARD_KEY, Body=b"-", ContentType="text/x-test; charset=utf-8", Metadata={"colour": "deep  blue"}
        )
        head = self.s3.head_object(Bucket=self.bucket, Key=HARD_KEY)
        self.assertEqual(head["ContentType"], "text/x-test; charset=utf-8")
        self.assertEqual(head["Metadata"], {"colour": "deep  blue"})

    def test_an_object_has_a_checksum_of_every_algorithm(self):
        body = content(70_001)
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm=algorithm):
                self.s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=body, ChecksumAlgorithm=algorithm)
                self.assertEqual(self.get(self.bucket, HARD_KEY), body)
        for name, digest in [("ChecksumMD5", hashlib.md5), ("ChecksumSHA512", hashlib.sha512)]:
            with self.subTest(name=name):
                right, wrong = (base64.b64encode(digest(of).digest()).decode() for of in [body, body[1:]])
                self.s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=body, **{name: right})
                with self.assertRaises(ClientError) as refused:
                    self.s3.put_object(Bucket=self.bucket, Key=HARD_KEY, Body=body, **{name: wrong})
                self.assertEqual(refused.exception.response["Error"]["Code"], "BadDigest")

    def test_the_transfer_manager_uploads_parts_at_once(self):
        body = content(3 * PART_SIZE)
        parts = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, max_concurrency=3)
        self.s3.upload_fileobj(io.BytesIO(body), self.bucket, HARD_KEY, Config=parts)
        self.assertRegex(self.s3.head_object(Bucket=self.bucket, Key=HARD_KEY)["ETag"], '-3"$')
        back = io.BytesIO()
        self.s3.download_fileobj(self.bucket, HARD_KEY, back, Config=parts)
        self.assertTrue(back.getvalue() == body, "the parts came back as another body")

    def test_an_upload_is_aborted(self):
        upload_id = self.s3.create_multipart_upload(Bucket=self.bucket, Key=HARD_KEY)["UploadId"]
        upload = {"Bucket": self.bucket, "Key": HARD_KEY, "UploadId": upload_id}
        self.s3.upload_part(**upload, PartNumber=1, Body=content(PART_SIZE))
        self.assertEqual([part["Size"] for part in self.s3.list_parts(**upload)["Parts"]], [PART_SIZE])
        self.s3.abort_multipart_upload(**upload)
        with self.assertRaises(ClientError) as gone:
            self.s3.list_parts(**upload)
        self.assertEqual(gone.exception.response["Error"]["Code"], "NoSuchUpload")
        self.assertEqual(self.keys(self.bucket), set())

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": "one"}, {"Key": HARD_KEY}]})
        self.assertEqual(self.keys(self.bucket), {"three"})

    def test_the_first_listing_names_every_key_too(self):
        self.put(self.bucket, HARD_KEY, b"-")
        listing = self.s3.list_objects(Bucket=self.bucket, Prefix=HARD_KEY[:5], Delimiter="/")
        self.assertEqual([prefix["Prefix"] for prefix in listing["CommonPrefixes"]], [HARD_KEY.split("/")[0] + "/"])


class Boto3Presigned(unittest.TestCase):
    """
    URLs that boto3 has presigned, fetched by a client that knows nothing of signatures.

    By default boto3 still presigns with version 2 in the old regions.
    """

    versions = ["v2", "v4"]
    config = {}
    mark = "AWSAccessKeyId="

    def setUp(self):
        self.s3 = self.client()
        self.addCleanup(self.s3.close)
        self.bucket = f"{type(self).__name__.lower()}-{self._testMethodName[5:40].replace('_', '-')}".strip("-")
        self.s3.create_bucket(Bucket=self.bucket)

    def client(self, **key):
        return client(ClientContract.deployment, **key, **self.config)

    def presign(self, operation, expires_in=60, s3=None, **parameters):
        parameters = {"Bucket": self.bucket, "Key": HARD_KEY} | parameters
        written = {name: value for name, value in parameters.items() if value is not None}
        url = (s3 or self.s3).generate_presigned_url(operation, Params=written, ExpiresIn=expires_in)
        self.assertIn(self.mark, url)
        return url

    def refused(self, method, url):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch(method, url)
        with refused.exception as answer:
            self.assertEqual(answer.code, 403)
            return answer.read().decode()

    def test_an_object_is_put_and_read_back(self):
        body = content(70_001)
        fetch("PUT", self.presign("put_object"), body)
        self.assertEqual(fetch("GET", self.presign("get_object"))[1], body)

    def test_a_range_is_read(self):
        body = content(10_000)
        fetch("PUT", self.presign("put_object"), body)
        answer, part = fetch("GET", self.presign("get_object"), headers={"Range": "bytes=100-199"})
        self.assertEqual((answer.status, part), (206, body[100:200]))

    def test_head_tells_the_size(self):
        fetch("PUT", self.presign("put_object"), content(12_345))
        answer, body = fetch("HEAD", self.presign("head_object"))
        self.assertEqual((answer.headers["Content-Length"], body), ("12345", b""))

    def test_a_signed_content_type_has_to_be_sent(self):
        url = self.presign("put_object", ContentType="text/x-test")
        fetch("PUT", url, b"-", {"Content-Type": "text/x-test"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch("PUT", url, b"-", {"Content-Type": "text/x-other"})
        # A URL of version 2 says the type itself: then there are two.
        code = "InvalidArgument" if "content-type=" in url.lower() else "SignatureDoesNotMatch"
        with refused.exception as answer:
            self.assertIn(f"<Code>{code}</Code>", answer.read().decode())

    def test_what_is_signed_is_what_the_object_has(self):
        digest = base64.b64encode(hashlib.md5(b"body").digest()).decode()
        parameters = {"ACL": "private", "Metadata": {"colour": "deep blue"}, "ContentType": "text/x-test", "ContentMD5": digest}
        url = self.presign("put_object", **parameters)
        answer = urllib3.request("PUT", url, body=b"body", headers=self.headers_beside(url, digest), retries=False)
        self.assertEqual(answer.status, 200, answer.data)
        head = self.s3.head_object(Bucket=self.bucket, Key=HARD_KEY)
        self.assertEqual((head["Metadata"], head["ContentType"]), ({"colour": "deep blue"}, "text/x-test"))

    def headers_beside(self, url, digest):
        """Those that have to come with the URL: version 2 has all in the query, where boto3 puts them."""
        self.assertIn("x-amz-acl=private", url)
        self.assertIn("content-type=", url)
        return {}

    def test_the_answers_headers_are_chosen_by_the_url(self):
        fetch("PUT", self.presign("put_object"), b"-")
        disposition = 'attachment; filename="a b+c%d.txt"'
        url = self.presign("get_object", ResponseContentDisposition=disposition, ResponseContentType="text/x-chosen")
        answer, _ = fetch("GET", url)
        self.assertEqual(answer.headers["Content-Disposition"], disposition)
        self.assertEqual(answer.headers["Content-Type"], "text/x-chosen")

    def test_an_object_is_uploaded_in_parts(self):
        body = content(PART_SIZE + 1)
        upload_id = self.s3.create_multipart_upload(Bucket=self.bucket, Key=HARD_KEY)["UploadId"]
        for number, part in enumerate([body[:PART_SIZE], body[PART_SIZE:]], 1):
            fetch("PUT", self.presign("upload_part", UploadId=upload_id, PartNumber=number), part)
        parts = b"".join(b"<Part><PartNumber>%d</PartNumber></Part>" % number for number in [1, 2])
        whole = b"<CompleteMultipartUpload>" + parts + b"</CompleteMultipartUpload>"
        fetch("POST", self.presign("complete_multipart_upload", UploadId=upload_id), whole)
        self.assertTrue(fetch("GET", self.presign("get_object"))[1] == body, "the parts came back as another body")

    def test_a_listing_names_the_key(self):
        fetch("PUT", self.presign("put_object", Key="listed"), b"-")
        _, listing = fetch("GET", self.presign("list_objects_v2", Key=None))
        self.assertIn(b"<Key>listed</Key>", listing)

    def test_an_object_is_deleted(self):
        fetch("PUT", self.presign("put_object"), b"-")
        fetch("DELETE", self.presign("delete_object"))
        with self.assertRaises(urllib.error.HTTPError) as missing:
            fetch("HEAD", self.presign("head_object"))
        with missing.exception as answer:
            self.assertEqual(answer.code, 404)

    def test_a_url_for_one_method_is_refused_for_another(self):
        self.assertIn("<Code>SignatureDoesNotMatch</Code>", self.refused("DELETE", self.presign("get_object")))

    def test_an_expired_url_is_refused(self):
        self.assertIn("<Code>AccessDenied</Code>", self.refused("GET", self.presign("get_object", expires_in=-60)))

    def test_a_wrong_secret_is_refused(self):
        s3 = self.client(secret_access_key=SECRET_ACCESS_KEY.lower())
        self.assertIn("<Code>SignatureDoesNotMatch</Code>", self.refused("GET", self.presign("get_object", s3=s3)))

    def test_an_unknown_key_is_refused(self):
        s3 = self.client(access_key_id="AKIAUNKNOWNEXAMPLE00")
        self.assertIn("<Code>InvalidAccessKeyId</Code>", self.refused("GET", self.presign("get_object", s3=s3)))


class Boto3PresignedV4(Boto3Presigned):
    """The same with `signature_version='s3v4'`, as the newer regions have it by default."""

    versions = ["v4"]
    config = {"signature_version": "s3v4"}
    mark = "X-Amz-Algorithm=AWS4-HMAC-SHA256"

    def headers_beside(self, url, digest):
        headers = {"Content-Type": "text/x-test", "Content-MD5": digest, "x-amz-acl": "private"}
        return headers | {"x-amz-meta-colour": "deep blue"}

    # A life of less than a second is an error here, and not over.
    test_an_expired_url_is_refused = None

    @unittest.skipIf(HAS_CRT, "AWS's common runtime presigns no such URL")
    def test_a_life_of_no_time_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch("GET", self.presign("get_object", expires_in=0))
        with refused.exception as answer:
            self.assertEqual(answer.code, 400)
            self.assertIn("<Code>AuthorizationQueryParametersError</Code>", answer.read().decode())
