"""The servers under test, as child processes."""

import os
import re
import signal
import subprocess
import tempfile
import threading

START_SECONDS = 30
# Longer than the grace period, within which the gateway has to end by itself.
STOP_SECONDS = 60


class Server:
    """
    A running program. `url` is where it listens, as it says on stdout or stderr in a line that `says` matches: its first
    group is `host:port`. `stop` ends it and gives its exit status.
    """

    def __init__(self, command, says=r"listening on http://(\S+)"):
        self.name = os.path.basename(str(command[0]))
        self.says = says
        self.log = tempfile.TemporaryFile()
        self._logged = threading.Condition(threading.RLock())
        try:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise SystemExit(f"cannot start {self.name}: {error}; `cargo build --examples --bins` makes it") from error
        self.address = self._listening_address()
        self.url = f"http://{self.address}"
        self._reader = threading.Thread(target=self._keep_log, daemon=True)
        self._reader.start()

    def _keep_log(self):
        for line in self.process.stdout:
            with self._logged:
                self.log.write(line)
                self._logged.notify_all()

    def said_until(self, end):
        """All that the program has written, which has `end` in it."""
        with self._logged:
            if not self._logged.wait_for(lambda: end in self.log_tail(), START_SECONDS):
                raise AssertionError(f"{self.name} did not say {end!r} within {START_SECONDS} s, but:\n{self.log_tail()}")
            return self.log_tail()

    def _listening_address(self):
        deadline = threading.Timer(START_SECONDS, self.process.kill)
        deadline.start()
        try:
            for line in self.process.stdout:
                self.log.write(line)
                if found := re.search(self.says, line.decode(errors="replace")):
                    return found[1]
            status = self.process.wait()
        finally:
            deadline.cancel()
        raise SystemExit(
            f"{self.name} ended with status {status} (-9: killed after {START_SECONDS} s) and had not said "
            f"`{self.says}`; its log:\n{self.log_tail()}"
        )

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"still running {STOP_SECONDS} s after SIGTERM"
        finally:
            self._reader.join()
            self.process.stdout.close()
        return self.process.returncode

    def log_tail(self, size=8000):
        """The end of what the program wrote."""
        with self._logged:
            end = self.log.seek(0, os.SEEK_END)
            self.log.seek(max(0, end - size))
            return self.log.read().decode(errors="replace")
