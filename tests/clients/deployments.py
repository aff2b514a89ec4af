"""What the clients are run against. Each run of run.py starts one of `DEPLOYMENTS` for itself."""

import os
import sys
import tempfile
from pathlib import Path

from servers import Server

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
# What nodes know that verify for themselves: a request that still had the client's signature would be refused there.
NODE_ACCESS_KEY_ID = "AKIANODEEXAMPLE00000"
NODE_SECRET_ACCESS_KEY = "node+secret/of/another/key/EXAMPLE0000000"
REGION = "us-east-1"
# Where pip put it: beside the python that runs this.
RCLONE = Path(sys.executable).with_name("rclone")

CONFIGURATION = """
[[listener]]
address = "127.0.0.1:0"
domains = ["localhost"]

[signature]
versions = ["v2", "v4"]
region = "{region}"
diagnostics = true

[[credentials.key]]
access_key_id = "{access_key_id}"
secret_access_key = "{secret_access_key}"
principal = "tests"

[[cluster]]
name = "node"
dialect = "aws"
nodes = ["{node}"]
"""

TRUSTED = 'forward = "trusted"\n'
RESIGN = (
    'forward = "resign"\n'
    'sign_with = {{ dialect = "aws", version = "{}", access_key_id = "{}", secret_access_key = "{}" }}\n'
)


def without_settings():
    """Takes away what would stand between the clients and the loopback, a proxy, and the settings of this user's clients."""
    for variable in list(os.environ):
        if variable.lower().endswith("_proxy") or variable.startswith(("AWS_", "RCLONE_", "BOTO_")):
            del os.environ[variable]


class Deployment:
    """
    Servers that belong together. The clients connect to `url`, and sign with `version` of the signature process.

    `servers` are in the order in which they are stopped; the first is the one that the clients reach.
    """

    clients = None  # those that are run here; all, if nothing is said
    lacks = frozenset()  # tests that cannot pass here, with or without their class, whatever the gateway does
    s3cmd_settings = ""
    common_runtime = False  # whether AWS's common runtime signs for boto3
    region = "*"  # of the gateway: the WOS SDKs have another one than AWS's clients

    def __init__(self, binary, version):
        self.binary = Path(binary)
        self.version = version
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.servers = []
        self.start()
        self.url = self.servers[0].url

    def start(self):
        raise NotImplementedError

    def stop(self):
        """The exit status of the first server."""
        statuses = [server.stop() for server in self.servers]
        self._folder.cleanup()
        return statuses[0]

    def log_tail(self):
        return "\n".join(f"{server.name}:\n{server.log_tail()}" for server in self.servers)

    def node(self, *key):
        """The embedded node, which verifies where it is given a key."""
        self.servers.append(Server([self.binary.parent / "examples/node", self.folder / "objects", *key]))
        return self.servers[-1].address

    def gateway(self, node, forward):
        configuration = self.folder / "countersign.toml"
        written = CONFIGURATION.format(
            access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY, region=self.region, node=node
        )
        configuration.write_text(written + forward)
        self.servers.insert(0, Server([self.binary, "serve", "--config", configuration]))


# With a key, as S3 itself, the node wants to know the length of a body before it comes.
NO_HTTP_CHUNKS = "test_100_mib_are_uploaded_in_http_chunks"
# So the gateway has to tell it the length of a file ahead, which a form only has in it where the file is the last field.
NO_LONG_TAILS = "test_m8_fields_may_follow_a_long_file"


class Demo(Deployment):
    """`countersign demo`, as a newcomer starts it. What it prints is pasted while the log is still short."""

    clients = ["guide", "with_boto3", "with_rclone", "with_s3cmd"]

    def start(self):
        command = [self.binary, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        command += ["--access-key-id", ACCESS_KEY_ID, "--secret-access-key", SECRET_ACCESS_KEY]
        self.servers.append(Server(command))


class DemoV4(Demo):
    """The same, for those that begin there with version 4."""

    clients = ["with_restic", "with_s5cmd"]


class Trusted(Deployment):
    """The gateway, and behind it a node that takes unsigned requests only."""

    # The node refuses metadata of one name in two fields, which go on as they came.
    lacks = frozenset({"test_each_value_of_a_header_is_a_line"})

    def start(self):
        self.gateway(self.node(), TRUSTED)


class Resign(Deployment):
    """The gateway, and behind it a node that verifies signatures made with another key."""

    common_runtime = True
    lacks = frozenset({NO_HTTP_CHUNKS, NO_LONG_TAILS})

    def start(self):
        node = self.node(NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY)
        self.gateway(node, RESIGN.format("v4", NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY))


class ResignWithV2(Deployment):
    """The gateway, and behind it a node that is spoken to as to an old store: version 2, plain bodies."""

    clients = ["with_boto3.Boto3", "with_aws_sdk", "with_s3cmd"]
    # s3cmd begins with a region named "US", and learns the right one from the answer.
    region = REGION

    def start(self):
        node = self.node(NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY)
        self.gateway(node, RESIGN.format("v2", NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY))


class ResignToRclone(Deployment):
    """The gateway, and behind it a store of another maker, which takes plain requests signed with AWS's version 4 only."""

    clients = ["with_boto3", "with_aws_sdk", "with_wos", "with_hold_back"]
    lacks = frozenset(
        {
            NO_HTTP_CHUNKS,
            NO_LONG_TAILS,
            # The answer to a range has the status 200, and the checksum of the whole object.
            "Boto3.test_a_range_is_read",
            "Boto3.test_a_range_has_both_ends",
            "Boto3Presigned.test_a_range_is_read",
            "Boto3PresignedV4.test_a_range_is_read",
            "AwsSdk.test_a_range_is_read",
            # Parts are completed with their ETags only, and the whole has one that does not count them.
            "Boto3Presigned.test_an_object_is_uploaded_in_parts",
            "Boto3PresignedV4.test_an_object_is_uploaded_in_parts",
            "Boto3.test_the_transfer_manager_uploads_parts_at_once",
            # The names of metadata come back with capitals.
            "Boto3.test_metadata_and_content_type_come_back",
            # It panics where the whole source of a copy is percent-encoded, slash and all.
            "AwsSdk.test_an_object_is_copied",
            # The answer that begins an upload has no namespace, and another name.
            "WosGo.test_an_object_is_uploaded_in_parts",
            "WosGo.test_100_mib_are_uploaded_from_a_pipe",
            "WosJava.test_an_object_is_uploaded_in_parts",
            "WosJava.test_100_mib_are_uploaded_from_a_pipe",
        }
    )

    def start(self):
        store = self.folder / "objects"
        store.mkdir()
        key = f"{NODE_ACCESS_KEY_ID},{NODE_SECRET_ACCESS_KEY}"
        command = [RCLONE, "serve", "s3", "--config", "/dev/null", "--auth-key", key, "--addr", "127.0.0.1:0", store]
        self.servers.append(Server(command, r"Starting s3 server on \[http://([^/]+)/"))
        self.gateway(self.servers[0].address, RESIGN.format("v4", NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY))


class Direct(Deployment):
    """The node without a gateway, to tell the faults of a client or of the node from those of the gateway."""

    lacks = frozenset(
        {
            NO_HTTP_CHUNKS,
            # It says NotSignedUp.
            "test_an_unknown_key_is_refused",
            # It has another signature for `?list-type=2` in version 2, and says 403 where a life is no number from 1 to 604800.
            "test_a_listing_names_the_key",
            "test_a_life_of_no_time_is_refused",
        }
    )
    # s3cmd signs for a region named "US", which the node does not take for a name.
    s3cmd_settings = f"bucket_location = {REGION}\n"

    def start(self):
        self.node(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


# The longest first: two are run at a time.
DEPLOYMENTS = {
    "trusted-v4": (Trusted, "v4"),
    "resign-v4": (Resign, "v4"),
    "rclone-v4": (ResignToRclone, "v4"),
    "resign-with-v2": (ResignWithV2, "v4"),
    "resign-v2": (Resign, "v2"),
    "demo-v2": (Demo, "v2"),
    "demo-v4": (DemoV4, "v4"),
    "rclone-v2": (ResignToRclone, "v2"),
    "direct-v4": (Direct, "v4"),
}
# What is run when nothing is said: everything that has a gateway.
USUAL = [name for name, (kind, _) in DEPLOYMENTS.items() if kind is not Direct]
