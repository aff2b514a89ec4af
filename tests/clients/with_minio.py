"""minio, the SDK for Python."""

import io
import unittest
from datetime import timedelta

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from contract import HARD_KEY, PART_SIZE, ClientContract, content, fetch
from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY

LIFE = timedelta(seconds=60)


class MinioPython(ClientContract, unittest.TestCase):
    versions = ["v4"]

    def client(self, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY):
        # It does not try again, which would hide a failure.
        pool = urllib3.PoolManager(retries=False)
        self.addCleanup(pool.clear)
        address = self.url.removeprefix("http://")
        return Minio(address, access_key_id, secret_access_key, secure=False, http_client=pool)

    def setUp(self):
        self.minio = self.client()
        super().setUp()

    def make_bucket(self, bucket):
        self.minio.make_bucket(bucket)

    def remove_bucket(self, bucket):
        self.minio.remove_bucket(bucket)

    def buckets(self):
        return {bucket.name for bucket in self.minio.list_buckets()}

    def put(self, bucket, key, body):
        self.minio.put_object(bucket, key, io.BytesIO(body), len(body))

    def get(self, bucket, key):
        return self.get_from(bucket, key, 0)

    def get_from(self, bucket, key, offset):
        with self.minio.get_object(bucket, key, offset=offset) as answer:
            return answer.read()

    def size(self, bucket, key):
        return self.minio.stat_object(bucket, key).size

    def keys(self, bucket):
        return {found.object_name for found in self.minio.list_objects(bucket, recursive=True)}

    def copy(self, bucket, source_key, key):
        self.minio.copy_object(bucket, key, CopySource(bucket, source_key))

    def delete(self, bucket, key):
        self.minio.remove_object(bucket, key)

    def put_in_parts(self, bucket, key, body):
        self.minio.put_object(bucket, key, io.BytesIO(body), len(body), part_size=PART_SIZE)

    def put_piped(self, bucket, key, source):
        self.minio.put_object(bucket, key, source, length=-1, part_size=2 * PART_SIZE)

    def presigned_get(self, bucket, key):
        return self.minio.presigned_get_object(bucket, key, LIFE)

    def refusal(self, access_key_id, secret_access_key):
        with self.assertRaises(S3Error) as refused:
            self.client(access_key_id, secret_access_key).list_buckets()
        return refused.exception.code

    def test_a_presigned_url_is_put_to(self):
        fetch("PUT", self.minio.presigned_put_object(self.bucket, HARD_KEY, LIFE), content(3000))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(3000))

    def test_a_listing_tells_the_metadata(self):
        # MinIO's own extension: `metadata=true` beside `list-type=2`.
        self.put(self.bucket, HARD_KEY, b"-")
        listing = self.minio.list_objects(self.bucket, recursive=True, include_user_meta=True)
        self.assertEqual([found.object_name for found in listing], [HARD_KEY])

    def test_several_objects_are_deleted_at_once(self):
        for key in ["one", HARD_KEY, "three"]:
            self.put(self.bucket, key, b"-")
        errors = self.minio.remove_objects(self.bucket, [DeleteObject("one"), DeleteObject(HARD_KEY)])
        self.assertEqual(list(errors), [])
        self.assertEqual(self.keys(self.bucket), {"three"})
