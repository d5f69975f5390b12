#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that files stay readable: at most 800 lines, headers at most 200."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 800
MAX_HEADER_LINES = 200
# The vocabulary of the wire stands in one place.
LONGER_HEADERS = {'lib/protocol/messages.h': 300}
SUFFIXES = {'.c', '.h', '.py', '.sh', '.ts', '.tsx', '.css', '.sql', '.cmake'}


def tracked_files():
    names = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                           cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return sorted(name for name in names.decode().split('\0') if name)


def main():
    problems = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        limit = MAX_LINES
        if path.suffix == '.h':
            limit = LONGER_HEADERS.get(name, MAX_HEADER_LINES)
        with path.open('rb') as file:
            lines = sum(1 for _ in file)
        if lines > limit:
            problems.append(f'{name}: {lines} lines, at most {limit}: look for the seam')
    print('\n'.join(problems) if problems else 'all files are short enough')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
