#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the examples of every message and of the package manifest to their JSON Schemas.

schema/messages/examples/NAME[-variant].json must be valid by schema/messages/NAME.json, everything in
examples/invalid must not be; every schema has at least one example. The C codecs are tested against the
same files (tests/unit/test_messages.c), so that the three agree.
"""
import json
import pathlib
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2] / 'schema'
MESSAGES = ROOT / 'messages'


def load(path):
    return json.loads(path.read_text(encoding='utf-8'))


def schemas():
    found = {path.stem: load(path) for path in MESSAGES.glob('*.json')}
    found['package-manifest'] = load(ROOT / 'package-manifest.json')
    return found


def schema_of(stem, known):
    """hello-first.json is an example of hello: the longest name that fits."""
    fitting = [name for name in known if stem == name or stem.startswith(name + '-')]
    return max(fitting, key=len, default=None)


def main():
    known = schemas()
    store = {schema['$id']: schema for schema in known.values()}
    validators = {}
    for name, schema in known.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        resolver = jsonschema.RefResolver.from_schema(schema, store=store)
        validators[name] = jsonschema.Draft202012Validator(schema, resolver=resolver)

    problems, seen = [], set()
    for path in sorted((MESSAGES / 'examples').glob('**/*.json')):
        name = schema_of(path.stem, known)
        shown = path.relative_to(ROOT.parent)
        if name is None:
            problems.append(f'{shown}: no schema has this name')
            continue
        seen.add(name)
        errors = list(validators[name].iter_errors(load(path)))
        if path.parent.name == 'invalid':
            if not errors:
                problems.append(f'{shown}: should not be valid by {name}')
        else:
            problems += [f'{shown}: {error.json_path}: {error.message}' for error in errors]
    problems += [f'schema {name}: has no example' for name in sorted(set(known) - seen)]
    print('\n'.join(problems) if problems else f'{len(known)} schemas and their examples agree')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
