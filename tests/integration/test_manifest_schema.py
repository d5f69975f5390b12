# SPDX-License-Identifier: Apache-2.0
"""The server accepts exactly the manifests that schema/package-manifest.json describes."""
import copy
import json
import pathlib
import random

import jsonschema
import pytest

from harness import packages

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "schema" /
                     "package-manifest.json").read_text())
SERVICE = {
    "driver": "generic", "command": ["${muster.package}/bin/run", "-v"], "env": {"TZ": "UTC"},
    "cwd": "${muster.data}", "user": "collector",
    "capabilities": ["CAP_NET_RAW"], "no_new_privs": True, "private_tmp": True,
    "stop": {"signal": "SIGTERM", "grace_ms": 1000},
    "reload": {"signal": "SIGHUP", "files": ["acl*"]},
    "restart": {"policy": "always", "delay_ms": 5, "max_delay_ms": 50, "burst": 4,
                "window_ms": 60000, "hold_ms": 60000},
    "after": ["broker"], "limits": {"memory_bytes": 67108864, "cpu_percent": 50, "pids": 100,
                                    "files": 64},
    "probes": [{"kind": "http", "readiness": True, "liveness": False, "host": "127.0.0.1",
                "port": 80, "path": "/", "status": 200, "body": "ok", "headers": ["A: b"],
                "interval_ms": 500, "timeout_ms": 500, "success": 1, "success_of": 2,
                "failure": 3, "failure_of": 5, "start_grace_ms": 100, "bearer": "a.b"},
               {"kind": "mqtt", "port": "${param.port}", "topic": "t", "username": "u",
                "password": "p"},
               {"kind": "exec", "command": ["true"]}, {"kind": "log", "match": "ready"}],
    "hooks": {"before": {"command": ["${muster.package}/bin/check"], "timeout_ms": 500,
                         "attempts": 2, "delay_ms": 0},
              "after": {"command": ["/bin/true", "x"]}},
    "in_place": {"app.conf": "/etc/app/app.conf"},
    "take_over": {"pid_file": "/run/app.pid", "start": ["/etc/init.d/app", "start"]},
    "snapshot": ["db"], "values": {"port": 1883, "name": "x", "on": True},
}
VALUES = [None, True, 0, 1, -1, 31, 33, 100000000, 1.5, "", "a", "SIGINT", "SIGABRT", "any", "x" * 70,
          "x" * 5000, "${param.a}", [], ["a"], [""], [1], ["x"] * 65, {}, {"a": "b"}, {"a": 1},
          {"kind": "tcp"}, [{"kind": "tcp"}]]
TRIES = 350


def places(node, path=()):
    """Every member and element, as paths."""
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    for key, child in children:
        yield path + (key,)
        yield from places(child, path + (key,))


def mutated(manifest, chance):
    changed = copy.deepcopy(manifest)
    path = chance.choice([p for p in places(manifest) if p[0] != "archive"])
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    kind = chance.random()
    if kind < 0.15 and isinstance(parent, dict):
        del parent[path[-1]]
    elif kind < 0.25 and isinstance(parent, dict):
        parent["surprise"] = 1
    else:
        parent[path[-1]] = copy.deepcopy(chance.choice(VALUES))
    return changed


@pytest.fixture
def publish(api):
    key = packages.ReleaseKey()
    api.post("/release-keys", {"name": "k", "public_key": key.public})
    data = packages.archive()
    whole = packages.manifest(data, service=SERVICE, release=3)
    return whole, lambda manifest: packages.publish(api, data, key.sign(manifest))


def test_whole_manifest(publish):
    manifest, post = publish
    jsonschema.validate(manifest, SCHEMA, jsonschema.Draft202012Validator)
    response = post(manifest)
    assert response.status_code == 201, response.text


def test_changed_manifests(publish):
    manifest, post = publish
    validator, chance = jsonschema.Draft202012Validator(SCHEMA), random.Random(7)
    differences = []
    for _ in range(TRIES):
        changed = mutated(manifest, chance)
        errors = [error.message[:200] for error in validator.iter_errors(changed)]
        response = post(changed)
        assert response.status_code in (201, 400, 409, 413), response.text
        accepted = response.status_code in (201, 409)
        if accepted == bool(errors):
            differences.append((accepted, errors, response.text[:300]))
    assert not differences, "\n".join(map(str, differences))
