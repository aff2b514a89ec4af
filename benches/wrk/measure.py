"""Measurements of a server under load: its responses, its throughput and its CPU time."""

import http.client
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sent import Request
from servers import HERE, Failure, Machine, Server, free_address, running, tool

CONNECTIONS = 64
WARM_UP = "1s"
WRK_TIMEOUT = 30  # seconds; of its two, 64 answers of 1 MiB need more on a busy machine
ANSWER_SECONDS = 600  # when the server is stepped through


@dataclass(frozen=True)
class Row:
    """One row of the tables: a server and what is sent through it."""

    server: Server
    request: Request

    @property
    def name(self) -> str:
        return f"{self.server.name}-{self.request.name}"


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


class Client:
    """One keep-alive connection."""

    def __init__(self, listen: str) -> None:
        host, port = listen.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def exchange(self, method: str, sent: bytes) -> tuple[int, bytes]:
        try:
            self.socket.sendall(sent)
            response = http.client.HTTPResponse(self.socket, method=method)
            response.begin()  # passes over a 100 Continue
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"a request to it failed: {error!r}") from error

    def repeat(self, request: Request, number: int) -> None:
        """Requests, one after the other."""
        sent = request.signed()
        for _ in range(number):
            status, body = self.exchange(request.method, sent)
            if (status, body) != (200, request.expected):
                raise Failure(f"a request gets {status} and {shown(body)} while its cost is counted")


def shown(body: bytes) -> str:
    return f"{len(body)} bytes, {body[:200]!r}"


def check_answers(row: Row, listen: str) -> None:
    """Checks that the valid request gets the node's response and that a wrong signature does not."""
    with Client(listen) as client:
        status, body = client.exchange(row.request.method, row.request.signed())
    if (status, body) != (200, row.request.expected):
        raise Failure(f"the signed request should get 200 and {shown(row.request.expected)}, but it got {status} and {shown(body)}")
    if row.server.checks_signature:
        with Client(listen) as client:
            status, body = client.exchange(row.request.method, row.request.signed("not the secret"))
        if status != 403:
            raise Failure(f"a request with a wrong signature should get 403, but it got {status} and {shown(body)}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(machine: Machine, row: Row, seconds: int, perf: bool) -> Load:
    listen = free_address()
    with running(row.server.command(machine, listen), listen, machine.proxy_core) as process:
        check_answers(row, listen)
        wrk(machine, listen, row.request, WARM_UP)
        counted = machine.work / "perf.csv"
        prefix = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", str(counted), "-p", str(process.pid)]
        before = cpu_seconds(process.pid)
        requests, took = wrk(machine, listen, row.request, f"{seconds}s", prefix=prefix if perf else [])
        used = cpu_seconds(process.pid) - before
        if not requests:
            raise Failure(f"no request was answered in {seconds} s")
    return Load(requests, took, used, perf_count(counted.read_text()) if perf else None)


def wrk(
    machine: Machine, listen: str, request: Request, duration: str, connections: int = CONNECTIONS, prefix: list[str] = []
) -> tuple[int, float]:
    """Requests and seconds of one run; a failed request invalidates the run. wrk takes a 100 Continue for an answer."""
    file = machine.work / "request.bin"
    file.write_bytes(request.signed(waits=False))
    options = ["--threads", "1", "--connections", str(connections), "--timeout", f"{WRK_TIMEOUT}s", "--duration", duration]
    command = [*prefix, "taskset", "--cpu-list", machine.load_cores, "wrk", *options, "--script", f"{HERE}/replay.lua"]
    ran = subprocess.run([*command, f"http://{listen}/", "--", file], capture_output=True, text=True)
    done = re.search(r"^done (\d+) (\d+) (\d+)$", ran.stdout, re.MULTILINE)
    if ran.returncode != 0 or done is None:
        raise Failure(f"wrk ended with status {ran.returncode}: {ran.stdout}{ran.stderr}")
    requests, microseconds, failed = map(int, done.groups())
    if failed:
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
