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
SINGLESTEP, SEIZE, INTERRUPT = 9, 0x4206, 0x4207
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


class Counter:
    """The steps of all threads of a process except the clock."""

    def __init__(self, process: int) -> None:
        self.steps = 0
        for task in Path(f"/proc/{process}/task").iterdir():
            if (task / "comm").read_text().strip() != CLOCK:
                ptrace(SEIZE, int(task.name))
                ptrace(INTERRUPT, int(task.name))

    def count(self) -> None:
        while True:
            try:
                thread, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return  # the process has ended
            if not os.WIFSTOPPED(status):
                continue
            stop = os.WSTOPSIG(status)
            stepped = stop == signal.SIGTRAP
            # A stop with a ptrace event, in the upper bits, is not a step.
            self.steps += stepped and status >> 16 == 0
            try:
                ptrace(SINGLESTEP, thread, 0 if stepped else stop)
            except ProcessLookupError:
                continue


def main() -> None:
    counter = Counter(int(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: print(counter.steps, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(counter.steps, flush=True)
    counter.count()


if __name__ == "__main__":
    main()
