#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prepares every SQL statement of server/store against a migrated database.

Statements are the literals "static const char NAME[] = ..." as the preprocessor leaves them, so that
shared column lists are seen too. What cannot be prepared (SET, LISTEN, CREATE) must be in UTILITY. The
connection string comes from the file that tests/store/harness/cluster.py wrote.
"""
import os
import pathlib
import re
import subprocess
import sys

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
UTILITY = {'LOGS_COPY', 'SESSION_SETUP', 'SCHEMA_MIGRATION_CREATE', 'MIGRATE_PATIENCE'}
PREPARABLE = re.compile(r'\s*(SELECT|INSERT|UPDATE|DELETE|WITH|VALUES|MERGE)\b', re.I)
LITERAL = re.compile(r'static\s+const\s+char\s+(\w+)\s*\[\]\s*=\s*((?:"(?:[^"\\]|\\.)*"\s*)+);')
PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"')
# A statement must not be put together at run time.
BUILDING = re.compile(r'\b(snprintf|sprintf|strcat|strncat|asprintf)\s*\(')


def include_flags():
    flags = subprocess.run(['pkg-config', '--cflags', 'libpq', 'jansson'], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    return [f'-I{ROOT}/server', f'-I{ROOT}/lib', *flags]


def statements(path, flags):
    text = subprocess.run(['cc', '-E', '-P', '-std=c17', '-D_GNU_SOURCE', *flags, str(path)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    for match in LITERAL.finditer(text):
        pieces = PIECE.findall(match.group(2))
        yield match.group(1), ''.join(pieces).encode().decode('unicode_escape')


def migrated(conninfo):
    name = f'lint_{os.getpid()}'
    admin = psycopg2.connect(conninfo)
    admin.autocommit = True
    admin.cursor().execute(f'CREATE DATABASE {name}')
    connection = psycopg2.connect(conninfo, dbname=name)
    cursor = connection.cursor()
    for path in sorted((ROOT / 'migrations').glob('*.sql')):
        cursor.execute(path.read_text())
    cursor.execute('CREATE TABLE schema_migration (version integer PRIMARY KEY, name text,'
                   ' checksum text, applied_at timestamptz)')
    connection.commit()
    connection.autocommit = True
    return admin, name, connection


def uncommented(cursor):
    cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <>"
                   " 'schema_migration' AND relnamespace = 'public'::regnamespace"
                   " AND obj_description(oid) IS NULL")
    return [f'migrations: table {row[0]} has no COMMENT' for row in cursor.fetchall()]


def check(cursor, path, flags):
    short = path.relative_to(ROOT)
    problems = [f'{short}: builds text with {match.group(1)}'
                for match in BUILDING.finditer(path.read_text())]
    count = 0
    for name, sql in statements(path, flags):
        if not PREPARABLE.match(sql):
            if name not in UTILITY and ' ' in sql:
                problems.append(f'{short}: {name} cannot be prepared and is not in UTILITY')
            continue
        try:
            cursor.execute(f'PREPARE lint AS {sql}')
            cursor.execute('DEALLOCATE lint')
            count += 1
        except psycopg2.Error as error:
            problems.append(f'{short}: {name}: {str(error).strip().splitlines()[0]}')
    return count, problems


def main():
    binary_dir = os.environ.get('MUSTER_BINARY_DIR', ROOT / 'build' / 'dev')
    conninfo = (pathlib.Path(binary_dir) / 'store-cluster').read_text().strip()
    admin, name, connection = migrated(conninfo)
    cursor = connection.cursor()
    problems, total, flags = uncommented(cursor), 0, include_flags()
    for path in sorted((ROOT / 'server' / 'store').glob('*.c')):
        count, found = check(cursor, path, flags)
        total += count
        problems += found
    connection.close()
    admin.cursor().execute(f'DROP DATABASE {name}')
    admin.close()
    for problem in problems:
        print(problem)
    print(f'{total} statements prepared, {len(problems)} problems')
    sys.exit(1 if problems or not total else 0)


if __name__ == '__main__':
    main()
