"""
What boto3 can ask of a store, feature by feature: each test is one, asks for it and looks at what became of it.

The tests suppose nothing of a gateway: radosgw.py runs them at a store directly and through gateways, and compares.
"""

import unittest

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

from contract import HARD_KEY, PERCENT_KEY
from deployments import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

# In answers: what no two requests have alike.
VOLATILE_HEADERS = {"connection", "content-length", "date", "keep-alive", "last-modified", "server", "transfer-encoding"}
VOLATILE_HEADERS |= {"x-amz-request-id", "x-amz-id-2", "x-amz-version-id", "x-amz-abort-date", "x-amz-expiration"}
VOLATILE_HEADERS |= {"x-amz-server-side-encryption-context"}
VOLATILE_FIELDS = {"ResponseMetadata", "RequestId", "HostId", "UploadId", "VersionId", "NextVersionIdMarker", "AbortDate"}
VOLATILE_FIELDS |= {"NextContinuationToken", "DeleteMarkerVersionId", "CopySourceVersionId", "Expiration", "NextUploadIdMarker"}
VOLATILE_FIELDS |= {"SSEKMSEncryptionContext"}


def _plain(value, bucket):
    """An answer as boto3 has read it, without what no two requests have alike."""
    if isinstance(value, dict):
        return {name: _plain(of_name, bucket) for name, of_name in value.items() if name not in VOLATILE_FIELDS}
    if isinstance(value, list):
        return [_plain(of_list, bucket) for of_list in value]
    if isinstance(value, str):
        return value.replace(bucket, "BUCKET")
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return type(value).__name__


class Feature(unittest.TestCase):
    """`url` is where the store, or a gateway in front of it, listens; `place` tells it from the others in a bucket's name."""

    url = None
    place = None
    # Of the buckets.
    numbers = None
    # The version of the signature process, in botocore's words.
    version = "s3v4"
    # Makes sure that the store is there.
    revive = staticmethod(lambda: None)
    # Answers by test: the operation, its status, the header and the document.
    answers = None

    def setUp(self):
        self.revive()
        self.bucket = f"{self.place}-{next(self.numbers):04}"
        self.s3 = self.client()
        self.make_bucket(self.bucket)

    def client(self, **config):
        """A client with boto3's defaults, but for its addresses, in path style; it does not try again, which would hide a failure."""
        return self.client_at(self.url, **config)

    def client_at(self, url, **config):
        config = {"signature_version": self.version, "retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}} | config
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(**config),
        )
        s3.meta.events.register("after-call.s3", self._keep)
        self.addCleanup(s3.close)
        return s3

    def _keep(self, http_response, parsed, model, **_):
        if "Error" in parsed:
            # Whoever refuses, a store or a gateway, has other words for it.
            status, code = http_response.status_code, parsed["Error"].get("Code")
            self.answers.setdefault(self.id(), []).append((model.name, status, code))
            return
        header = {
            name.lower(): value.replace(self.bucket, "BUCKET")
            for name, value in http_response.headers.items()
            if name.lower() not in VOLATILE_HEADERS
        }
        kept = self.answers.setdefault(self.id(), [])
        kept.append((model.name, http_response.status_code, header, _plain(parsed, self.bucket)))

    def make_bucket(self, name):
        # Nothing is cleared away: the store is thrown away when all is done.
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, key=HARD_KEY, body=b"content", **arguments):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **arguments)

    def get(self, key=HARD_KEY, **arguments):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **arguments)["Body"].read()

    def head(self, key=HARD_KEY, **arguments):
        return self.s3.head_object(Bucket=self.bucket, Key=key, **arguments)

    def copy(self, source=PERCENT_KEY, **arguments):
        source = {"Bucket": self.bucket, "Key": source}
        return self.s3.copy_object(**{"Bucket": self.bucket, "Key": HARD_KEY, "CopySource": source} | arguments)

    def names(self, **arguments):
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket, **arguments).get("Contents", [])]

    def refused(self, status, operation, **arguments):
        with self.assertRaises(ClientError) as refused:
            operation(**arguments)
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], status)

    def presign(self, operation, s3=None, bucket=None, **parameters):
        parameters = {"Bucket": bucket or self.bucket, "Key": HARD_KEY} | parameters
        return (s3 or self.s3).generate_presigned_url(operation, Params=parameters, ExpiresIn=300)
