"""aws-cli, as PyPI has it: version 1, whose defaults (checksums in trailers among them) are those of version 2."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

from contract import HARD_KEY, ClientContract
from programs import aws_environment, run

# Where pip put it: beside the python that runs this. Its own first line names a path that is wrong once the folder has moved.
AWS = [sys.executable, Path(sys.executable).with_name("aws")]


class AwsCli(ClientContract, unittest.TestCase):
    versions = ["v4"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "file")
        super().setUp()

    def aws(self, *arguments, **process):
        return run([*AWS, *arguments], environment=aws_environment(self.url), **process).stdout

    def make_bucket(self, bucket):
        self.aws("s3", "mb", f"s3://{bucket}")

    def remove_bucket(self, bucket):
        self.aws("s3", "rb", f"s3://{bucket}")

    def buckets(self):
        return {line.split()[-1] for line in self.aws("s3", "ls").decode().splitlines()}

    def put(self, bucket, key, body):
        self.file.write_bytes(body)
        self.aws("s3", "cp", self.file, f"s3://{bucket}/{key}")

    def get(self, bucket, key):
        self.aws("s3", "cp", f"s3://{bucket}/{key}", self.file)
        return self.file.read_bytes()

    def get_from(self, bucket, key, offset):
        self.aws("s3api", "get-object", "--bucket", bucket, "--key", key, "--range", f"bytes={offset}-", self.file)
        return self.file.read_bytes()

    def size(self, bucket, key):
        return json.loads(self.aws("s3api", "head-object", "--bucket", bucket, "--key", key))["ContentLength"]

    def keys(self, bucket):
        listing = json.loads(self.aws("s3api", "list-objects-v2", "--bucket", bucket, "--output", "json") or "{}")
        return {found["Key"] for found in listing.get("Contents", [])}

    def copy(self, bucket, source_key, key):
        self.aws("s3", "cp", f"s3://{bucket}/{source_key}", f"s3://{bucket}/{key}")

    def delete(self, bucket, key):
        self.aws("s3", "rm", f"s3://{bucket}/{key}")

    def put_in_parts(self, bucket, key, body):
        # Above the default threshold of 8 MiB, in the default parts of 8 MiB.
        self.put(bucket, key, body)

    def put_piped(self, bucket, key, source):
        self.aws("s3", "cp", "-", f"s3://{bucket}/{key}", stdin=source)

    def presigned_get(self, bucket, key):
        return self.aws("s3", "presign", f"s3://{bucket}/{key}", "--expires-in", 60).decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        environment = aws_environment(self.url, access_key_id, secret_access_key)
        refused = run([*AWS, "s3", "ls"], environment=environment, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_an_object_is_put_without_the_transfer_manager(self):
        self.file.write_bytes(b"-" * 3000)
        self.aws("s3api", "put-object", "--bucket", self.bucket, "--key", HARD_KEY, "--body", self.file)
        self.assertEqual(self.get(self.bucket, HARD_KEY), b"-" * 3000)

    def test_a_folder_is_synchronised_and_removed(self):
        folder = self.file.with_name("folder")
        (folder / "a b").mkdir(parents=True)
        for name in ["one", "a b/two"]:
            (folder / name).write_text(name)
        self.aws("s3", "sync", folder, f"s3://{self.bucket}/to")
        self.assertEqual(self.keys(self.bucket), {"to/one", "to/a b/two"})
        self.aws("s3", "rm", "--recursive", f"s3://{self.bucket}/to")
        self.assertEqual(self.keys(self.bucket), set())
