"""
WOS-HMAC-SHA256 as the vendor's SDKs for Go and Java make it, which in places is not as it is documented.

Both put the ISO stamp into `Date` and sign that, send no `x-wos-date`, say UNSIGNED-PAYLOAD of every body, sign values
untrimmed and each value of a header on a line of its own, and separate the parts of `Authorization` without a blank.
"""

import hashlib
import hmac
import time
from urllib.parse import quote

REGION = "default-region"
ALGORITHM = "WOS-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class GoSdk:
    """Signs the Host with the port of the scheme, and sends an equals sign behind every parameter."""

    signed_port = ":80"
    safe_in_names = "-_.~"

    def __init__(self, access_key_id, secret_access_key):
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key

    def escape(self, text, safe=""):
        return quote(text, safe=self.safe_in_names + safe)

    def path(self, bucket, key):
        return f"/{bucket}/{self.escape(key, '/')}" if bucket else "/"

    presigned_path = path

    def query(self, parameters):
        """The query string as it is sent."""
        return self.signed_query(parameters)

    def signed_query(self, parameters):
        return "&".join(f"{self.escape(name)}={self.escape(value)}" for name, value in sorted(parameters.items()))

    def signed_host(self, host):
        return host + self.signed_port

    def _signature(self, method, path, query, headers, stamp):
        names = ";".join(sorted({name for name, _ in headers}))
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers, key=lambda header: header[0]))
        request = "\n".join([method, path, query, lines, names, UNSIGNED])
        scope = self._scope(stamp)
        text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = ("WOS" + self.secret_access_key).encode()
        for word in scope.split("/"):
            key = _hmac(key, word)
        return names, _hmac(key, text).hex()

    @staticmethod
    def _scope(stamp):
        return f"{stamp[:8]}/{REGION}/wos/wos_request"

    @staticmethod
    def stamp():
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    def signed(self, method, bucket, key, parameters, headers, host):
        """The target and the header fields to send."""
        stamp = self.stamp()
        fields = [*headers, ("date", stamp), ("x-wos-content-sha256", UNSIGNED)]
        path = self.path(bucket, key)
        to_sign = [*fields, ("host", self.signed_host(host))]
        names, signature = self._signature(method, path, self.signed_query(parameters), to_sign, stamp)
        credential = f"{self.access_key_id}/{self._scope(stamp)}"
        authorization = f"{ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}"
        query = self.query(parameters)
        target = path + ("?" + query if query else "")
        return target, [("host", host), *fields, ("authorization", authorization)]

    def presigned(self, method, bucket, key, host, seconds=60):
        """The target of a URL."""
        stamp = self.stamp()
        parameters = {
            "X-Wos-Algorithm": ALGORITHM,
            "X-Wos-Credential": f"{self.access_key_id}/{self._scope(stamp)}",
            "X-Wos-Date": stamp,
            "X-Wos-Expires": str(seconds),
            "X-Wos-SignedHeaders": "host",
        }
        path = self.presigned_path(bucket, key)
        query = self.signed_query(parameters)
        _, signature = self._signature(method, path, query, [("host", self.signed_host(host))], stamp)
        return f"{path}?{query}&X-Wos-Signature={signature}"


class JavaSdk(GoSdk):
    """Sends a parameter without a value as its name alone, signs it with `=`, and escapes as java.net.URLEncoder does."""

    signed_port = ""
    safe_in_names = "-_.*"

    def escape(self, text, safe=""):
        # Python never escapes a tilde.
        return super().escape(text, safe).replace("~", "%7E")

    def presigned_path(self, bucket, key):
        return f"/{bucket}/{self.escape(key)}"

    def query(self, parameters):
        pairs = sorted(parameters.items())
        return "&".join(self.escape(name) + ("=" + self.escape(value) if value else "") for name, value in pairs)
