"""The JDK's own HttpClient, which offers HTTP/2 with every request: it fetches URLs that boto3 has presigned."""

import shutil
import unittest
from pathlib import Path

from contract import HARD_KEY, PERCENT_KEY, ClientContract, content
from programs import run
from with_boto3 import client

CLIENT = Path(__file__).parent / "java" / "Client.java"


# Which comes with what runs a source file.
@unittest.skipUnless(shutil.which("javac"), "there is no JDK")
class JdkHttpClient(unittest.TestCase):
    versions = ["v2", "v4"]

    def setUp(self):
        signature_version = {"v2": "s3", "v4": "s3v4"}[ClientContract.deployment.version]
        addressing = {"addressing_style": "path"}
        self.s3 = client(ClientContract.deployment, signature_version=signature_version, s3=addressing)
        self.addCleanup(self.s3.close)
        self.bucket = f"java-{self._testMethodName[5:40].replace('_', '-')}".strip("-")
        self.s3.create_bucket(Bucket=self.bucket)

    def java(self, operation, key, body=b""):
        method = operation.split("_")[0].upper()
        url = self.s3.generate_presigned_url(operation, Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=60)
        return run(["java", CLIENT, method, url], stdin=body).stdout

    def test_an_object_is_put_read_and_deleted(self):
        for key in [HARD_KEY, PERCENT_KEY]:
            with self.subTest(key=key):
                self.java("put_object", key, content(70_001))
                self.assertEqual(self.java("get_object", key), content(70_001))
                self.java("delete_object", key)
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)
