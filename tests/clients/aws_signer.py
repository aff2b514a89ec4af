"""AWS4-HMAC-SHA256 in the header, and the signatures of chunks and trailers, by the documentation alone."""

import hashlib
import hmac
import time

EMPTY = hashlib.sha256(b"").hexdigest()


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class SignedPut:
    """A PUT of a path that needs no escapes: `headers` has all that is to be sent, `chain` signs what follows."""

    def __init__(self, key, host, path, payload, headers, region="us-east-1"):
        access_key_id, secret_access_key = key
        self.stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.scope = f"{self.stamp[:8]}/{region}/s3/aws4_request"
        self._key = ("AWS4" + secret_access_key).encode()
        for word in self.scope.split("/"):
            self._key = _hmac(self._key, word)

        fields = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": self.stamp} | headers
        names = ";".join(sorted(fields))
        lines = "".join(f"{name}:{fields[name]}\n" for name in sorted(fields))
        request = "\n".join(["PUT", path, "", lines, names, payload])
        text = ["AWS4-HMAC-SHA256", self.stamp, self.scope, hashlib.sha256(request.encode()).hexdigest()]
        self._previous = self._sign(text)
        credential = f"Credential={access_key_id}/{self.scope}, SignedHeaders={names}, Signature={self._previous}"
        self.headers = fields | {"authorization": f"AWS4-HMAC-SHA256 {credential}"}

    def _sign(self, lines):
        return _hmac(self._key, "\n".join(lines)).hex()

    def chunk(self, piece):
        """The next chunk with its signature."""
        digest = hashlib.sha256(piece).hexdigest()
        self._previous = self._sign(
            ["AWS4-HMAC-SHA256-PAYLOAD", self.stamp, self.scope, self._previous, EMPTY, digest]
        )
        return b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), self._previous.encode(), piece)

    def trailer(self, name, value):
        """The trailer after the last chunk, with its signature."""
        digest = hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()
        signature = self._sign(["AWS4-HMAC-SHA256-TRAILER", self.stamp, self.scope, self._previous, digest])
        return f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
