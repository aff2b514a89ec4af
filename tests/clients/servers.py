"""The servers under test, as child processes."""

import os
import signal
import subprocess
import tempfile
import threading

START_SECONDS = 30
# Longer than the grace period, within which the gateway has to end by itself.
STOP_SECONDS = 60


class Server:
    """A running program that says `listening on URL`. `url` is that URL; `stop` ends it and gives its exit status."""

    def __init__(self, command, environment=None):
        self.name = os.path.basename(str(command[0]))
        self.log = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                env=os.environ | (environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
            )
        except OSError as error:
            raise SystemExit(f"cannot start {self.name}: {error}; `cargo build --examples --bins` makes it") from error
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
            f"{self.name} ended with status {status} (-9: killed after {START_SECONDS} s) and had not said "
            f"`{prefix}http://…`; its log:\n{self.log_tail()}"
        )

    @property
    def address(self):
        """`host:port`"""
        return self.url.removeprefix("http://")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return f"still running {STOP_SECONDS} s after SIGTERM"
        return self.process.returncode

    def log_tail(self, size=8000):
        """The end of what the program wrote to stderr."""
        end = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, end - size))
        return self.log.read().decode(errors="replace")
