"""Counts of a server in its steady state: instructions in user space, and system calls."""

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import measure
from measure import Client, Row
from servers import HERE, Failure, Machine, free_address, running
from steps import threads

# Callgrind and single steps count a block copy with `rep movsb` once for every byte, which is 8,000 too many for one request
# through Pingora. Without that instruction glibc copies 32 bytes at a time.
PLAIN_COPIES = ["env", "GLIBC_TUNABLES=glibc.cpu.hwcaps=-ERMS"]
CALLGRIND = [*PLAIN_COPIES, "valgrind", "--quiet", "--tool=callgrind"]
# One-time work must be done before the first request that is counted.
REQUESTS_BEFORE = 400
COUNTED_REQUESTS = 1000
# A step takes about 60 microseconds, a request seconds.
STEPPED_REQUESTS = 8
# The calls of two runs: those that open and close the connections cancel out in the difference.
TRACED_SECONDS = (1, 3)
TRACED_ATTEMPTS = 3


@dataclass(frozen=True)
class Instructions:
    """Of one request."""

    counted: float
    with_sha: float | None  # on a processor with SHA instructions, if that can be told


@dataclass(frozen=True)
class Compress:
    """The instructions of one of the gateway's hash functions: without SHA instructions and with them.

    Both are straight code that runs once a call and once a block of 64 bytes, counted in the release build.
    """

    function: str
    software_call: int
    software_block: int
    sha_call: int
    sha_block: int

    def saved(self, calls: int, counted: int) -> float:
        """The instructions that SHA instructions save, of those that were counted in so many calls."""
        blocks = (counted - calls * self.software_call) / self.software_block
        return counted - calls * self.sha_call - blocks * self.sha_block


COMPRESS = (
    Compress("sha1::block_api::compress", software_call=38, software_block=1369, sha_call=32, sha_block=124),
    Compress("sha2::sha256::compress256", software_call=45, software_block=3323, sha_call=44, sha_block=164),
)


def callgrind(machine: Machine, row: Row) -> Instructions:
    """Counted by callgrind on one keep-alive connection."""
    listen = free_address()
    out = machine.work / f"callgrind-{row.name}.out"
    dump = out.with_name(f"{out.name}.1")
    dump.unlink(missing_ok=True)
    command = [*CALLGRIND, f"--callgrind-out-file={out}", *row.server.command(machine, listen)]
    with running(command, listen, machine.proxy_core) as process:
        measure.check_answers(row, listen)
        with Client(listen) as client:
            client.repeat(row.request, REQUESTS_BEFORE)
            callgrind_control("--zero", process.pid)
            client.repeat(row.request, COUNTED_REQUESTS)
            callgrind_control("--dump", process.pid)
    if not dump.exists():
        raise Failure(f"callgrind_control left no counts in {dump}")
    dump.replace(out)  # over the counts of the end
    text = out.read_text()
    counted = int(re.search(r"^(?:summary|totals): (\d+)$", text, re.MULTILINE)[1])
    saved = [compress.saved(*called(text, compress.function)) for compress in COMPRESS]
    # Nothing is known of the hashes of other programs.
    known = not row.server.checks_signature or any(saved)
    return Instructions(counted / COUNTED_REQUESTS, (counted - sum(saved)) / COUNTED_REQUESTS if known else None)


def callgrind_control(what: str, pid: int) -> None:
    ran = subprocess.run(["callgrind_control", what, str(pid)], capture_output=True, text=True)
    if ran.returncode != 0 or "OK" not in ran.stdout:
        raise Failure(f"callgrind_control {what} ended with status {ran.returncode}: {ran.stdout}{ran.stderr}")


def called(text: str, function: str) -> tuple[int, int]:
    """The calls of a function in callgrind's format, and their instructions.

    A name is written out once, later it is a number. The line after `calls=` has the cost of these calls.
    """
    found = re.search(rf"^c?fn=(\(\d+\)) {re.escape(function)}(?:::h[0-9a-f]+)?$", text, re.MULTILINE)
    if found is None:
        return 0, 0
    calls = counted = 0
    lines = iter(text.splitlines())
    callee = ""
    for line in lines:
        if line.startswith("cfn="):
            callee = line.removeprefix("cfn=").split(" ")[0]
        elif line.startswith("calls="):
            cost = next(lines).split()
            if callee == found[1]:
                calls += int(line.removeprefix("calls=").split()[0])
                counted += int(cost[1])
    return calls, counted


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


def stepped(machine: Machine, row: Row) -> Instructions:
    """Single-stepped on one keep-alive connection."""
    listen = free_address()
    with running([*PLAIN_COPIES, *row.server.command(machine, listen)], listen, machine.proxy_core) as process:
        measure.check_answers(row, listen)
        with Client(listen) as client:
            client.repeat(row.request, REQUESTS_BEFORE)
            with Steps(process.pid) as steps:
                client.repeat(row.request, 1)
                before = steps.settled()
                client.repeat(row.request, STEPPED_REQUESTS)
                counted = steps.settled() - before
    each = counted / STEPPED_REQUESTS
    return Instructions(each, each)


def system_calls(machine: Machine, row: Row, connections: int) -> float:
    """The system calls of one request, on so many connections that are never idle."""
    listen = free_address()
    with running(row.server.command(machine, listen), listen, machine.proxy_core) as process:
        measure.check_answers(row, listen)
        measure.wrk(machine, listen, row.request, measure.WARM_UP, connections)
        for _ in range(TRACED_ATTEMPTS):
            (fewer_calls, fewer), (more_calls, more) = (
                traced_load(machine, row, listen, process.pid, seconds, connections) for seconds in TRACED_SECONDS
            )
            # Where others keep the machine busy, the longer run can have hardly more requests.
            if more > 1.5 * fewer:
                return (more_calls - fewer_calls) / (more - fewer)
    raise Failure(f"the machine is too busy: {fewer} requests in {TRACED_SECONDS[0]} s, then {more} in {TRACED_SECONDS[1]} s")


def traced_load(machine: Machine, row: Row, listen: str, pid: int, seconds: int, connections: int) -> tuple[int, int]:
    """The system calls and the requests of one load."""
    with traced(pid, machine.work / "strace.txt") as counts:
        requests, _ = measure.wrk(machine, listen, row.request, f"{seconds}s", connections)
    return counts[0], requests


@contextmanager
def traced(pid: int, output: Path):
    """Traces the threads of a process; after the block the list that it is given holds the number of their calls."""
    attached = threads(pid)
    followed = [option for thread in attached for option in ("--attach", str(thread))]
    command = ["strace", "-c", "-U", "calls,name", "--output", str(output), *followed]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    counts: list[int] = []
    try:
        for _ in attached:
            line = strace.stderr.readline()
            if "attached" not in line:
                raise Failure(f"strace cannot attach: {line}{strace.stderr.read()}")
        yield counts
    finally:
        strace.send_signal(signal.SIGINT)
        strace.communicate()
    lines = re.findall(r"^ *(\d+) +(\w+)$", output.read_text(), re.MULTILINE)
    counts.append(sum(int(calls) for calls, name in lines if name != "total"))
