"""What the demo prints to be pasted: today's clients, as a newcomer has them."""

import os
import re
import sys
import tempfile
import unittest

from contract import ClientContract
from programs import run

BIN = os.path.dirname(sys.executable)


class Guide(unittest.TestCase):
    versions = ["v2", "v4"]

    def pasted(self, start):
        """The output of the commands of the guide that contain `start`, run by a shell, in their order."""
        guide = ClientContract.deployment.servers[0].said_until("Ctrl-C stops the demo.")
        exports = re.findall(r"(?m)^  (export .*)$", guide)
        commands = [line.strip() for line in guide.splitlines() if line.startswith("  ") and start in line]
        self.assertEqual(len(exports), 2, guide)
        self.assertTrue(commands, guide)
        with tempfile.TemporaryDirectory() as home:
            # No settings of anybody, and the clients that pip installed.
            environment = {"HOME": home, "PATH": f"{BIN}:{os.environ['PATH']}", "AWS_EC2_METADATA_DISABLED": "true"}
            return run(["bash", "-ec", "\n".join([*exports, *commands])], environment=environment).stdout.decode()

    def test_aws_cli(self):
        self.assertIn("hello", self.pasted("aws --endpoint-url"))

    def test_boto3(self):
        self.assertEqual(self.pasted("boto3.client"), "b'hello'\n")

    def test_s3cmd(self):
        self.pasted("boto3.client")
        self.assertIn("s3://bucket01/hello", self.pasted("s3cmd --no-ssl"))

    def test_the_first_call_of_the_guide(self):
        answer = self.pasted("sign --dialect wos --format curl POST")
        self.assertIn("200 OK", answer)
        self.assertIn("<UploadId>", answer)

    def test_the_call_that_is_refused(self):
        self.assertIn("<Code>SignatureDoesNotMatch</Code>", self.pasted("| sed "))
