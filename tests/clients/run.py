#!/usr/bin/env python3
"""
Drives real S3 clients through a gateway with a storage node behind it.

    tests/clients/run.py [BINARY [DEPLOYMENT [TEST…]]]

BINARY is the `countersign` to test (default target/debug/countersign), beside which `examples/node` is expected.
DEPLOYMENT is one of deployments.py's: without one all that have a gateway are run, two at a time. TEST is a client or one of
its tests, as in `with_boto3` or `with_s3cmd.S3cmd.test_a_range_is_read`. Every deployment ends with a line of totals in the
form that `cargo test` uses.
"""

import os
import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract import ClientContract
from deployments import DEPLOYMENTS, USUAL, without_settings

HERE = Path(__file__).parent
CLIENTS = sorted(path.stem for path in HERE.glob("with_*.py"))
AT_ONCE = 2


class CleanStop(unittest.TestCase):
    """Run last, on the gateway that all clients have used."""

    deployment = None

    def test_sigterm_ends_the_gateway_with_status_0(self):
        self.assertEqual(self.deployment.stop(), 0)


def flattened(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flattened(test)
        else:
            yield test


def names_of(test):
    """The name of a test, alone and with its class."""
    _, of_class, of_method = test.id().split(".")
    return {of_method, f"{of_class}.{of_method}"}


def run(binary, name, names):
    """Runs one deployment's tests; the exit status."""
    kind, version = DEPLOYMENTS[name]
    without_settings()
    # boto3 has two signers: its own, and AWS's common runtime (awscrt), which takes its place where it is installed.
    os.environ["BOTO_DISABLE_CRT"] = str(not kind.common_runtime).lower()
    loader = unittest.defaultTestLoader
    tests = flattened(loader.loadTestsFromNames(names or kind.clients or CLIENTS))
    tests = unittest.TestSuite(test for test in tests if version in test.versions and kind.lacks.isdisjoint(names_of(test)))
    deployment = CleanStop.deployment = ClientContract.deployment = kind(binary, version)
    if name in USUAL:
        tests.addTests(loader.loadTestsFromTestCase(CleanStop))
    started = time.monotonic()
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    finally:
        deployment.stop()

    # A test with several failing subtests, or with an error in its cleanup too, is one test that failed.
    failed = {getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors}
    failed |= {test.id() for test in result.unexpectedSuccesses}
    if failed:
        print(f"the ends of the servers' logs:\n{deployment.log_tail()}")
    passed = result.testsRun - len(failed) - len(result.skipped)
    print(
        f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {len(failed)} failed; {len(result.skipped)} ignored; "
        f"{name} finished in {time.monotonic() - started:.0f}s"
    )
    return 1 if failed else 0


def run_apart(binary, name):
    """The same in a process of its own, whose output is given when it is complete."""
    command = [sys.executable, __file__, str(binary), name]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def main():
    binary, *words = sys.argv[1:] or [HERE.parent.parent / "target/debug/countersign"]
    if words:
        name, *names = words
        return run(binary, name, names)
    status = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, done in zip(USUAL, pool.map(lambda name: run_apart(binary, name), USUAL)):
            print(f"-- {name}\n{done.stdout.decode(errors='replace')}", flush=True)
            status |= done.returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
