"""The requests of the comparison: the header sets in requests/, signed when they are sent."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from urllib.parse import urlsplit

from servers import ACCESS_KEY_ID, HERE, SECRET_ACCESS_KEY

HOST = "s3.example.com"
BUCKET = "/bucket01"
BODY = b"hello from the node\n"  # of stub_node.rs
REGION = "us-east-1"


@dataclass(frozen=True)
class Request:
    """A request, and the answer that it must get."""

    name: str
    title: str
    fields: str  # the file in requests/ with its header
    version: str  # of its signature
    sent: bytes = b""
    answer: int | None = None  # the bytes of the body that the node is asked for

    @property
    def expected(self) -> bytes:
        return BODY if self.answer is None else b"x" * self.answer

    @property
    def method(self) -> str:
        return self.template.split(" ", 1)[0]

    @cached_property
    def template(self) -> str:
        path = f"{BUCKET}/{'objectkey' if self.answer is None else self.answer}"
        return (HERE / "requests" / f"{self.fields}.txt").read_text().replace("@PATH@", path).replace("@HOST@", HOST)

    def signed(self, secret_access_key: str = SECRET_ACCESS_KEY, waits: bool = True) -> bytes:
        """The bytes of the request, signed now; without `waits`, without the field that asks for a 100 Continue."""
        now = time.time()
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        values = {"DATE": formatdate(now, usegmt=True), "AMZ_DATE": amz_date, "DAY": amz_date[:8], "ACCESS_KEY_ID": ACCESS_KEY_ID}
        text = self.template
        for word, value in values.items():
            text = text.replace(f"@{word}@", value)
        line, *fields = text.splitlines()
        sign = {"v2": signature_v2, "v4": signature_v4}[self.version]
        signature = sign(line, dict(named(field) for field in fields), secret_access_key)
        if not waits:
            fields = [field for field in fields if named(field)[0] != "expect"]
        head = "\r\n".join([line, *fields]).replace("@SIGNATURE@", signature)
        return f"{head}\r\n\r\n".encode() + self.sent


def named(field: str) -> tuple[str, str]:
    name, _, value = field.partition(":")
    return name.lower(), value.strip()


def hmac_of(key: bytes, text: str, algorithm=hashlib.sha256) -> bytes:
    return hmac.new(key, text.encode(), algorithm).digest()


def signature_v2(line: str, fields: dict[str, str], secret_access_key: str) -> str:
    method, target, _ = line.split()
    amz = "".join(f"{name}:{fields[name]}\n" for name in sorted(fields) if name.startswith("x-amz-"))
    signed = "".join(f"{fields.get(name, '')}\n" for name in ("content-md5", "content-type", "date"))
    text = f"{method}\n{signed}{amz}{urlsplit(target).path}"
    return base64.b64encode(hmac_of(secret_access_key.encode(), text, hashlib.sha1)).decode()


def signature_v4(line: str, fields: dict[str, str], secret_access_key: str) -> str:
    """The requests have at most one parameter, and nothing to encode."""
    method, target, _ = line.split()
    path, query = urlsplit(target).path, urlsplit(target).query
    names = re.search("SignedHeaders=([^,]+)", fields["authorization"])[1]
    signed = "".join(f"{name}:{fields[name]}\n" for name in names.split(";"))
    canonical = "\n".join((method, path, query, signed, names, fields["x-amz-content-sha256"]))
    date = fields["x-amz-date"]
    scope = [date[:8], REGION, "s3", "aws4_request"]
    text = "\n".join(("AWS4-HMAC-SHA256", date, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_access_key}".encode()
    for part in scope:
        key = hmac_of(key, part)
    return hmac_of(key, text).hex()


PUT_BODY = b"x" * 4096
REQUESTS = (
    Request("v2", "GET, 20 bytes, version 2", "v2", "v2"),
    Request("v4", "GET, 20 bytes, version 4", "v4", "v4"),
    Request("boto3-v2", "GET of boto3, version 2", "boto3-v2", "v2"),
    Request("boto3-v4", "GET of boto3, version 4", "boto3-v4", "v4"),
    Request("js-v4", "GET of the JavaScript SDK, version 4", "js-v4", "v4"),
    Request("put-boto3-v2", "PUT of boto3, 4 KiB, version 2", "put-boto3-v2", "v2", sent=PUT_BODY),
    Request("put-boto3-v4", "PUT of boto3, 4 KiB, version 4", "put-boto3-v4", "v4", sent=PUT_BODY),
    Request("64k", "GET, 64 KiB, version 2", "v2", "v2", answer=64 << 10),
    Request("1m", "GET, 1 MiB, version 2", "v2", "v2", answer=1 << 20),
)
