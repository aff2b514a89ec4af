"""aws4fetch, which signs `%20` for a blank in a query and sends it as `+`: npm/aws4fetch.mjs sends one request."""

import unittest
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

from contract import HARD_KEY, PERCENT_KEY, ClientContract, content, fetch
from node_programs import node
from with_curl import TEXT


class Aws4fetch(unittest.TestCase):
    versions = ["v4"]

    def setUp(self):
        self.url = ClientContract.deployment.url
        self.bucket = f"aws4fetch-{self._testMethodName[5:40].replace('_', '-')}".strip("-")
        self.request("PUT", f"/{self.bucket}")

    def request(self, method, path, *fields, stdin=b""):
        return node("aws4fetch", self.url, method, self.url + path, *fields, stdin=stdin).stdout

    def path(self, key):
        return f"/{self.bucket}/{quote(key)}"

    def keys(self, query):
        document = ElementTree.fromstring(self.request("GET", f"/{self.bucket}?{query}"))
        return {found.text for found in document.iter(TEXT + "Key")}

    def test_an_object_comes_back(self):
        for key in ["plain.txt", HARD_KEY, PERCENT_KEY]:
            with self.subTest(key=key):
                self.request("PUT", self.path(key), "x-amz-meta-colour: deep blue", stdin=content(70_001))
                self.assertEqual(self.request("GET", self.path(key)), content(70_001))

    def test_a_listing_of_a_prefix_with_a_blank(self):
        for key in ["a b/1", "a+b/2", "a b+c"]:
            self.request("PUT", self.path(key), stdin=b"-")
        for listing in ["list-type=2", "delimiter="]:
            with self.subTest(listing=listing):
                self.assertEqual(self.keys(f"{listing}&prefix=a%20b"), {"a b/1", "a b+c"})
                self.assertEqual(self.keys(f"{listing}&prefix=a%2Bb"), {"a+b/2"})

    def test_a_presigned_url_is_fetched(self):
        self.request("PUT", self.path(HARD_KEY), stdin=b"presigned")
        disposition = quote('attachment; filename="a b.txt"')
        url = self.url + self.path(HARD_KEY) + f"?response-content-disposition={disposition}"
        answer, body = fetch("GET", node("aws4fetch", self.url, "sign", "GET", url).stdout.decode().strip())
        self.assertEqual((body, answer.headers["Content-Disposition"]), (b"presigned", 'attachment; filename="a b.txt"'))
