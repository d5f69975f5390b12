# SPDX-License-Identifier: Apache-2.0
"""Releasing shell scripts as packages and rolling them out."""
from . import packages
from .wait import wait_until

FINAL = ("succeeded", "failed", "aborted", "paused", "rolled_back")


class Vendor:
    """A release key of a project, and packages whose program is a shell script."""

    def __init__(self, api):
        self.api = api
        self.key = packages.ReleaseKey()
        api.post("/release-keys", {"name": "vendor", "public_key": self.key.public})

    def release(self, name, version, script, service=None, files=None, tar=False, **manifest):
        """tar: the manifest names the tar inside, so that nodes may fetch a patch."""
        data = packages.archive({"bin/run": "#!/bin/sh\n" + script, **(files or {})})
        body = packages.manifest(data, name, version, **manifest)
        body["service"] = {"driver": "generic", "command": ["${muster.package}/bin/run"],
                           **(service or {})}
        if tar:
            body["archive"]["tar"] = packages.tar_of(data)
        answer = packages.publish(self.api, data, self.key.sign(body))
        assert answer.status_code == 201, answer.text
        return data


def roll_out(api, changes, wait=True, **strategy):
    """Changes every node of the project. Returns the rollout once it has come to an end."""
    made = api.post("/rollouts", {
        "name": "test", "changes": changes, "targets": {
            "selector": "*", "confirm_count": api.get("/nodes", limit=1)["total"]},
        "strategy": {"health_gate_ms": 0, "offline": "wait", **strategy}})
    if not wait:
        return made
    return wait_for_rollout(api, made["id"])


def wait_for_rollout(api, rollout):
    def ended():
        found = api.get(f"/rollouts/{rollout}")
        return found if found["state"] in FINAL else None
    return wait_until(ended, f"rollout {rollout} to end")


def steps(api, rollout):
    return api.items(f"/rollouts/{rollout['id']}/steps")
