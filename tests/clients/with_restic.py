"""restic, made with MinIO's SDK for Go: a backup and its way back."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from contract import MIB, ClientContract, content
from programs import aws_environment, run

FILES = {"one": content(3000), "a folder/a b+c%d é.bin": content(5 * MIB, 2), "empty": b""}


@unittest.skipUnless(shutil.which("restic"), "there is no restic")
class Restic(unittest.TestCase):
    versions = ["v4"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.url = ClientContract.deployment.url
        for name, body in FILES.items():
            file = self.folder / "files" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)

    def restic(self, *arguments):
        environment = aws_environment(self.url) | {"RESTIC_PASSWORD": "restic", "RESTIC_CACHE_DIR": str(self.folder / "cache")}
        command = ["restic", "--repo", f"s3:{self.url}/restic/a folder", "--option", "s3.bucket-lookup=path"]
        return run([*command, *arguments], environment=environment).stdout.decode()

    def test_a_backup_comes_back(self):
        self.restic("init")
        self.restic("backup", self.folder / "files")
        (self.folder / "files" / "one").write_bytes(content(4000))
        self.restic("backup", self.folder / "files")
        self.restic("check", "--read-data")
        self.restic("restore", "latest", "--target", self.folder / "back")
        back = Path(f"{self.folder}/back/{self.folder}/files")
        for name, body in (FILES | {"one": content(4000)}).items():
            self.assertEqual((back / name).read_bytes(), body)
        self.restic("forget", "--keep-last", "1", "--prune")
        self.assertEqual(len(json.loads(self.restic("snapshots", "--json"))), 1)
