"""What every client must be able to do through the gateway. A client supplies the verbs, the tests are the same for all."""

import itertools
import random

from gateway import ACCESS_KEY_ID, SECRET_ACCESS_KEY

MIB = 1024 * 1024
PART_SIZE = 5 * MIB
HARD_KEY = "a b+c%d é/ü.txt"
PERCENT_KEY = "100%25 +%2B/%20.bin"
KEYS = ["plain.txt", HARD_KEY, PERCENT_KEY, "日本語/~(tilde)'!,;=:@&$#[].txt", "which?*.txt"]


def content(size, seed=1):
    """The same bytes for the same arguments, in every run."""
    return random.Random(seed).randbytes(size)


class ClientContract:
    """
    The tests; mixed into a unittest.TestCase that supplies, for its client, the methods

    make_bucket(bucket), remove_bucket(bucket), buckets() -> set of names,
    put(bucket, key, body), get(bucket, key) -> body, get_from(bucket, key, offset) -> the rest of the body,
    size(bucket, key), keys(bucket) -> set of keys, copy(bucket, source_key, key), delete(bucket, key),
    put_in_parts(bucket, key, body) in parts of PART_SIZE,
    refusal(access_key_id, secret_access_key) -> what the client prints when it may not list the buckets.

    Every test has a bucket of its own, `self.bucket`, so that none sees the objects of another.
    """

    url = None  # of the gateway; run.py sets it
    keys_to_try = KEYS
    _numbers = itertools.count(1)

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
