"""What every client must be able to do through the gateway. A client supplies the verbs, the tests are the same for all."""

import contextlib
import hashlib
import itertools
import os
import random
import threading
import urllib.error
import urllib.request

from deployments import ACCESS_KEY_ID, SECRET_ACCESS_KEY

MIB = 1024 * 1024
PART_SIZE = 5 * MIB
HARD_KEY = "a b+c%d é/ü.txt"
PERCENT_KEY = "100%25 +%2B/%20.bin"
KEYS = ["plain.txt", HARD_KEY, PERCENT_KEY, "日本語/~(tilde)'!,;=:@&$#[].txt", "which?*.txt"]


def content(size, seed=1):
    """The same bytes for the same arguments, in every run."""
    return random.Random(seed).randbytes(size)


PIPED_SIZE = 100 * MIB
_PIPED = content(MIB)


def _piped_pieces():
    """An object of `PIPED_SIZE` bytes, no MiB of which is like another."""
    return (number.to_bytes(4, "big") + _PIPED[4:] for number in range(PIPED_SIZE // MIB))


@contextlib.contextmanager
def piped():
    """The read end of a pipe, into which `PIPED_SIZE` bytes are written."""
    read, write = os.pipe()

    def feed():
        with open(write, "wb", buffering=0) as pipe, contextlib.suppress(BrokenPipeError):
            for piece in _piped_pieces():
                while piece:
                    piece = piece[pipe.write(piece) :]

    with open(read, "rb") as source:
        feeder = threading.Thread(target=feed)
        feeder.start()
        yield source
    feeder.join()


def fetch(method, url, body=None, headers=None):
    """What a client does with a URL that knows nothing of signatures: the answer and its body."""
    # urllib gives every request with a body a Content-Type, which the signature would have to cover, unless one is set.
    headers = {"Content-Type": ""} | (headers or {}) if body is not None else headers or {}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
        return answer, answer.read()


class ClientContract:
    """
    The tests; mixed into a unittest.TestCase that supplies, for its client, the methods

    make_bucket(bucket), remove_bucket(bucket), buckets() -> set of names,
    put(bucket, key, body), get(bucket, key) -> body, get_from(bucket, key, offset) -> the rest of the body,
    size(bucket, key), keys(bucket) -> set of keys, copy(bucket, source_key, key), delete(bucket, key),
    put_in_parts(bucket, key, body) in parts of PART_SIZE,
    put_piped(bucket, key, source) where `source` is the read end of a pipe,
    presigned_get(bucket, key) -> URL,
    refusal(access_key_id, secret_access_key) -> what the client says when it may not list the buckets.

    Every test has a bucket of its own, `self.bucket`, so that none sees the objects of another.
    """

    deployment = None  # run.py sets it
    versions = ["v2", "v4"]  # of the signature process, which the client can be told to use or uses anyhow
    keys_to_try = KEYS
    _numbers = itertools.count(1)

    @property
    def url(self):
        """Where the clients connect to."""
        return self.deployment.url

    @property
    def version(self):
        """The version of the signature process that the client is to use."""
        return self.deployment.version

    def setUp(self):
        self.bucket = f"{type(self).__name__.lower()}-{next(self._numbers)}"
        self.make_bucket(self.bucket)

    def test_a_bucket_is_made_listed_and_removed(self):
        self.assertIn(self.bucket, self.buckets())
        self.remove_bucket(self.bucket)
        self.assertNotIn(self.bucket, self.buckets())

    def test_an_object_comes_back_byte_for_byte_under_every_key(self):
        for seed, key in enumerate(self.keys_to_try):
            with self.subTest(key=key):
                body = content(70_001, seed)
                self.put(self.bucket, key, body)
                self.assertEqual(self.get(self.bucket, key), body)

    def test_a_small_object_comes_back(self):
        self.put(self.bucket, HARD_KEY, b"\0")
        self.assertEqual(self.get(self.bucket, HARD_KEY), b"\0")

    def test_an_object_is_replaced(self):
        self.put(self.bucket, HARD_KEY, content(3000, 1))
        self.put(self.bucket, HARD_KEY, content(2000, 2))
        self.assertEqual(self.get(self.bucket, HARD_KEY), content(2000, 2))

    def test_a_range_is_read(self):
        body = content(10_000)
        self.put(self.bucket, HARD_KEY, body)
        self.assertEqual(self.get_from(self.bucket, HARD_KEY, 6000), body[6000:])

    def test_head_tells_the_size(self):
        self.put(self.bucket, HARD_KEY, content(12_345))
        self.assertEqual(self.size(self.bucket, HARD_KEY), 12_345)

    def test_a_listing_names_every_key(self):
        for key in self.keys_to_try:
            self.put(self.bucket, key, b"listed")
        self.assertEqual(self.keys(self.bucket), set(self.keys_to_try))

    def test_an_object_is_copied(self):
        body = content(5000)
        self.put(self.bucket, PERCENT_KEY, body)
        self.copy(self.bucket, PERCENT_KEY, HARD_KEY)
        self.assertEqual(self.get(self.bucket, HARD_KEY), body)
        self.assertEqual(self.keys(self.bucket), {PERCENT_KEY, HARD_KEY})

    def test_an_object_is_uploaded_in_parts(self):
        body = content(2 * PART_SIZE + MIB + 1)
        self.put_in_parts(self.bucket, HARD_KEY, body)
        self.assertTrue(self.get(self.bucket, HARD_KEY) == body, "the parts came back as another body")

    def test_100_mib_are_uploaded_from_a_pipe(self):
        with piped() as source:
            self.put_piped(self.bucket, HARD_KEY, source)
        self.assertEqual(self.size(self.bucket, HARD_KEY), PIPED_SIZE)
        written = hashlib.sha256()
        for piece in _piped_pieces():
            written.update(piece)
        read = hashlib.sha256(self.get(self.bucket, HARD_KEY))
        self.assertEqual(read.hexdigest(), written.hexdigest())

    def test_a_presigned_url_is_fetched(self):
        body = content(5000)
        self.put(self.bucket, HARD_KEY, body)
        url = self.presigned_get(self.bucket, HARD_KEY)
        self.assertEqual(fetch("GET", url)[1], body)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch("DELETE", url)
        with refused.exception as answer:
            self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", answer.read())

    def test_an_object_is_deleted(self):
        kept, *deleted = self.keys_to_try
        for key in self.keys_to_try:
            self.put(self.bucket, key, b"-")
        for key in deleted:
            self.delete(self.bucket, key)
        self.assertEqual(self.keys(self.bucket), {kept})

    def test_a_wrong_secret_is_refused(self):
        self.assertIn("SignatureDoesNotMatch", self.refusal(ACCESS_KEY_ID, SECRET_ACCESS_KEY.lower()))

    def test_an_unknown_key_is_refused(self):
        self.assertIn("InvalidAccessKeyId", self.refusal("AKIAUNKNOWNEXAMPLE00", SECRET_ACCESS_KEY))
