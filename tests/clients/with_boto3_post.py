"""Forms that boto3 has signed (`generate_presigned_post`), sent by clients that know nothing of signatures: urllib3 and curl."""

import copy
import subprocess
import tempfile
import unittest
import urllib.parse
from xml.etree import ElementTree

import requests
import urllib3

from contract import HARD_KEY, MIB, ClientContract, content
from with_boto3 import client


class Boto3Post(unittest.TestCase):
    """The policy is signed with the version that the deployment asks for."""

    versions = ["v2", "v4"]

    def setUp(self):
        deployment = ClientContract.deployment
        signature_version = {"v2": "s3", "v4": "s3v4"}[deployment.version]
        self.s3 = client(deployment, signature_version=signature_version, s3={"addressing_style": "path"})
        self.addCleanup(self.s3.close)
        self.bucket = f"boto3-post-{self._testMethodName[5:40].replace('_', '-')}".strip("-")
        self.s3.create_bucket(Bucket=self.bucket)

    def form(self, key=HARD_KEY, expires_in=60, **parts):
        # boto3 adds its own to what it is given.
        parts = copy.deepcopy(parts)
        post = self.s3.generate_presigned_post(self.bucket, key, ExpiresIn=expires_in, **parts)
        mark = {"v2": "AWSAccessKeyId", "v4": "x-amz-algorithm"}[ClientContract.deployment.version]
        self.assertIn(mark, post["fields"])
        return post["url"], post["fields"]

    @staticmethod
    def post(url, fields, body, filename="photo.jpg"):
        fields = {**fields, "file": (filename, body)}
        return urllib3.request("POST", url, fields=fields, timeout=60, retries=False, redirect=False)

    def stored(self, key=HARD_KEY):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def refusal(self, answer):
        document = ElementTree.fromstring(answer.data)
        return answer.status, document.findtext("Code"), document.findtext("Message")

    def test_a_file_comes_back(self):
        for size in [0, 1, 40_000, 70_001, 5 * MIB + 1]:
            with self.subTest(size=size):
                body = content(size)
                answer = self.post(*self.form(), body)
                self.assertEqual((answer.status, answer.data), (204, b""), answer.data)
                self.assertTrue(self.stored() == body, "the file came back as another one")

    def test_m14_every_part_may_have_the_name_of_a_file(self):
        """What `requests.post(url, files=fields)` sends."""
        for size in [5, 117_000]:
            with self.subTest(size=size):
                body = content(size)
                url, fields = self.form()
                parts = [(name, (name, value)) for name, value in fields.items()] + [("file", ("file", body))]
                answer = urllib3.request("POST", url, fields=parts, timeout=60, retries=False)
                self.assertEqual(answer.status, 204, answer.data)
                self.assertTrue(self.stored() == body, "the file came back as another one")

    def followed(self, size):
        """A form with a button behind its file, as a page sends it."""
        body = content(size)
        url, fields = self.form()
        parts = [*fields.items(), ("file", ("photo.jpg", body)), ("submit", "Upload to Amazon S3")]
        answer = urllib3.request("POST", url, fields=parts, timeout=60, retries=False)
        self.assertEqual(answer.status, 204, answer.data)
        self.assertTrue(self.stored() == body, "the file came back as another one")

    def test_m8_fields_may_follow_a_file(self):
        self.followed(40_000)

    def test_m8_fields_may_follow_a_long_file(self):
        for size in [117_000, 3 * MIB]:
            with self.subTest(size=size):
                self.followed(size)

    def test_m11_bounds_may_be_texts(self):
        conditions = [["content-length-range", "5", "10"]]
        self.assertEqual(self.post(*self.form(Conditions=conditions), b"hello").status, 204)
        answer = self.post(*self.form(Conditions=conditions), b"four")
        self.assertEqual(self.refusal(answer)[:2], (400, "EntityTooSmall"))

    def test_the_name_of_the_file_becomes_the_key(self):
        for name in ["photo.jpg", "a b+c%d é.txt"]:
            with self.subTest(name=name):
                answer = self.post(*self.form("uploads/${filename}"), b"named", name)
                self.assertEqual(answer.status, 204, answer.data)
                self.assertEqual(self.stored(f"uploads/{name}"), b"named")

    def test_fields_become_headers_of_the_object(self):
        fields = {"Content-Type": "text/x-test", "x-amz-meta-colour": "deep blue"}
        conditions = [["starts-with", "$Content-Type", "text/"], {"x-amz-meta-colour": "deep blue"}]
        answer = self.post(*self.form(Fields=fields, Conditions=conditions), b"-")
        self.assertEqual(answer.status, 204, answer.data)
        head = self.s3.head_object(Bucket=self.bucket, Key=HARD_KEY)
        self.assertEqual((head["ContentType"], head["Metadata"]), ("text/x-test", {"colour": "deep blue"}))

    def test_the_answer_is_the_one_that_was_asked_for(self):
        for status in ["200", "201", "204"]:
            with self.subTest(status=status):
                asked = {"success_action_status": status}
                answer = self.post(*self.form(Fields=asked, Conditions=[asked]), b"-")
                self.assertEqual(answer.status, int(status), answer.data)
        answer = self.post(*self.form(Fields={"success_action_status": "201"}, Conditions=[{"success_action_status": "201"}]), b"-")
        document = ElementTree.fromstring(answer.data)
        self.assertEqual(document.tag, "PostResponse")
        etag = self.s3.head_object(Bucket=self.bucket, Key=HARD_KEY)["ETag"]
        told = [document.findtext(name) for name in ["Bucket", "Key", "ETag"]]
        self.assertEqual(told, [self.bucket, HARD_KEY, etag])

    def test_the_answer_leads_on(self):
        asked = {"success_action_redirect": "https://example.com/done?x=1"}
        answer = self.post(*self.form(Fields=asked, Conditions=[asked]), b"-")
        self.assertEqual(answer.status, 303, answer.data)
        place = urllib.parse.urlsplit(answer.headers["Location"])
        told = dict(urllib.parse.parse_qsl(place.query))
        self.assertEqual((place.netloc, place.path), ("example.com", "/done"))
        self.assertEqual((told["x"], told["bucket"], told["key"]), ("1", self.bucket, HARD_KEY))

    def test_a_file_that_is_too_long_or_too_short_is_not_stored(self):
        conditions = [["content-length-range", 10, 100_000]]
        for size, code in [(9, "EntityTooSmall"), (100_001, "EntityTooLarge"), (5 * MIB, "EntityTooLarge")]:
            with self.subTest(size=size):
                answer = self.post(*self.form(Conditions=conditions), content(size))
                self.assertEqual(self.refusal(answer)[:2], (400, code))
        for size in [10, 100_000]:
            answer = self.post(*self.form("within", Conditions=conditions), content(size))
            self.assertEqual(answer.status, 204, answer.data)
        listing = self.s3.list_objects_v2(Bucket=self.bucket)
        self.assertEqual([found["Key"] for found in listing["Contents"]], ["within"])

    def test_what_the_policy_does_not_say_is_not_stored(self):
        url, fields = self.form()
        for name, value in [("key", "other"), ("acl", "public-read"), ("Content-Type", "text/html")]:
            with self.subTest(name=name):
                self.assertEqual(self.refusal(self.post(url, {**fields, name: value}, b"-"))[:2], (403, "AccessDenied"))
        status, code, message = self.refusal(self.post(*self.form(expires_in=-1), b"-"))
        self.assertEqual((status, code, message), (403, "AccessDenied", "Invalid according to Policy: Policy expired."))
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)

    def test_requests_sends_the_form(self):
        for size in [5, MIB]:
            with self.subTest(size=size):
                body = content(size)
                url, fields = self.form("uploads/${filename}", Fields={"acl": "private"}, Conditions=[{"acl": "private"}])
                # With `files=` alone every part has a file name, the fields too.
                parts = [*fields.items(), ("file", ("photo.jpg", body))]
                answer = requests.post(url, files=parts, timeout=60, allow_redirects=False)
                self.assertEqual(answer.status_code, 204, answer.text)
                self.assertTrue(self.stored("uploads/photo.jpg") == body, "the file came back as another one")

    def test_curl_sends_the_form(self):
        for size in [5, 3 * MIB]:
            with self.subTest(size=size), tempfile.NamedTemporaryFile() as file:
                body = content(size)
                file.write(body)
                file.flush()
                url, fields = self.form("curl/${filename}")
                command = ["curl", "-sS", "--fail-with-body", "-o", "-", "-w", "%{http_code}"]
                for name, value in fields.items():
                    command += ["--form-string", f"{name}={value}"]
                command += ["-F", f"file=@{file.name};filename=by curl.bin", url]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
                self.assertEqual(done.stdout, b"204", done.stderr)
                self.assertTrue(self.stored("curl/by curl.bin") == body, "the file came back as another one")
