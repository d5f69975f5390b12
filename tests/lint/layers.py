#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that includes follow the architecture.

LAYERS says which folder may include headers of which other folder, and LIBRARIES
which folder may include the headers of a third-party library. --print writes both
tables as Markdown for ARCHITECTURE.md.
"""
import argparse
import contextlib
import io
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# layer: (its files, beginning so, and the layers whose headers it may include besides its own)
LAYERS = {
    'base': ('lib/base/', []),
    'protocol': ('lib/protocol/', ['base']),
    'package': ('lib/package/', ['base']),

    'model': ('server/model/', ['protocol', 'base']),
    'store': ('server/store/', ['model', 'protocol', 'base']),
    'gitrepo': ('server/gitrepo/', ['store', 'model', 'base']),
    'signer': ('server/signer/', ['model', 'protocol', 'base']),
    'notify': ('server/notify/', ['model', 'base']),
    'domain': ('server/domain/', ['gitrepo', 'signer', 'store', 'model', 'package', 'protocol',
                                  'base']),
    'http': ('server/http/', ['model', 'protocol', 'base']),
    # Handlers read through the store; whatever changes something goes through the domain.
    'api': ('server/api/', ['http', 'domain', 'store', 'signer', 'model', 'protocol', 'base']),
    'mqtt': ('server/mqtt/', ['domain', 'store', 'signer', 'model', 'protocol', 'base']),
    'outbox': ('server/outbox/', ['mqtt', 'notify', 'domain', 'store', 'signer', 'model',
                                  'protocol', 'base']),
    'scheduler': ('server/scheduler/', ['domain', 'store', 'model', 'protocol', 'base']),
    'app': ('server/', ['scheduler', 'outbox', 'mqtt', 'api', 'http', 'domain', 'notify', 'signer',
                        'gitrepo', 'store', 'model', 'protocol', 'base']),
    # One process that brings its own database and broker: it wraps the server.
    'standalone': ('server/standalone/', ['app', 'http', 'domain', 'store', 'signer', 'model',
                                          'protocol', 'base']),
    'musterd': (('server/main.', 'server/serve.', 'server/commands'),
                ['standalone', 'app', 'scheduler', 'outbox', 'mqtt', 'api', 'http', 'domain',
                 'notify', 'signer', 'gitrepo', 'store', 'model', 'protocol', 'base']),

    'state': ('agent/state/', ['protocol', 'base']),
    'shim': ('agent/shim/', []),
    'process': ('agent/process/', ['shim', 'protocol', 'base']),
    'drivers': ('agent/drivers/', ['process', 'protocol', 'base']),
    'supervise': ('agent/supervise/', ['drivers', 'process', 'state', 'protocol', 'base']),
    'fetch': ('agent/fetch/', ['state', 'package', 'protocol', 'base']),
    'link': ('agent/link/', ['state', 'protocol', 'base']),
    'telemetry': ('agent/telemetry/', ['process', 'state', 'protocol', 'base']),
    'upgrade': ('agent/upgrade/', ['telemetry', 'state', 'protocol', 'base']),
    'reconcile': ('agent/reconcile/', ['upgrade', 'supervise', 'telemetry', 'fetch', 'drivers',
                                       'process', 'state', 'package', 'protocol', 'base']),
    'muster-agent': ('agent/', ['reconcile', 'upgrade', 'telemetry', 'link', 'fetch', 'supervise',
                                'drivers',
                                'process', 'shim', 'state', 'protocol', 'base']),

    'muster': ('cli/', ['package', 'protocol', 'base']),
    'muster-modsim': ('demo/modsim/', []),
    # It plays nodes against a real server, so it must not share code with either but what both speak.
    'muster-sim': ('tests/load/sim/', ['protocol', 'base']),
}

# header: (library, the only files that may include it)
LIBRARIES = {
    'archive': ('libarchive', ['lib/package/', 'server/domain/package/', 'agent/fetch/']),
    'curl/': ('libcurl', ['server/notify/', 'agent/fetch/', 'agent/supervise/probe', 'cli/',
                         'tests/load/sim/enrol']),
    'git2': ('libgit2', ['server/gitrepo/']),
    'gnutls/': ('GnuTLS', ['server/http/']),
    'jansson.h': ('jansson', ['lib/base/fields', 'lib/protocol/', 'server/', 'agent/', 'cli/',
                              'tests/load/sim/']),
    'libpq-fe.h': ('libpq', ['server/store/']),
    'microhttpd.h': ('libmicrohttpd', ['server/http/']),
    'modbus': ('libmodbus', ['demo/modsim/']),
    'mosquitto': ('libmosquitto', ['server/mqtt/', 'agent/link/', 'agent/supervise/probe']),
    'openssl/': ('OpenSSL', ['lib/base/crypto.c', 'lib/base/x509', 'tests/load/sim/tls']),
    'sodium': ('libsodium', ['server/domain/access/']),
    'sqlite3.h': ('SQLite', ['agent/state/']),
    'zstd': ('libzstd', ['lib/package/', 'server/domain/package/']),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SQL = re.compile(r'"\s*(SELECT\s|INSERT INTO\s|UPDATE\s+\w+\s+SET\s|DELETE FROM\s|'
                 r'(CREATE|ALTER|DROP) TABLE\s)')
SQL_ALLOWED = ('server/store/', 'agent/state/', 'tests/')


def as_tuple(value):
    return (value,) if isinstance(value, str) else value


def layer_of(path):
    """The layer with the longest matching folder."""
    found = [(len(prefix), name) for name, (prefixes, _) in LAYERS.items()
             for prefix in as_tuple(prefixes) if path.startswith(prefix)]
    return max(found)[1] if found else None


def included_layer(root, header):
    """The layer of an included header, seen from a file of the component root."""
    for candidate in (f'{root}/{header}', f'lib/{header}'):
        if (ROOT / candidate).is_file():
            return layer_of(candidate)
    return None


def check_library(path, header):
    for prefix, (library, allowed) in LIBRARIES.items():
        if header.startswith(prefix) and not path.startswith(tuple(allowed)):
            return f'{library} belongs to {", ".join(allowed)}'
    return None


def check_include(path, quote, header):
    layer = layer_of(path)
    if quote == '<':
        return check_library(path, header)
    root = 'tests/load' if layer == 'muster-sim' else path.split('/')[0]
    if '/' not in header and not (ROOT / root / header).is_file() \
            and layer not in ('shim', 'muster-modsim'):
        return 'write the path from the component root'
    other = included_layer(root, header)
    if other and other != layer and other not in LAYERS[layer][1]:
        return f'{layer} may not include {other}'
    return None


def check_file(path, problems):
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        include = INCLUDE.match(line)
        problem = None
        if include:
            problem = check_include(path, *include.groups())
        elif SQL.search(line) and not path.startswith(SQL_ALLOWED):
            problem = 'SQL belongs to server/store/'
        if problem:
            problems.append(f'{path}:{number}: {problem}: {line.strip()}')


def sources():
    for folder in ('lib', 'server', 'agent', 'cli', 'demo/modsim', 'tests/load/sim'):
        for path in sorted((ROOT / folder).rglob('*.[ch]')):
            yield path.relative_to(ROOT).as_posix()


def print_tables():
    print('| layer | files | may include |\n|---|---|---|')
    for name, (prefixes, allowed) in LAYERS.items():
        files = ', '.join(f'`{prefix}`' for prefix in as_tuple(prefixes))
        print(f'| {name} | {files} | {", ".join(allowed) or "nothing"} |')
    print('\n| library | only in |\n|---|---|')
    for library, allowed in sorted(LIBRARIES.values()):
        print(f'| {library} | {", ".join(f"`{place}`" for place in allowed)} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--print', action='store_true', help='write the tables as Markdown')
    if parser.parse_args().print:
        print_tables()
        return 0
    problems = []
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        print_tables()
    if printed.getvalue() not in (ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8'):
        problems.append('ARCHITECTURE.md: the tables differ from what tests/lint/layers.py --print says')
    for path in sources():
        check_file(path, problems)
    print('\n'.join(problems) if problems else 'all includes follow the architecture')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
