#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT.S and OUT.c, which carry migrations/*.sql inside musterd."""
import argparse
import pathlib

ASM_HEAD = '\t.section .note.GNU-stack,"",@progbits\n\t.section .rodata\n'
C_HEAD = '#include "store/migrations_embedded.h"\n\n'


def blob(symbol, path):
    """The terminating zero lets C use the text as a string as well."""
    return (f'\t.balign 16\n\t.global {symbol}\n{symbol}:\n\t.incbin "{path}"\n'
            f'\t.byte 0\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', type=pathlib.Path, required=True)
    parser.add_argument('--out', required=True)
    args = parser.parse_args()
    pathlib.Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    files = sorted(args.root.glob('*.sql')) if args.root.is_dir() else []
    asm, externs, rows = [ASM_HEAD], [], []
    for number, path in enumerate(files):
        symbol = f'muster_migration_{number}'
        asm.append(blob(symbol, path.resolve()))
        externs.append(f'extern const char {symbol}[];\n')
        rows.append(f'\t{{"{path.name}", {symbol}, {path.stat().st_size}}},\n')
    # A row of NULLs ends the table; it also keeps an empty table valid C.
    rows.append('\t{NULL, NULL, 0},\n')
    pathlib.Path(args.out + '.S').write_text(''.join(asm))
    pathlib.Path(args.out + '.c').write_text(
        C_HEAD + ''.join(externs) +
        '\nconst struct embedded_migration MIGRATIONS_EMBEDDED[] = {\n' + ''.join(rows) + '};\n'
        f'const size_t MIGRATIONS_EMBEDDED_COUNT = {len(files)};\n')


if __name__ == '__main__':
    main()
