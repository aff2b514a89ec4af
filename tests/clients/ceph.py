"""Ceph's object store: a monitor, one storage daemon that keeps all in memory, and radosgw, on free ports of the loopback."""

import contextlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

# The daemons need seconds; a machine with other work may be slow.
START_SECONDS = 120
STOP_SECONDS = 30
MEMORY = "/dev/shm"

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
pid file =
# One storage daemon has every object once.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
# The free space of this machine is not the tests' affair.
mon data avail crit = 1
mon data avail warn = 2

[mon]
mon data = {folder}/mon

[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
# It would ask the monitor for these too early at times, and fall over the answer.
osd crush update on start = false
osd class update on start = false
osd class load list = *
osd class default list = *

[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{rgw_port}
rgw dns name = localhost
# With more threads Debian's build falls over its first form at times.
rgw thread pool size = 1
# Keys of the client may come without TLS, which ends before radosgw in operation.
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
rgw enable static website = true
rgw enable usage log = true
"""


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Ceph:
    """
    A running cluster with one user, who has every one of `keys`, pairs of an access key id and its secret.

    `address` is radosgw's, as host:port. `stop` ends the daemons, each by its process id, and removes all that they wrote.
    """

    def __init__(self, keys):
        # In memory where the machine has a file system for that.
        self._folder = tempfile.TemporaryDirectory(dir=MEMORY if Path(MEMORY).is_dir() else None, prefix="ceph-")
        self.folder = Path(self._folder.name)
        self._daemons = []
        try:
            self._start(keys)
        except BaseException:
            self.stop()
            raise

    def _start(self, keys):
        fsid, mon_port, rgw_port = uuid.uuid4(), _free_port(), _free_port()
        self.address = f"127.0.0.1:{rgw_port}"
        self._configuration = self.folder / "ceph.conf"
        self._configuration.write_text(
            CONFIGURATION.format(fsid=fsid, folder=self.folder, mon_port=mon_port, rgw_port=rgw_port)
        )
        monmap = self.folder / "monmap"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{mon_port}]", monmap)
        self._run("ceph-mon", "--id", "a", "--mkfs", "--monmap", monmap)
        self._daemon("ceph-mon", "--id", "a")

        osd = uuid.uuid4()
        (self.folder / "osd").mkdir()
        self._run("ceph", "osd", "new", osd)
        self._run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", osd)
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=here", "root=default")
        storage = self._daemon("ceph-osd", "--id", "0")
        self._wait_for(storage, lambda: b'"num_up_osds":1' in self._run("ceph", "osd", "stat", "--format", "json"))

        # It creates its pools, for which it needs the storage daemon.
        self._start_radosgw()
        (first, secret), *others = keys
        user = ["radosgw-admin", "--name", "client.rgw"]
        self._run(*user, "user", "create", "--uid=tests", "--display-name=tests", "--max-buckets=0", f"--access-key={first}", f"--secret={secret}")
        for access_key_id, secret in others:
            self._run(*user, "key", "create", "--uid=tests", "--key-type=s3", f"--access-key={access_key_id}", f"--secret={secret}")

    def _start_radosgw(self):
        self._radosgw = self._daemon("radosgw", "--name", "client.rgw")
        self._wait_for(self._radosgw, self._answers)

    def revive(self):
        """Starts radosgw again if it has fallen over; whether it had."""
        if self._radosgw.poll() is None:
            return False
        print(f"radosgw fell over with status {self._radosgw.returncode}, and is started again", flush=True)
        self._daemons.remove(self._radosgw)
        self._start_radosgw()
        return True

    def restart(self):
        """Starts radosgw again."""
        self._radosgw.terminate()
        self._radosgw.wait(STOP_SECONDS)
        self._daemons.remove(self._radosgw)
        self._start_radosgw()

    def _command(self, program, words):
        return [program, "--conf", str(self._configuration), *map(str, words)]

    def _run(self, program, *words):
        # The one program that has no use for the cluster's configuration does not take the option.
        command = self._command(program, words) if program != "monmaptool" else [program, *map(str, words)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_SECONDS
        )
        if done.returncode != 0:
            raise SystemExit(f"exit status {done.returncode} of {' '.join(command)}:\n{done.stdout.decode(errors='replace')}")
        return done.stdout

    def _daemon(self, program, *words):
        output = (self.folder / f"{program}.out").open("wb")
        command = self._command(program, [*words, "--foreground"])
        self._daemons.append(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self.folder)
        )
        output.close()
        return self._daemons[-1]

    def _answers(self):
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://{self.address}/", timeout=5).close()
            return True

    def _wait_for(self, daemon, is_ready):
        # They say on no stream that they are ready: there is nothing to wait for but an answer.
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if daemon.poll() is not None:
                raise SystemExit(f"{daemon.args[0]} ended with status {daemon.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{daemon.args[0]} was not ready within {START_SECONDS} s:\n{self.log_tail()}")
            time.sleep(0.1)

    def log_tail(self, size=4000):
        """The ends of what the daemons wrote."""
        return "\n".join(
            f"{path.name}:\n{path.read_bytes()[-size:].decode(errors='replace')}"
            for path in sorted([*self.folder.glob("*.out"), *self.folder.glob("*.log")])
        )

    def stop(self):
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in reversed(self._daemons):
            try:
                daemon.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        self._folder.cleanup()
