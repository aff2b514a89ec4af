"""aws-sdk, AWS's second SDK for JavaScript: npm/aws_sdk_v2.mjs does what the tests ask."""

import json
import unittest

import urllib3

from contract import HARD_KEY, ClientContract, content, fetch
from node_programs import node


class AwsSdkV2(ClientContract, unittest.TestCase):
    def sdk(self, verb, *arguments, **process):
        return node("aws_sdk_v2", self.url, self.version, verb, *arguments, **process).stdout

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

    def head(self, bucket, key):
        return json.loads(self.sdk("head", bucket, key))

    def size(self, bucket, key):
        return self.head(bucket, key)["ContentLength"]

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

    def presign(self, operation, **parameters):
        return self.sdk("presign", self.bucket, HARD_KEY, operation, json.dumps(parameters)).decode().strip()

    def presigned_get(self, bucket, key):
        return self.sdk("presign", bucket, key, "getObject").decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        key = (access_key_id, secret_access_key)
        refused = node("aws_sdk_v2", self.url, self.version, "buckets", key=key, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_a_presigned_url_is_put_to(self):
        fetch("PUT", self.presign("putObject"), content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_a_presigned_url_says_the_content_type(self):
        # `Content-Type=` with capitals stands in the query. Whoever fetches the URL sends the same, or nothing.
        url = self.presign("putObject", ContentType="text/x-test")
        self.assertIn("Content-Type=text%2Fx-test", url)
        for headers in [{"Content-Type": "text/x-test"}, {}]:
            with self.subTest(headers=headers):
                answer = urllib3.request("PUT", url, body=b"-", headers=headers, retries=False)
                self.assertEqual(answer.status, 200, answer.data)
                self.assertEqual(self.head(self.bucket, HARD_KEY)["ContentType"], "text/x-test")
        answer = urllib3.request("PUT", url, body=b"-", headers={"Content-Type": "text/x-other"}, retries=False)
        self.assertNotEqual(answer.status, 200, answer.data)

    def test_a_presigned_url_says_the_metadata(self):
        url = self.presign("putObject", Metadata={"colour": "blue"}, ACL="private")
        self.assertIn("x-amz-meta-colour=blue", url)
        answer = urllib3.request("PUT", url, body=b"-", retries=False)
        self.assertEqual(answer.status, 200, answer.data)
        self.assertEqual(self.head(self.bucket, HARD_KEY)["Metadata"], {"colour": "blue"})

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        self.sdk("delete-several", self.bucket, "one", HARD_KEY)
        self.assertEqual(self.keys(self.bucket), {"three"})
