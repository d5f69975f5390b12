#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""manifest.py TEMPLATE version=V platform=P release=N archive=FILE: prints a package's manifest.

The template (demo/packages/NAME.json) holds what is true of all versions: how the program is started, probed
and stopped. This adds what is true of one archive.
"""

import hashlib
import json
import os
import sys


def main():
    template, *pairs = sys.argv[1:]
    facts = dict(pair.split("=", 1) for pair in pairs)
    with open(template, encoding="utf-8") as file:
        manifest = json.load(file)
    with open(facts["archive"], "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    manifest["version"] = facts["version"]
    manifest["platform"] = facts["platform"]
    manifest["release"] = int(facts["release"])
    manifest["archive"] = {
        "sha256": digest,
        "size": os.path.getsize(facts["archive"]),
        "format": ".".join(facts["archive"].rsplit(".", 2)[1:]),
    }
    json.dump(manifest, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
