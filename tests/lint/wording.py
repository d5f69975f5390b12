#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no source file may hold: notes to ourselves, functions that cannot be used
safely, and a missing licence line."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ('lib', 'server', 'agent', 'cli', 'demo', 'tests', 'scripts', 'cmake', 'migrations')
SUFFIXES = {'.c', '.h', '.py', '.sh', '.sql', '.cmake'}
# Split, so that this file does not find itself.
NOTES = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')
BANNED = re.compile(r'\b(strcpy|strcat|strncpy|sprintf|vsprintf|strtok|gets|gmtime|localtime|'
                    r'asctime|ctime|mktemp|tmpnam|system|alloca|atoi|atol)\(')
LICENCE = 'SPDX-License-Identifier: Apache-2.0'


def check(path, problems):
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text(errors='replace').splitlines()
    if not any(LICENCE in line for line in lines[:3]):
        problems.append(f'{name}:1: no line "{LICENCE}"')
    for number, line in enumerate(lines, 1):
        if NOTES.search(line):
            problems.append(f'{name}:{number}: note to ourselves: {line.strip()}')
        if path.suffix in ('.c', '.h') and not name.startswith('tests/') and BANNED.search(line):
            problems.append(f'{name}:{number}: banned function: {line.strip()}')


def main():
    problems = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob('*')):
            if path.suffix in SUFFIXES and 'node_modules' not in path.parts:
                check(path, problems)
    print('\n'.join(problems) if problems else 'wording is fine')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
