#!/usr/bin/env python3
"""
Asks radosgw for every feature of features/, directly and through gateways in front of it, and compares.

    tests/clients/radosgw.py [BINARY [TEST…]]

BINARY is the `countersign` to test (default target/debug/countersign). TEST is a class of features or one of its tests, as in
`Objects` or `Parts.test_parts_are_copied`. A feature that radosgw has and that does not work through a gateway has failed,
and one whose answers are other ones there. The last line is of totals in the form that `cargo test` uses.
"""

import itertools
import sys
import time
import traceback
import unittest
from pathlib import Path

from ceph import Ceph
from deployments import ACCESS_KEY_ID, NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY, RESIGN, SECRET_ACCESS_KEY, Deployment, without_settings
from features import buckets, objects, uploads
from features.feature import Feature

HERE = Path(__file__).parent
# Forms stand first in their module, and are tried while radosgw reads them.
MODULES = [uploads, buckets, objects]
V4, V2 = [RESIGN.format(version, NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY) for version in ["v4", "v2"]]
GATEWAYS = {
    "resign v4": V4,
    "resign v2": V2,
    "resign signed-chunks": V4.replace("{ dialect", '{ payload = "signed-chunks", dialect'),
    "passthrough": 'forward = "passthrough"\n',
}
# Of radosgw, to be read a form.
FORM_TRIES = 10
FORMS = itertools.count(1)
# Of what is printed of a failure.
DETAIL_SIZE = 600
# What does not work with a signature of version 2, whoever makes it: radosgw signs other sub-resources there than Amazon, and
# so than boto3.
OTHER_IN_V2 = {
    "test_a_bucket_has_a_policy_status",
    "test_a_buckets_acceleration_is_asked_for",
    "test_a_buckets_public_access_is_blocked",
    "test_a_buckets_replication_is_asked_for",
    "test_a_locked_bucket",
    "test_a_query_of_an_objects_rows",
}


class Gateway(Deployment):
    """A gateway before a store that runs already."""

    def __init__(self, binary, node, forward):
        self._node, self._forward = node, forward
        super().__init__(binary, "v4")

    def start(self):
        self.gateway(self._node, self._forward)


class Outcomes(unittest.TestResult):
    """What became of each test: nothing if it passed, or what went wrong."""

    def __init__(self):
        super().__init__()
        self.of = {}

    def startTest(self, test):
        super().startTest(test)
        self.of[test.id()] = None

    def _failed(self, test, error):
        self.of[test.id()] = self.of.get(test.id()) or "".join(traceback.format_exception_only(*error[:2])).strip()

    addError = addFailure = _failed

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._failed(test, error)


def at(place, url):
    """Turns the features to another place."""
    Feature.place, Feature.url, Feature.answers, Feature.numbers = place, url, {}, itertools.count(1)


def form_is_stored(url):
    """Whether a form is, of those that are tried for nothing else."""
    here = {"place": f"form-{next(FORMS)}", "url": url, "answers": {}, "numbers": itertools.count(1), "revive": lambda _: None}
    outcomes = Outcomes()
    type("FirstForms", (uploads.Forms,), here)("test_a_form").run(outcomes)
    return not any(outcomes.of.values())


def with_forms(ceph):
    """
    Starts radosgw again until it reads forms.

    Debian's build may fall over the first form, or call the policies of all forms malformed after it has done other things.
    """
    for _ in range(FORM_TRIES):
        if form_is_stored(f"http://{ceph.address}"):
            return
        ceph.restart()
    print(f"radosgw took no form after {FORM_TRIES} starts", flush=True)


def tests(names):
    loader = unittest.defaultTestLoader
    if not names:
        return unittest.TestSuite(loader.loadTestsFromModule(module) for module in MODULES)
    classes = {name: module for module in MODULES for name in vars(module)}
    return unittest.TestSuite(loader.loadTestsFromName(name, classes[name.split(".")[0]]) for name in names)


def tried(place, url, names):
    """The outcomes of the features at one place, and the answers by test."""
    at(place, url)
    started = time.monotonic()
    outcomes = Outcomes()
    tests(names).run(outcomes)
    print(f"{url}: {len(outcomes.of)} features in {time.monotonic() - started:.0f} s", flush=True)
    return outcomes.of, Feature.answers


def difference(directly, through):
    """The first answer that is another one through the gateway, or nothing."""
    for answer, other in zip(directly, through):
        if answer != other:
            return f"{answer[0]}: directly {answer[1:]}, here {other[1:]}"
    return None


def main():
    binary, *names = sys.argv[1:] or [HERE.parent.parent / "target/debug/countersign"]
    without_settings()
    ceph = Ceph([(NODE_ACCESS_KEY_ID, NODE_SECRET_ACCESS_KEY), (ACCESS_KEY_ID, SECRET_ACCESS_KEY)])
    Feature.revive = lambda _: ceph.revive() and with_forms(ceph)
    try:
        with_forms(ceph)
        directly, answers = tried("p0", f"http://{ceph.address}", names)
        columns = {}
        for number, (name, forward) in enumerate(GATEWAYS.items(), 1):
            gateway = Gateway(binary, ceph.address, forward)
            with_forms(ceph)
            try:
                columns[name] = tried(f"p{number}", gateway.url, names)
            finally:
                gateway.stop()
    finally:
        ceph.stop()

    passed = failed = 0
    details = {}
    width = max(map(len, directly))
    print(f"\n{'':{width}}  {'directly':10}{'  '.join(columns)}")
    for test, outcome in directly.items():
        cells = ["works" if outcome is None else "not there"]
        if outcome is not None:
            details[f"{test} directly"] = outcome
        for name, (outcomes, their_answers) in columns.items():
            short = test.split(".")[-1]
            other = difference(answers.get(test, []), their_answers.get(test, []))
            if outcome is not None or (name == "resign v2" and short in OTHER_IN_V2):
                cell = "-" if outcomes[test] is not None else "works"
            elif outcomes[test] is not None:
                cell, failed = "FAILS", failed + 1
                details[f"{test} in {name}"] = outcomes[test]
            elif other:
                cell, failed = "DIFFERS", failed + 1
                details[f"{test} in {name}"] = other
            else:
                cell, passed = "works", passed + 1
            cells.append(f"{cell:{len(name)}}")
        print(f"{test:{width}}  {cells[0]:10}{'  '.join(cells[1:])}")
    print()
    for place, detail in details.items():
        print(f"{place}: {' '.join(detail.split())[:DETAIL_SIZE]}")
    there = sum(outcome is None for outcome in directly.values())
    print(f"{there} of {len(directly)} features are radosgw's own")
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; 0 ignored; radosgw")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
