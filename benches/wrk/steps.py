"""`steps.py PID`: counts the instructions of a process in user space by stopping it after each one (ptrace).

It prints the number so far as a line on standard output, at its start and on each SIGUSR1. SIGTERM ends it, and the
process continues.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

# ptrace(2), and waitpid(2) for threads that are not children.
CONTINUE, SINGLESTEP, DETACH, SEIZE, INTERRUPT = 7, 9, 17, 0x4206, 0x4207
WALL = 0x40000000
# Pingora's clock thread ticks a hundred times a second, independently of requests, so it is not counted.
CLOCK = "Timer thread"

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request: int, thread: int, data: int = 0) -> None:
    if libc.ptrace(request, thread, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def threads(process: int) -> list[int]:
    """The threads of a process except the clock."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(task.name) for task in tasks if (task / "comm").read_text().strip() != CLOCK]


def trap_pending(thread: int) -> bool:
    """Whether the trap of a step waits to be delivered."""
    status = Path(f"/proc/{thread}/status").read_text()
    pending = next(line.split()[1] for line in status.splitlines() if line.startswith("SigPnd:"))
    return bool(int(pending, 16) & 1 << signal.SIGTRAP - 1)


class Counter:
    """The steps of all threads of a process except the clock."""

    def __init__(self, process: int) -> None:
        self.steps = 0
        self.ending = False
        self.traced = set(threads(process))
        for thread in self.traced:
            ptrace(SEIZE, thread)
            ptrace(INTERRUPT, thread)

    def count(self) -> None:
        """Until the process ends, or until it has been left after `end`."""
        while self.traced:
            try:
                thread, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return
            if not os.WIFSTOPPED(status):
                self.traced.discard(thread)
                continue
            try:
                self.stopped(thread, status)
            except ProcessLookupError:
                continue

    def stopped(self, thread: int, status: int) -> None:
        stop = os.WSTOPSIG(status)
        trapped = stop == signal.SIGTRAP
        # A stop with a ptrace event, in the upper bits, is not a step.
        self.steps += trapped and status >> 16 == 0
        passed_on = 0 if trapped else stop
        if not self.ending:
            ptrace(SINGLESTEP, thread, passed_on)
        elif trap_pending(thread):
            # The step before this stop has made a trap: it would kill the thread if nobody traced it.
            ptrace(CONTINUE, thread, passed_on)
        else:
            ptrace(DETACH, thread, passed_on)
            self.traced.discard(thread)

    def end(self) -> None:
        """Leaves the threads at their next stop: one that is left in the middle of a step dies of its trap."""
        self.ending = True
        for thread in self.traced:
            try:
                ptrace(INTERRUPT, thread)
            except ProcessLookupError:
                pass


def main() -> None:
    counter = Counter(int(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: print(counter.steps, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: counter.end())
    print(counter.steps, flush=True)
    counter.count()


if __name__ == "__main__":
    main()
