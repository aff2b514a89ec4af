"""Measurements of a server: its responses, its throughput, its CPU time and its instructions."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from servers import HERE, Failure, Machine, Server, free_address, running, tool

BUCKET_HOST = "s3.example.com"
PATH = "/bucket01/objectkey"
BODY = b"hello from the node\n"  # of stub_node.rs
CONNECTIONS = 64
WARM_UP = "1s"
# The requests of two runs: the cost of start, stop and the first requests cancels out in the difference.
COUNTED_REQUESTS = (500, 2500)
# Callgrind and single steps count a block copy with `rep movsb` once for every byte, which is 8,000 too many for one request
# through Pingora. Without that instruction glibc copies 32 bytes at a time.
PLAIN_COPIES = ["env", "GLIBC_TUNABLES=glibc.cpu.hwcaps=-ERMS"]
CALLGRIND = [*PLAIN_COPIES, "valgrind", "--quiet", "--tool=callgrind"]
# A step takes about 60 microseconds, a request seconds. One-time work of the first requests must be done before.
REQUESTS_BEFORE_STEPS = 300
STEPPED_REQUESTS = 8

Headers = dict[str, str]


@dataclass(frozen=True)
class Load:
    """One run of wrk against one server."""

    requests: int
    seconds: float
    cpu_seconds: float
    counted: int | None  # instructions in user space, where perf can count them

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds * 1e6 / self.requests

    @property
    def instructions(self) -> float | None:
        return self.counted / self.requests if self.counted is not None else None

    @property
    def core_busy(self) -> float:
        return self.cpu_seconds / self.seconds


def request(listen: str, headers: Headers) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(listen, timeout=30)
    try:
        return exchange(connection, headers)
    finally:
        connection.close()


def exchange(connection: http.client.HTTPConnection, headers: Headers) -> tuple[int, bytes]:
    try:
        connection.putrequest("GET", PATH, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"a request to it failed: {error!r}") from error


def check_answers(server: Server, listen: str, signed: Headers, forged: Headers) -> None:
    """Checks that the valid request gets the node's response and that a wrong signature does not."""
    if (answer := request(listen, signed)) != (200, BODY):
        raise Failure(f"the signed request should get 200 and {BODY!r}, but it got {answer}")
    if server.checks_signature and (answer := request(listen, forged))[0] != 403:
        raise Failure(f"a request with a wrong signature should get 403, but it got {answer}")


def repeat(connection: http.client.HTTPConnection, headers: Headers, number: int) -> None:
    """Requests, one after the other, on one connection."""
    for _ in range(number):
        if (answer := exchange(connection, headers)) != (200, BODY):
            raise Failure(f"a request gets {answer} while its instructions are counted")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(machine: Machine, server: Server, seconds: int, signed: Headers, forged: Headers, perf: bool) -> Load:
    listen = free_address()
    with running(server.command(machine, listen), listen, machine.proxy_core) as process:
        check_answers(server, listen, signed, forged)
        wrk(machine, listen, WARM_UP, signed, [])
        counted = machine.work / "perf.csv"
        prefix = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", str(counted), "-p", str(process.pid)]
        before = cpu_seconds(process.pid)
        requests, took = wrk(machine, listen, f"{seconds}s", signed, prefix if perf else [])
        used = cpu_seconds(process.pid) - before
    return Load(requests, took, used, perf_count(counted.read_text()) if perf else None)


def wrk(machine: Machine, listen: str, duration: str, signed: Headers, prefix: list[str]) -> tuple[int, float]:
    """Requests and seconds of one run; a failed request invalidates the run."""
    header_file = machine.work / "headers.txt"
    header_file.write_text("".join(f"{name}: {value}\n" for name, value in signed.items()))
    options = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", duration, "--script", f"{HERE}/replay.lua"]
    command = [*prefix, "taskset", "--cpu-list", machine.load_cores, "wrk", *options]
    ran = subprocess.run([*command, f"http://{listen}{PATH}", "--", header_file], capture_output=True, text=True)
    done = re.search(r"^done (\d+) (\d+) (\d+)$", ran.stdout, re.MULTILINE)
    if ran.returncode != 0 or done is None:
        raise Failure(f"wrk ended with status {ran.returncode}: {ran.stdout}{ran.stderr}")
    requests, microseconds, failed = map(int, done.groups())
    if failed or not requests:
        raise Failure(f"{failed} of {requests} requests failed under load: {ran.stdout}")
    return requests, microseconds / 1e6


def perf_can_count() -> bool:
    """Whether perf can count instructions here; not on most virtual machines."""
    if not tool("perf"):
        return False
    ran = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True)
    return ran.returncode == 0 and perf_count(ran.stderr) is not None


def perf_count(output: str) -> int | None:
    found = re.search(r"^(\d+),", output, re.MULTILINE)
    return int(found[1]) if found else None


class Steps:
    """Counts the instructions of a process one by one, with steps.py."""

    def __init__(self, pid: int) -> None:
        command = [sys.executable, f"{HERE}/steps.py", str(pid)]
        self.counter = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self) -> "Steps":
        self.line()  # once it counts
        return self

    def __exit__(self, *_) -> None:
        self.counter.terminate()
        self.counter.wait()

    def line(self) -> int:
        if not (line := self.counter.stdout.readline()):
            raise Failure("steps.py cannot count")
        return int(line)

    def settled(self) -> int:
        """The count once it is stable: a server still works after its response."""
        before = None
        while True:
            self.counter.send_signal(signal.SIGUSR1)
            if (now := self.line()) == before:
                return now
            before = now
            time.sleep(0.3)


def steps_can_count() -> bool:
    """Whether ptrace is allowed here."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            with Steps(other.pid) as steps:
                steps.settled()
            return True
        except Failure:
            return False
        finally:
            other.kill()


def stepped_instructions(machine: Machine, server: Server, signed: Headers, forged: Headers) -> float:
    """User-space instructions per request, single-stepped on one keep-alive connection."""
    listen = free_address()
    with running([*PLAIN_COPIES, *server.command(machine, listen)], listen, machine.proxy_core) as process:
        check_answers(server, listen, signed, forged)
        connection = http.client.HTTPConnection(listen, timeout=600)
        repeat(connection, signed, REQUESTS_BEFORE_STEPS)
        with Steps(process.pid) as steps:
            repeat(connection, signed, 1)
            before = steps.settled()
            repeat(connection, signed, STEPPED_REQUESTS)
            counted = steps.settled() - before
        connection.close()
    return counted / STEPPED_REQUESTS


def callgrind_instructions(machine: Machine, server: Server, signed: Headers, forged: Headers) -> float:
    """User-space instructions per request, counted by callgrind on one keep-alive connection."""
    fewer, more = (callgrind_run(machine, server, signed, forged, number) for number in COUNTED_REQUESTS)
    return (more - fewer) / (COUNTED_REQUESTS[1] - COUNTED_REQUESTS[0])


def callgrind_run(machine: Machine, server: Server, signed: Headers, forged: Headers, number: int) -> int:
    listen = free_address()
    counted = machine.work / f"callgrind-{server.name}.out"
    callgrind = [*CALLGRIND, f"--callgrind-out-file={counted}"]
    with running([*callgrind, *server.command(machine, listen)], listen, machine.proxy_core):
        check_answers(server, listen, signed, forged)
        connection = http.client.HTTPConnection(listen, timeout=60)
        repeat(connection, signed, number)
        connection.close()
    found = re.search(r"^(?:summary|totals): (\d+)$", counted.read_text(), re.MULTILINE)
    if found is None:
        raise Failure(f"callgrind left no count in {counted}")
    return int(found[1])
