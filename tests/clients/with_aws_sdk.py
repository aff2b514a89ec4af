"""@aws-sdk/client-s3, AWS's SDK for JavaScript: npm/aws_sdk.mjs does what the tests ask."""

import json
import unittest

from contract import HARD_KEY, PIPED_SIZE, ClientContract, content, fetch, piped
from node_programs import node


class AwsSdk(ClientContract, unittest.TestCase):
    versions = ["v4"]

    def sdk(self, verb, *arguments, **process):
        return node("aws_sdk", self.url, verb, *arguments, **process).stdout

    def make_bucket(self, bucket):
        self.sdk("make-bucket", bucket)

    def remove_bucket(self, bucket):
        self.sdk("remove-bucket", bucket)

    def buckets(self):
        return set(self.sdk("buckets").decode().splitlines())

    def put(self, bucket, key, body):
        self.sdk("put", bucket, key, stdin=body)

    def get(self, bucket, key):
        return self.sdk("get", bucket, key)

    def get_from(self, bucket, key, offset):
        return self.sdk("get-from", bucket, key, offset)

    def size(self, bucket, key):
        return json.loads(self.sdk("head", bucket, key))["ContentLength"]

    def keys(self, bucket):
        return set(self.sdk("keys", bucket).decode().splitlines())

    def copy(self, bucket, source_key, key):
        self.sdk("copy", bucket, source_key, key)

    def delete(self, bucket, key):
        self.sdk("delete", bucket, key)

    def put_in_parts(self, bucket, key, body):
        self.sdk("put-parts", bucket, key, stdin=body)

    def put_piped(self, bucket, key, source):
        self.sdk("put-stream", bucket, key, stdin=source)

    def presigned_get(self, bucket, key):
        return self.sdk("presign-get", bucket, key).decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        refused = node("aws_sdk", self.url, "buckets", key=(access_key_id, secret_access_key), check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_100_mib_are_uploaded_in_one_request(self):
        with piped() as source:
            self.sdk("put-sized-stream", self.bucket, HARD_KEY, PIPED_SIZE, stdin=source)
        self.assertEqual(self.size(self.bucket, HARD_KEY), PIPED_SIZE)

    def test_a_presigned_url_is_put_to(self):
        url = self.sdk("presign-put", self.bucket, HARD_KEY).decode().strip()
        fetch("PUT", url, content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_metadata_in_a_presigned_url_is_kept(self):
        more = {"Metadata": {"colour": "deep blue"}, "ServerSideEncryption": "AES256", "ContentType": "text/x-test"}
        url = self.sdk("presign-put", self.bucket, HARD_KEY, json.dumps(more)).decode().strip()
        # The SDK moves into the query whatever it can.
        self.assertIn("x-amz-meta-colour=", url)
        self.assertIn("x-amz-server-side-encryption=", url)
        fetch("PUT", url, content(3000), {"Content-Type": "text/x-test"})
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))
        head = json.loads(self.sdk("head", self.bucket, HARD_KEY))
        self.assertEqual((head["Metadata"], head["ContentType"]), ({"colour": "deep blue"}, "text/x-test"))

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        self.sdk("delete-several", self.bucket, "one", HARD_KEY)
        self.assertEqual(self.keys(self.bucket), {"three"})
