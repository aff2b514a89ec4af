"""The gateway under test: `countersign demo` as a child process, with the embedded node behind it."""

import os
import signal
import subprocess
import tempfile
import threading

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
START_SECONDS = 30
# Longer than the grace period, within which the gateway has to end by itself.
STOP_SECONDS = 60


class Gateway:
    """One running `countersign demo`. `url` is where it listens; `stop` ends it and gives its exit status."""

    def __init__(self, binary):
        self.log = tempfile.TemporaryFile()
        command = [binary, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        command += ["--access-key-id", ACCESS_KEY_ID, "--secret-access-key", SECRET_ACCESS_KEY]
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True
            )
        except OSError as error:
            raise SystemExit(f"cannot start the gateway: {error}; `cargo build` makes it") from error
        self.url = self._listening_url()

    def _listening_url(self):
        prefix = "listening on "
        deadline = threading.Timer(START_SECONDS, self.process.kill)
        deadline.start()
        try:
            for line in self.process.stdout:
                if line.startswith(prefix + "http://"):
                    return line.removeprefix(prefix).strip()
            status = self.process.wait()
        finally:
            deadline.cancel()
        raise SystemExit(
            f"the gateway ended with status {status} (-9: killed after {START_SECONDS} s) and had not said "
            f"`{prefix}http://…`; its log:\n{self.log_tail()}"
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return f"still running {STOP_SECONDS} s after SIGTERM"
        return self.process.returncode

    def log_tail(self, size=8000):
        """The end of what the gateway wrote to stderr."""
        end = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, end - size))
        return self.log.read().decode(errors="replace")
