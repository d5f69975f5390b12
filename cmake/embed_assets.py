#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT.S and OUT.c, which carry the built dashboard inside musterd.

Each file is embedded as it is, gzipped, and, where the brotli command exists,
as brotli: browsers offer brotli only over TLS, so gzip is always needed.
"""
import argparse
import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess

MIME = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.ico': 'image/x-icon',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.map': 'application/json',
    '.mjs': 'text/javascript; charset=utf-8',
    '.png': 'image/png',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.wasm': 'application/wasm',
    '.webmanifest': 'application/manifest+json',
    '.woff2': 'font/woff2',
    '.yaml': 'application/yaml',
}
COMPRESSED_ALREADY = {'.png', '.woff2', '.ico'}
ASM_HEAD = '\t.section .note.GNU-stack,"",@progbits\n\t.section .rodata\n'


def brotli(data):
    command = shutil.which('brotli')
    if not command:
        return None
    return subprocess.run([command, '-q', '11', '-c'], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


class Writer:
    def __init__(self, out):
        self.asm, self.externs, self.rows = [ASM_HEAD], [], []
        self.blobs = pathlib.Path(out + '.blobs')
        shutil.rmtree(self.blobs, ignore_errors=True)
        self.blobs.mkdir(parents=True)

    def body(self, data):
        """Embeds one encoding; an encoding that does not exist is all zero."""
        if data is None:
            return '{NULL, 0, NULL}'
        number = len(self.externs)
        path = (self.blobs / str(number)).resolve()
        path.write_bytes(data)
        symbol = f'muster_asset_{number}'
        self.asm.append(f'\t.balign 16\n\t.global {symbol}\n{symbol}:\n\t.incbin "{path}"\n')
        self.externs.append(f'extern const unsigned char {symbol}[];\n')
        etag = hashlib.sha256(data).hexdigest()[:32]
        return f'{{{symbol}, {len(data)}, "\\"{etag}\\""}}'

    def add(self, url, data):
        suffix = pathlib.PurePosixPath(url).suffix
        small = None if suffix in COMPRESSED_ALREADY else gzip.compress(data, 9, mtime=0)
        smaller = None if suffix in COMPRESSED_ALREADY else brotli(data)
        immutable = re.match(r'^/assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$', url) is not None
        mime = MIME.get(suffix, 'application/octet-stream')
        self.rows.append(f'\t{{"{url}", "{mime}", {str(immutable).lower()},\n'
                         f'\t {self.body(data)},\n\t {self.body(small)},\n'
                         f'\t {self.body(smaller)}}},\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--root', type=pathlib.Path, required=True)
    parser.add_argument('--out', required=True)
    args = parser.parse_args()
    files = [p for p in args.root.rglob('*')
             if p.is_file() and p.suffix not in ('.gz', '.br')] if args.root.is_dir() else []
    urls = sorted(('/' + p.relative_to(args.root).as_posix(), p) for p in files)
    writer = Writer(args.out)
    for url, path in urls:
        if not re.fullmatch(r'[A-Za-z0-9/._-]+', url):
            raise SystemExit(f'{path}: cannot embed a file with such a name')
        writer.add(url, path.read_bytes())
    # A row of zeroes ends the table; it also keeps an empty table valid C.
    writer.rows.append('\t{NULL, NULL, false, {NULL, 0, NULL}, {NULL, 0, NULL}, {NULL, 0, NULL}},\n')
    pathlib.Path(args.out + '.S').write_text(''.join(writer.asm))
    pathlib.Path(args.out + '.c').write_text(
        '#include "http/assets.h"\n\n' + ''.join(writer.externs) +
        '\nconst struct asset ASSETS[] = {\n' + ''.join(writer.rows) + '};\n'
        f'const size_t ASSETS_COUNT = {len(urls)};\n')


if __name__ == '__main__':
    main()
