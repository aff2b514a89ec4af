"""Writes the vectors of the toy, signed with Python's own hmac: `python3 crates/countersign-sig/tests/vendor/sign.py`.

The rules are those of AWS Signature Version 2 and 4 with the names of `toy.rs` in the place of Amazon's.
"""

import base64
import hashlib
import hmac
import pathlib
import urllib.parse

ID, SECRET = "TOYIDEXAMPLE", "toy/secret+example"
HOST, PATH = "s3.toy.example", "/kiln01/bowl.jpg"
EMPTY = hashlib.sha256(b"").hexdigest()
DATE, STAMP = "Tue, 27 Mar 2007 19:36:42 GMT", "20070327T193642Z"
SOURCE = "crates/countersign-sig/tests/vendor/sign.py"


def v2(text):
    return base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()


def write(name, form, request, text, signature, follows="true", canonical=None, notes=""):
    folder = pathlib.Path(__file__).parent / "vectors" / name
    folder.mkdir(parents=True, exist_ok=True)
    key = f'''access_key_id = "{ID}"
secret_access_key = "{SECRET}"
dialect = "toy"
form = "{form}"
domains = ["{HOST}"]
custom_domains = []
now = "{DATE}"
reproduces = true
follows_the_rules = {follows}
source = "{SOURCE}"
notes = "{notes}"
'''
    files = {
        "key.toml": key,
        "request.txt": "\n".join(request) + "\n\n",
        "string-to-sign.txt": text + "\n",
        "signature.txt": signature + "\n",
    }
    if canonical is not None:
        files["canonical-request.txt"] = canonical + "\n"
    for file, content in files.items():
        (folder / file).write_text(content)


def header(name, text, **more):
    """A GET with a sub-resource and a header of the toy."""
    signature = v2(text)
    request = [
        f"GET {PATH}?glaze=blue HTTP/1.1",
        f"Host: {HOST}",
        f"Date: {DATE}",
        "x-toy-meta-kiln: 7",
        f"Authorization: TOY {ID}:{signature}",
    ]
    write(name, "header", request, text, signature, **more)


header("toy-v2-header", f"GET\n\n\n{DATE}\nx-toy-meta-kiln:7\n{PATH}?glaze=blue")
header(
    "toy-v2-header-without-sub-resource",
    f"GET\n\n\n{DATE}\nx-toy-meta-kiln:7\n{PATH}",
    follows="false",
    notes="Signed as if glaze were an ordinary parameter, as it is for every other vendor.",
)

expires = 1175024262  # a minute after DATE
text = f"GET\n\n\n{expires}\n{PATH}"
query = urllib.parse.urlencode({"TOYAccessKeyId": ID, "Expires": expires, "Signature": v2(text)})
write("toy-v2-query", "query", [f"GET {PATH}?{query} HTTP/1.1", f"Host: {HOST}"], text, v2(text))

signed = "host;x-toy-content-sha256;x-toy-date"
canonical = f"GET\n{PATH}\n\nhost:{HOST}\nx-toy-content-sha256:{EMPTY}\nx-toy-date:{STAMP}\n\n{signed}\n{EMPTY}"
scope = f"{STAMP[:8]}/toy-1/toy/toy_request"
text = f"TOY-HMAC-SHA256\n{STAMP}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
key = ("TOY" + SECRET).encode()
for part in scope.split("/"):
    key = hmac.digest(key, part.encode(), "sha256")
signature = hmac.digest(key, text.encode(), "sha256").hex()
request = [
    f"GET {PATH} HTTP/1.1",
    f"Host: {HOST}",
    f"x-toy-content-sha256: {EMPTY}",
    f"x-toy-date: {STAMP}",
    f"Authorization: TOY-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={signed}, Signature={signature}",
]
write("toy-v4-header", "header", request, text, signature, canonical=canonical)
