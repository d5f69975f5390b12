#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the route table of the server with schema/openapi.yaml, both ways: methods, paths, role,
scope, and whether a caller must be known. Also checks that every $ref of the document leads somewhere,
operation ids are unique and path parameters are declared."""
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(
    r'\{\s*"(?P<method>[A-Z]+)",\s*"(?P<path>[^"]+)",\s*ROLE_(?P<role>[A-Z]+),'
    r'\s*(?P<scope>NULL|"[^"]+"),\s*(?P<flags>[A-Z0-9_| \n\t]+?),\s*(?P<handler>\w+)\s*\}')
METHODS = ('get', 'put', 'post', 'patch', 'delete')

faults = []


def fault(text):
    faults.append(text)


def routes():
    text = (ROOT / 'server/api/routes.c').read_text()
    table = text[text.index('ROUTES[]'):]
    rows = {}
    for match in ROW.finditer(table):
        key = (match['method'], match['path'])
        if key in rows:
            fault(f'routes.c: {key} is there twice')
        rows[key] = {
            'role': None if match['role'] == 'NONE' else match['role'].lower(),
            'scope': None if match['scope'] == 'NULL' else match['scope'].strip('"'),
            'public': 'ROUTE_PUBLIC' in match['flags'],
        }
    if len(rows) != table.count('{"'):
        fault(f'routes.c: {table.count("{" + chr(34))} rows, but only {len(rows)} could be read')
    return rows


def operations(document):
    seen = set()
    for path, item in document['paths'].items():
        shared = item.get('parameters', [])
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            where = f'{method.upper()} {path}'
            name = operation.get('operationId')
            if not name or name in seen:
                fault(f'openapi.yaml: {where}: operationId {name!r} is missing or not unique')
            seen.add(name)
            check_parameters(document, where, path, shared + operation.get('parameters', []))
            security = operation.get('security', document['security'])
            yield (method.upper(), path), {
                'role': operation.get('x-role'),
                'scope': operation.get('x-scope'),
                'public': security == [] or {} in security,
            }


def resolve(document, ref):
    node = document
    for part in ref.removeprefix('#/').split('/'):
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[part]
    return node


def check_parameters(document, where, path, parameters):
    declared = set()
    for parameter in parameters:
        parameter = resolve(document, parameter['$ref']) if '$ref' in parameter else parameter
        if parameter and parameter['in'] == 'path':
            declared.add(parameter['name'])
    if declared != set(re.findall(r'\{(\w+)\}', path)):
        fault(f'openapi.yaml: {where}: path parameters {sorted(declared)} are declared')


def check_refs(document, node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == '$ref' and isinstance(value, str):
                if value.startswith('#/') and resolve(document, value) is None:
                    fault(f'openapi.yaml: {value} leads nowhere')
            else:
                check_refs(document, value)
    elif isinstance(node, list):
        for value in node:
            check_refs(document, value)


def main():
    document = yaml.safe_load((ROOT / 'schema/openapi.yaml').read_text())
    rows = routes()
    described = dict(operations(document))
    check_refs(document, document)
    for key in sorted(rows.keys() - described.keys()):
        fault(f'openapi.yaml lacks {key[0]} {key[1]}')
    for key in sorted(described.keys() - rows.keys()):
        fault(f'routes.c lacks {key[0]} {key[1]}')
    for key in sorted(rows.keys() & described.keys()):
        for what, value in rows[key].items():
            if described[key][what] != value:
                fault(f'{key[0]} {key[1]}: {what} is {value!r} in routes.c, '
                      f'{described[key][what]!r} in openapi.yaml')
    for text in faults:
        print(text)
    return 1 if faults else 0


sys.exit(main())
