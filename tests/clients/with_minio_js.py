"""minio, the SDK for JavaScript: npm/minio.mjs does what the tests ask."""

import json
import unittest

from contract import HARD_KEY, ClientContract, content, fetch
from node_programs import node


class MinioJs(ClientContract, unittest.TestCase):
    versions = ["v4"]

    # It numbers parts from 2 on, which the embedded node does not take.
    test_an_object_is_uploaded_in_parts = None
    test_100_mib_are_uploaded_from_a_pipe = None

    def minio(self, verb, *arguments, **process):
        return node("minio", self.url, verb, *arguments, **process).stdout

    def make_bucket(self, bucket):
        self.minio("make-bucket", bucket)

    def remove_bucket(self, bucket):
        self.minio("remove-bucket", bucket)

    def buckets(self):
        return set(self.minio("buckets").decode().splitlines())

    def put(self, bucket, key, body):
        self.minio("put", bucket, key, stdin=body)

    def get(self, bucket, key):
        return self.minio("get", bucket, key)

    def get_from(self, bucket, key, offset):
        return self.minio("get-from", bucket, key, offset)

    def stat(self, bucket, key):
        return json.loads(self.minio("stat", bucket, key))

    def size(self, bucket, key):
        return self.stat(bucket, key)["size"]

    def keys(self, bucket, verb="keys"):
        return set(self.minio(verb, bucket).decode().splitlines())

    def copy(self, bucket, source_key, key):
        self.minio("copy", bucket, source_key, key)

    def delete(self, bucket, key):
        self.minio("delete", bucket, key)

    def presigned_get(self, bucket, key):
        return self.minio("presign-get", bucket, key).decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        refused = node("minio", self.url, "buckets", key=(access_key_id, secret_access_key), check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_a_presigned_url_is_put_to(self):
        fetch("PUT", self.minio("presign-put", self.bucket, HARD_KEY).decode().strip(), content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_metadata_comes_back(self):
        fields = {"Content-Type": "text/x-test", "colour": "deep blue"}
        self.minio("put", self.bucket, HARD_KEY, json.dumps(fields), stdin=b"-")
        found = self.stat(self.bucket, HARD_KEY)["metaData"]
        self.assertEqual((found["content-type"], found["colour"]), ("text/x-test", "deep blue"))

    def test_every_listing_names_the_key(self):
        self.put(self.bucket, HARD_KEY, b"-")
        for verb in ["keys-v1", "keys-with-metadata"]:
            with self.subTest(verb=verb):
                self.assertEqual(self.keys(self.bucket, verb), {HARD_KEY})

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        self.minio("delete-several", self.bucket, "one", HARD_KEY)
        self.assertEqual(self.keys(self.bucket), {"three"})
