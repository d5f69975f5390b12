# SPDX-License-Identifier: Apache-2.0
"""Holds what the server answers to schema/openapi.yaml, on every call that a test makes."""
import functools
import re

import jsonschema
import yaml

from .process import ROOT


@functools.lru_cache(maxsize=1)
def _document():
    return yaml.safe_load((ROOT / "schema" / "openapi.yaml").read_text())


@functools.lru_cache(maxsize=1)
def _operations():
    """(method, pattern of the path, operation); paths without placeholders come first."""
    found = []
    for path, item in _document()["paths"].items():
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$")
        found += [(method.upper(), pattern, operation) for method, operation in item.items()
                  if method in ("get", "put", "post", "patch", "delete")]
    return sorted(found, key=lambda entry: "[^/]+" in entry[1].pattern)


def _resolve(node):
    while "$ref" in node:
        target = _document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _schema(method, path, status, content_type):
    for candidate, pattern, operation in _operations():
        if candidate != method or not pattern.match(path):
            continue
        responses = operation["responses"]
        response = responses.get(str(status)) or responses.get("default")
        if response is None:
            raise AssertionError(f"openapi.yaml: {method} {path} does not describe status {status}")
        content = _resolve(response).get("content", {})
        if content_type not in content:
            raise AssertionError(f"openapi.yaml: {method} {path} {status} is not {content_type}")
        return content[content_type]["schema"]
    return None


def check(method, path, response):
    """Raises AssertionError when a JSON answer is not what the document says."""
    content_type = response.headers.get("Content-Type", "").split(";")[0]
    if content_type not in ("application/json", "application/problem+json"):
        return
    schema = _schema(method, path.split("?")[0], response.status_code, content_type)
    if schema is None:
        return
    resolver = jsonschema.RefResolver("", _document())
    validator = jsonschema.Draft202012Validator(schema, resolver=resolver)
    error = jsonschema.exceptions.best_match(validator.iter_errors(response.json()))
    if error is not None:
        place = ".".join(str(p) for p in error.absolute_path)
        raise AssertionError(f"openapi.yaml does not fit the answer to {method} {path}: "
                             f"{place or 'the whole'}: {error.message[:300]}")
