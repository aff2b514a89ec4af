"""The tables of the comparison, and what they are of."""

import os
import re
import statistics
from pathlib import Path

import measure
from counts import COUNTED_REQUESTS, REQUESTS_BEFORE, STEPPED_REQUESTS, TRACED_SECONDS, Instructions
from measure import Load, Row
from servers import BARE, Machine

LABEL = 32


class Figures:
    """What was measured, by the name of the row."""

    def __init__(self) -> None:
        self.loads: dict[str, list[Load]] = {}
        self.instructions: dict[str, Instructions] = {}
        self.calls: dict[tuple[str, int], float] = {}

    def median(self, row: Row, figure: str) -> float | None:
        """Of the rounds."""
        runs = [getattr(run, figure) for run in self.loads.get(row.name, [])]
        return statistics.median(runs) if runs else None

    def counted(self, row: Row) -> float | None:
        return self.instructions[row.name].counted if row.name in self.instructions else None

    def with_sha(self, row: Row) -> float | None:
        return self.instructions[row.name].with_sha if row.name in self.instructions else None

    def tables(self, rows: list[Row], connections: list[int]) -> str:
        tables = []
        if self.loads:
            columns = [
                ("requests/s", lambda row: self.median(row, "requests_per_second"), "{:.0f}", True),
                ("core busy", lambda row: self.median(row, "core_busy"), "{:.0%}", False),
                ("CPU µs/req", lambda row: self.median(row, "cpu_microseconds"), "{:.2f}", True),
            ]
            tables.append(table(rows, columns))
        columns = []
        if self.instructions:
            columns.append(("instr/req", self.counted, "{:.0f}", True))
            columns.append(("with SHA", self.with_sha, "{:.0f}", True))
        if self.calls:
            for number in connections:
                columns.append((f"syscalls c={number}", lambda row, n=number: self.calls.get((row.name, n)), "{:.2f}", True))
        if columns:
            tables.append(table(rows, columns))
        return "\n\n".join(tables)


def table(rows: list[Row], columns: list) -> str:
    """One line for each server under the name of the request; a ratio is to the baseline under the same request."""
    lines = [f"{'':{LABEL}}" + "".join(f"{heading:>14}{'ratio' * ratio:>7}" for heading, _, _, ratio in columns)]
    request = None
    for row in rows:
        if row.request != request:
            request = row.request
            lines.append(f"{request.title}  [{request.name}]")
        baseline = Row(BARE, row.request)
        line = f"  {row.server.title:{LABEL - 2}}"
        for _, figure, form, ratio in columns:
            value, of = figure(row), figure(baseline)
            line += f"{form.format(value) if value is not None else '-':>14}"
            if ratio:
                line += f"{f'{value / of:.2f}' if value is not None and of else '-':>7}"
            else:
                line += f"{'':7}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def footer(figures: Figures, machine: Machine, rounds: str, way: str | None) -> str:
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    lines = [
        f"Machine: {os.cpu_count()} cores, {models[0] if models else 'model unknown'}. Each server ran alone on core "
        f"{machine.proxy_core} with one worker, node and load on {machine.load_cores}.",
        "Ratios are to bare Pingora under the same request.",
    ]
    if figures.loads:
        lines.append(f"Load: wrk, {measure.CONNECTIONS} connections, the median of {rounds}.")
    if way == "perf":
        lines.append("Instructions: user space, counted by perf stat during the load.")
    elif way == "callgrind":
        lines.append(
            f"Instructions: user space, counted by valgrind's callgrind: one connection, {COUNTED_REQUESTS} requests after the "
            f"first {REQUESTS_BEFORE}. valgrind has no SHA instructions; 'with SHA' puts their cost in place of the gateway's "
            "portable hashes."
        )
    elif way == "steps":
        lines.append(
            f"Instructions: user space, counted by stepping through {STEPPED_REQUESTS} requests on one connection. A request "
            "takes seconds so: what a server does once a second, such as the text of the Date, it does in each."
        )
    if figures.calls:
        shorter, longer = TRACED_SECONDS
        lines.append(f"System calls: strace, all threads but the clock; a load of {longer} s less one of {shorter} s.")
    return "\n".join(lines)
