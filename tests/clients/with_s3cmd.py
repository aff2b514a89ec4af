"""s3cmd: with version 4 by default, with version 2 when told so."""

import re
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from contract import HARD_KEY, KEYS, MIB, PART_SIZE, ClientContract, content
from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from programs import kill_after, run

# Where pip put it: beside the python that runs this. Its own first line names a path that is wrong once the folder has moved.
S3CMD = [sys.executable, Path(sys.executable).with_name("s3cmd")]


class S3cmd(ClientContract, unittest.TestCase):
    # s3cmd takes `*` and `?` for wildcards, with no way to escape them.
    keys_to_try = [key for key in KEYS if not set(key) & set("*?")]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "file")
        self.configuration = Path(folder.name, "s3cfg")
        super().setUp()

    def command(self, *arguments, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY):
        host = urlsplit(self.url).netloc
        self.configuration.write_text(
            f"[default]\naccess_key = {access_key_id}\nsecret_key = {secret_access_key}\n"
            f"host_base = {host}\nhost_bucket = {host}\nuse_https = False\nmax_retries = 1\n"
            f"multipart_chunk_size_mb = {PART_SIZE // MIB}\n" + self.deployment.s3cmd_settings
        )
        version = ["--signature-v2"] if self.version == "v2" else []
        return [*S3CMD, "--config", self.configuration, *version, "--no-progress", *arguments]

    def s3cmd(self, *arguments):
        return run(self.command(*arguments)).stdout

    def make_bucket(self, bucket):
        self.s3cmd("mb", f"s3://{bucket}")

    def remove_bucket(self, bucket):
        self.s3cmd("rb", f"s3://{bucket}")

    def buckets(self):
        return {line.split("s3://", 1)[1] for line in self.s3cmd("ls").decode().splitlines()}

    def put(self, bucket, key, body):
        self.file.write_bytes(body)
        self.s3cmd("put", self.file, f"s3://{bucket}/{key}")

    def get(self, bucket, key):
        self.s3cmd("get", "--force", f"s3://{bucket}/{key}", self.file)
        return self.file.read_bytes()

    def get_from(self, bucket, key, offset):
        # s3cmd asks for a range to complete a file that it has a part of.
        self.file.write_bytes(b"-" * offset)
        self.s3cmd("get", "--continue", f"s3://{bucket}/{key}", self.file)
        return self.file.read_bytes()[offset:]

    def size(self, bucket, key):
        described = self.s3cmd("info", f"s3://{bucket}/{key}").decode()
        return int(re.search(r"File size: +(\d+)", described)[1])

    def keys(self, bucket):
        listing = self.s3cmd("ls", "--recursive", f"s3://{bucket}").decode()
        return {line.split(f"s3://{bucket}/", 1)[1] for line in listing.splitlines()}

    def copy(self, bucket, source_key, key):
        self.s3cmd("cp", f"s3://{bucket}/{source_key}", f"s3://{bucket}/{key}")

    def delete(self, bucket, key):
        self.s3cmd("del", f"s3://{bucket}/{key}")

    def put_in_parts(self, bucket, key, body):
        self.put(bucket, key, body)

    def put_piped(self, bucket, key, source):
        run(self.command("put", "-", f"s3://{bucket}/{key}"), stdin=source)

    def presigned_get(self, bucket, key):
        return self.s3cmd("signurl", f"s3://{bucket}/{key}", "+60").decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        command = self.command("ls", access_key_id=access_key_id, secret_access_key=secret_access_key)
        refused = run(command, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_several_objects_are_deleted_at_once(self):
        for key in ["folder/one", f"folder/{HARD_KEY}", "three"]:
            self.put(self.bucket, key, b"-")
        self.s3cmd("del", "--recursive", "--force", f"s3://{self.bucket}/folder/")
        self.assertEqual(self.keys(self.bucket), {"three"})

    def test_an_upload_is_aborted(self):
        address = f"s3://{self.bucket}/{HARD_KEY}"
        # Fed a part and a byte, s3cmd sends the part and waits for the rest of the next one; killed there, it leaves an upload.
        command = self.command("--debug", "put", "-", address)
        printed = kill_after("MD5 sums: computed=", command, stdin=content(PART_SIZE + 1))
        upload_id = re.search("Uploading part 1 of '([^']+)'", printed)[1]

        self.assertIn(str(PART_SIZE).encode(), self.s3cmd("listmp", address, upload_id))
        self.s3cmd("abortmp", address, upload_id)
        gone = run(self.command("listmp", address, upload_id), check=False)
        self.assertIn(b"NoSuchUpload", gone.stderr)
        self.assertEqual(self.keys(self.bucket), set())
