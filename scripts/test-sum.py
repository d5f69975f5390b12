#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test-sum.py FOLDER [SUITE...]: adds up the JUnit files in a folder. The suites named ended with an error: each has at
least one failure, also when it wrote none. SUITE-again.xml holds what failed in SUITE.xml and ran once more: what passed
there counts as passed, and is named. Ends with status 1 when anything failed."""

import glob
import os
import sys
import xml.etree.ElementTree as ElementTree


def cases(path):
    """{name: whether it passed} of one file, without what was skipped."""
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')} {case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            found[name] = False
        elif case.find("skipped") is None and case.get("status") not in ("disabled", "notrun"):
            found.setdefault(name, True)
    return found


def count(path):
    """(passed, failed) of one suite, and prints what failed."""
    found = cases(path)
    again = path.removesuffix(".xml") + "-again.xml"
    if os.path.exists(again):
        for name, passed in cases(again).items():
            if passed and found.get(name) is False:
                print("passed only when run again:", name)
                found[name] = True
    for name in (name for name, passed in found.items() if not passed):
        print("failed:", name)
    return sum(found.values()), len(found) - sum(found.values())


def main():
    folder, *broken = sys.argv[1:]
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
        if path.endswith("-again.xml"):
            continue
        suite = os.path.basename(path).removesuffix(".xml")
        good, bad = count(path)
        if suite in broken:
            broken.remove(suite)
            bad = max(bad, 1)
        passed += good
        failed += bad
    for suite in broken:
        print("failed: the suite", suite, "ended before it had results")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
