"""object_store, the Rust crate: the program in object_store/ does what the tests ask."""

import sys
import unittest
from pathlib import Path

from contract import HARD_KEY, ClientContract, content, fetch
from programs import aws_environment, run
from with_boto3 import client

# tests/run built it beside the other clients.
CLIENT = Path(sys.prefix, "object_store", "debug", "object-store-client")


class ObjectStore(ClientContract, unittest.TestCase):
    versions = ["v4"]

    # Buckets are not its affair.
    test_a_bucket_is_made_listed_and_removed = None

    def object_store(self, verb, bucket, *arguments, key=(), **process):
        environment = aws_environment(self.url, *key)
        return run([CLIENT, verb, bucket, *arguments], environment=environment, **process)

    def make_bucket(self, bucket):
        s3 = client(self.deployment)
        self.addCleanup(s3.close)
        s3.create_bucket(Bucket=bucket)

    def put(self, bucket, key, body):
        self.object_store("put", bucket, key, stdin=body)

    def get(self, bucket, key):
        return self.object_store("get", bucket, key).stdout

    def get_from(self, bucket, key, offset):
        return self.object_store("get-range", bucket, key, offset, self.size(bucket, key)).stdout

    def size(self, bucket, key):
        return int(self.object_store("size", bucket, key).stdout)

    def keys(self, bucket):
        return set(self.object_store("keys", bucket).stdout.decode().splitlines())

    def copy(self, bucket, source_key, key):
        self.object_store("copy", bucket, source_key, key)

    def delete(self, bucket, key):
        self.object_store("delete", bucket, key)

    def put_in_parts(self, bucket, key, body):
        self.object_store("put-parts", bucket, key, stdin=body)

    def put_piped(self, bucket, key, source):
        self.object_store("put-stream", bucket, key, stdin=source)

    def presigned_get(self, bucket, key):
        return self.object_store("presign", bucket, "GET", key).stdout.decode().strip()

    def refusal(self, *key):
        refused = self.object_store("keys", self.bucket, key=key, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_a_presigned_url_is_put_to(self):
        url = self.object_store("presign", self.bucket, "PUT", HARD_KEY).stdout.decode().strip()
        fetch("PUT", url, content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))
