#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test-sum.py FOLDER [SUITE...]: adds up the JUnit files in a folder. The suites named ended with an error: each has at
least one failure, also when it wrote none. Ends with status 1 when anything failed."""

import glob
import os
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """(passed, failed) of one file, and prints what failed."""
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print("failed:", case.get("classname", ""), case.get("name", ""))
        elif case.find("skipped") is None and case.get("status") not in ("disabled", "notrun"):
            passed += 1
    return passed, failed


def main():
    folder, *broken = sys.argv[1:]
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
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
