#!/usr/bin/env python3
"""
Drives real S3 clients, signing with AWS Signature Version 2, through a gateway with the embedded node behind it.

    tests/clients/run.py [BINARY [TEST…]]

BINARY is the `countersign` to test (default target/debug/countersign), TEST a client or one of its tests, as in
`with_boto3` or `with_s3cmd.S3cmd.test_a_range_is_read`. Ends with a line of totals in the form that `cargo test` uses.
"""

import os
import sys
import unittest
from pathlib import Path

from contract import ClientContract
from gateway import Gateway

HERE = Path(__file__).parent
CLIENTS = sorted(path.stem for path in HERE.glob("with_*.py"))


class CleanStop(unittest.TestCase):
    """Run last, on the gateway that all clients have used."""

    gateway = None

    def test_sigterm_ends_the_gateway_with_status_0(self):
        self.assertEqual(self.gateway.stop(), 0)


def main():
    binary, *names = sys.argv[1:] or [HERE.parent.parent / "target/debug/countersign"]
    # No proxy of this machine may stand between the clients and the loopback, and no setting of its user may change a client.
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("AWS_", "RCLONE_", "BOTO_")):
            del os.environ[name]

    gateway = CleanStop.gateway = Gateway(binary)
    ClientContract.url = gateway.url
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(names or CLIENTS)
    tests.addTests(loader.loadTestsFromTestCase(CleanStop))
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    finally:
        if gateway.process.poll() is None:
            gateway.stop()

    # A test with several failing subtests, or with an error in its cleanup too, is one test that failed.
    failed = {getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors}
    failed |= {test.id() for test in result.unexpectedSuccesses}
    if failed:
        print(f"the end of the gateway's log:\n{gateway.log_tail()}")
    passed = result.testsRun - len(failed) - len(result.skipped)
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {len(failed)} failed; {len(result.skipped)} ignored")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
