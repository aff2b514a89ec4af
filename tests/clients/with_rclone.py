"""rclone: with version 4 by default, with `v2_auth` when told so."""

import json
import tempfile
import unittest
from pathlib import Path

from contract import HARD_KEY, PART_SIZE, ClientContract, content
from deployments import ACCESS_KEY_ID, RCLONE, SECRET_ACCESS_KEY
from programs import kill_after, run

COMMAND = [RCLONE, "--retries", "1", "--low-level-retries", "1"]


class Rclone(ClientContract, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "file")
        super().setUp()

    def environment(self, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY):
        """A remote named `node`, and no configuration file."""
        return {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_NODE_TYPE": "s3",
            "RCLONE_CONFIG_NODE_PROVIDER": "Other",
            "RCLONE_CONFIG_NODE_V2_AUTH": str(self.version == "v2").lower(),
            "RCLONE_CONFIG_NODE_ENDPOINT": self.url,
            "RCLONE_CONFIG_NODE_ACCESS_KEY_ID": access_key_id,
            "RCLONE_CONFIG_NODE_SECRET_ACCESS_KEY": secret_access_key,
            "RCLONE_CONFIG_NODE_CHUNK_SIZE": f"{PART_SIZE}B",
            "RCLONE_CONFIG_NODE_UPLOAD_CUTOFF": f"{PART_SIZE}B",
        }

    def rclone(self, *arguments):
        return run([*COMMAND, *arguments], environment=self.environment()).stdout

    def make_bucket(self, bucket):
        self.rclone("mkdir", f"node:{bucket}")

    def remove_bucket(self, bucket):
        self.rclone("rmdir", f"node:{bucket}")

    def buckets(self):
        return {line.rstrip("/") for line in self.rclone("lsf", "node:").decode().splitlines()}

    def put(self, bucket, key, body):
        self.file.write_bytes(body)
        self.rclone("copyto", self.file, f"node:{bucket}/{key}")

    def get(self, bucket, key):
        return self.rclone("cat", f"node:{bucket}/{key}")

    def get_from(self, bucket, key, offset):
        return self.rclone("cat", "--offset", offset, f"node:{bucket}/{key}")

    def size(self, bucket, key):
        return json.loads(self.rclone("lsjson", "--stat", f"node:{bucket}/{key}"))["Size"]

    def keys(self, bucket):
        return set(self.rclone("lsf", "--recursive", "--files-only", f"node:{bucket}").decode().splitlines())

    def copy(self, bucket, source_key, key):
        self.rclone("copyto", f"node:{bucket}/{source_key}", f"node:{bucket}/{key}")

    def delete(self, bucket, key):
        self.rclone("deletefile", f"node:{bucket}/{key}")

    def put_in_parts(self, bucket, key, body):
        self.put(bucket, key, body)

    def put_piped(self, bucket, key, source):
        run([*COMMAND, "rcat", f"node:{bucket}/{key}"], environment=self.environment(), stdin=source)

    def presigned_get(self, bucket, key):
        return self.rclone("link", "--expire", "60s", f"node:{bucket}/{key}").decode().strip()

    def refusal(self, access_key_id, secret_access_key):
        environment = self.environment(access_key_id, secret_access_key)
        refused = run([*COMMAND, "lsf", "node:"], environment=environment, check=False)
        self.assertNotEqual(refused.returncode, 0)
        return refused.stderr.decode()

    def test_an_upload_is_aborted(self):
        # Fed a part and a byte, rclone sends the part; killed there, it leaves an upload. With its usual buffer of 16 MiB it
        # would wait for more first.
        command = [*COMMAND, "--verbose", "--verbose", "--buffer-size", "0", "rcat", f"node:{self.bucket}/{HARD_KEY}"]
        kill_after("wrote chunk 1", command, stdin=content(PART_SIZE + 1), environment=self.environment())
        self.assertEqual(self.uploads(), [HARD_KEY])
        self.rclone("backend", "cleanup", f"node:{self.bucket}", "-o", "max-age=0s")
        self.assertEqual(self.uploads(), [])
        self.assertEqual(self.keys(self.bucket), set())

    def uploads(self):
        found = json.loads(self.rclone("backend", "list-multipart-uploads", f"node:{self.bucket}"))
        return [upload["Key"] for upload in found[self.bucket]]
