# SPDX-License-Identifier: Apache-2.0
"""Brings the demo plant up: server, gateways, packages, configs, and the first rollout."""

import glob
import json
import os

from muster import Muster
from processes import DemoError, wait_for

CONFIGS = os.path.join(os.path.dirname(__file__), "..", "..", "demo", "config")

# service: (driver, package, version that it begins with)
SERVICES = {
    "broker": ("mosquitto", "mosquitto", "2.0.11"),
    "collector": ("generic", "collectd", "5.12.0"),
    "analytics": ("generic", "node-red", None),
}

# service: the variable that its probe's port comes from
PORTS = {"broker": "${broker_port}", "analytics": "${analytics_port}"}


def packages(folder):
    """Manifests of the packages in a folder, as (path of the manifest, path of the archive, manifest)."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        found.append((path, path.removesuffix("json") + manifest["archive"]["format"], manifest))
    return found


def start(plant, steps):
    """Server and machines, and the five gateways enrolled."""
    with steps.step("start musterd standalone and five machines"):
        plant.start_server()
        plant.make_token()
        plant.add_gateways()
    with steps.step("enrol five gateways"):
        muster = Muster(plant)
        for gateway in plant.gateways:
            token = muster.json("enroll-token", "create", "--name", gateway.name)
            gateway.enroll(token["token"], token["ca_fingerprint"])
            gateway.start()
        wait_for("five gateways online", lambda: online(muster) == set(g.name for g in plant.gateways))


def online(muster):
    return {node["name"] for node in muster.items("node", "list") if node["status"] in ("online", "warning")}


def fill(plant, muster, folder, steps):
    """Packages, configs and variables into the server, and all of it onto the gateways."""
    with steps.step("upload signed packages"):
        key = os.path.join(plant.folder, "release.key")
        muster.run("release-key", "create", "demo", "--out", key)
        for manifest, archive, _ in packages(folder):
            muster.run("package", "upload", "--manifest", manifest, "--key", key, archive)
    with steps.step("store configs and each gateway's variables"):
        for service, (driver, _, _) in SERVICES.items():
            muster.run("config", "create", service, "--service", service, "--driver", driver)
            muster.run("config", "push", service, os.path.join(CONFIGS, service), "--message", "first version")
        for gateway in plant.gateways:
            for name in ("broker_port", "analytics_port", "modbus_port"):
                muster.run("var", "set", name, str(getattr(gateway, name)), "--node", gateway.name)
    with steps.step("roll three services out to five gateways"):
        command = ["rollout", "start", "--name", "first rollout", *muster.everything(), "--wait",
                   *first_changes(folder)]
        rollout = muster.json(*command, expect=(0, 3))
        if rollout["state"] != "succeeded":
            raise DemoError(f"the rollout is {rollout['state']}: {muster.why(rollout['number'])}")
    with steps.step("see derived readings on every gateway"):
        for gateway in plant.gateways:
            wait_for(f"derived readings on {gateway.name}", lambda g=gateway: g.readings("derived/#", 1, 10))


def first_changes(folder):
    """Options of "rollout start": what the three services are to run. Ports differ: each node has its own variables."""
    options = []
    for service, (driver, package, version) in SERVICES.items():
        version = version or next(m["version"] for _, _, m in packages(folder) if m["name"] == package)
        options += ["--service", service, "--driver", driver, "--package", f"{package}@{version}"]
        options += ["--config", f"{service}@1"]
        if service in PORTS:
            options += ["--param", f"port={PORTS[service]}"]
    return options
