# SPDX-License-Identifier: Apache-2.0
"""The main job of Muster, played on the demo plant with the muster command alone; every step must hold."""

import concurrent.futures
import contextlib
import functools
import os
import shutil
import signal
import sys
import time

import provision
from processes import DemoError, wait_for
from receiver import Receiver

TEMPERATURE = "plant/+/modbus-machine/temperature-bearing"
WAVES = "1,2,2"
# The exit status of "rollout ... --wait" when the rollout ended otherwise.
NOT_SUCCEEDED = 3


class Steps:
    """Prints each step with the time that it took."""

    def __init__(self, out=sys.stdout):
        self._out = out
        self._began = time.monotonic()
        self._count = 0

    @contextlib.contextmanager
    def step(self, text):
        self._count += 1
        began = time.monotonic()
        print(f"{self._count:3}. {text} ...", end=" ", file=self._out, flush=True)
        try:
            yield
        except BaseException:
            print("FAILED", file=self._out, flush=True)
            raise
        print(f"{time.monotonic() - began:.1f} s", file=self._out, flush=True)

    def summary(self, held):
        verdict = "the story held" if held else "the story did NOT hold"
        print(f"\n{verdict}: {self._count} steps in {time.monotonic() - self._began:.1f} s", file=self._out, flush=True)


def everywhere(plant, what, condition):
    """Waits on all gateways at once until the condition holds for each."""
    with concurrent.futures.ThreadPoolExecutor(len(plant.gateways)) as pool:
        waits = [
            pool.submit(wait_for, f"{what} on {gateway.name}", functools.partial(condition, gateway))
            for gateway in plant.gateways
        ]
        for wait in waits:
            wait.result()


def check(truth, text):
    if not truth:
        raise DemoError(text)


def service_of(muster, node, service):
    """What the API says of one service of a node."""
    services = muster.json("node", "show", node)["services"]
    return next(one for one in services if one["name"] == service)


def versions(muster, service):
    """{node: (package version, config version)} of a service as the nodes report it, over all nodes."""
    found = {}
    for node in muster.items("node", "list"):
        for one in node["services"]:
            if one["name"] == service:
                package, config = one["package"] or {}, one["config"] or {}
                found[node["name"]] = (package.get("version"), config.get("version"))
    return found


def content(muster, node):
    """What a node should run, without what differs from one transfer to the next."""
    return muster.json("node", "desired", node)["content"]["services"]


def intervals(gateway, count=3):
    times = [float(payload.split(":")[0]) for _, payload in gateway.readings(TEMPERATURE, count + 1, 30)]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def sees_interval(gateway, seconds):
    found = intervals(gateway)
    return len(found) == 3 and all(abs(one - seconds) < 0.4 for one in found)


def broker_says(gateway):
    """The version that the running broker itself tells."""
    found = gateway.readings("$SYS/broker/version", 1, 5)
    return found[0][1] if found else ""


def push_interval(plant, muster, seconds):
    """A new version of the collector's config: the same files with another interval."""
    folder = os.path.join(plant.folder, "collector-config")
    shutil.copytree(os.path.join(provision.CONFIGS, "collector"), folder, dirs_exist_ok=True)
    path = os.path.join(folder, "collectd.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("Interval ${interval}", f"Interval {seconds}"))
    muster.run("config", "push", "collector", folder, "--message", f"read every {seconds} s")


def play_config(plant, muster, steps):
    with steps.step("push one config (readings every 1 s instead of 2) to all five in one batch"):
        push_interval(plant, muster, 1)
        rollout = start_rollout(muster, "faster readings", "collector", config="collector@2")
        expect_success(muster, rollout)
        found = versions(muster, "collector")
        check(set(found.values()) == {("5.12.0", 2)}, f"collectors report {found}")
    with steps.step("see the new interval in the data of every gateway"):
        everywhere(plant, "readings every second", lambda gateway: sees_interval(gateway, 1))
    return rollout


def expect_success(muster, rollout):
    check(rollout["state"] == "succeeded", f"the rollout is {rollout['state']}: {muster.why(rollout['number'])}")


def start_rollout(muster, name, service, package=None, config=None, waves=None, gate=None):
    """Starts a rollout to all nodes, waits for its end, and gives it."""
    command = ["rollout", "start", "--name", name, *muster.everything(), "--service", service, "--wait"]
    command += ["--package", package] if package else []
    command += ["--config", config] if config else []
    command += ["--waves", waves] if waves else []
    command += ["--health-gate", gate] if gate else []
    return muster.json(*command, expect=(0, NOT_SUCCEEDED))


def play_upgrade(plant, muster, steps):
    with steps.step("upgrade the broker on all from 2.0.11 to 2.0.21 in waves of 1, 2, 2"):
        rollout = start_rollout(muster, "new broker", "broker", package="mosquitto@2.0.21", waves=WAVES)
        expect_success(muster, rollout)
        check([wave["size"] for wave in rollout["waves"]] == [1, 2, 2], f"waves: {rollout['waves']}")
        everywhere(plant, "mosquitto 2.0.21", lambda gateway: "2.0.21" in broker_says(gateway))
    return rollout


def play_broken(plant, muster, steps):
    with steps.step("push a broken broker: the first wave fails its health gate and puts itself back"):
        rollout = start_rollout(muster, "broken", "broker", "mosquitto@2.0.22", waves=WAVES)
        check(rollout["state"] == "paused", f"the rollout is {rollout['state']}, not paused")
        steps_of = muster.items("rollout", "steps", str(rollout["number"]))
        states = sorted(one["state"] for one in steps_of)
        check(states == ["pending"] * 4 + ["rolled_back"], f"steps: {states}")
        failed = next(one for one in steps_of if one["state"] == "rolled_back")
        check("symbol lookup error" in str(failed["error"]), f"the cause is not told: {failed['error']}")
    with steps.step("the other four were not touched, and all five brokers are 2.0.21"):
        everywhere(plant, "mosquitto 2.0.21", lambda gateway: "2.0.21" in broker_says(gateway))
        muster.run("rollout", "abort", str(rollout["number"]))


def play_rollback(plant, muster, steps, rollouts, before):
    with steps.step("roll the whole fleet back to where it began"):
        for rollout in reversed(rollouts):
            command = ["rollout", "rollback", str(rollout["number"]), "--wait"]
            expect_success(muster, muster.json(*command, expect=(0, NOT_SUCCEEDED)))
        for gateway in plant.gateways:
            check(content(muster, gateway.name) == before[gateway.name], f"{gateway.name} differs from its beginning")
        everywhere(plant, "mosquitto 2.0.11", lambda gateway: "2.0.11" in broker_says(gateway))
    with steps.step("see the old interval in the data of every gateway"):
        everywhere(plant, "readings every two seconds", lambda gateway: sees_interval(gateway, 2))


def play_kill(plant, muster, steps):
    gateway = plant.gateway("gw-2")
    with steps.step(f"kill -9 the collector of {gateway.name} and see it return"):
        before = service_of(muster, gateway.name, "collector")
        os.kill(before["pid"], signal.SIGKILL)

        def returned():
            now = service_of(muster, gateway.name, "collector")
            return now["state"] == "running" and now["pid"] not in (None, 0, before["pid"])

        wait_for("the collector with a new pid", returned)
        check(gateway.readings(TEMPERATURE, 2, 30), "the collector is back, and no data")


def play_alert(plant, muster, steps, receiver):
    gateway = plant.gateway("gw-5")
    with steps.step("add a webhook, and hear its test"):
        muster.run("alert-rule", "set", "node-offline", "--for", "5s")
        webhook = muster.json(
            "webhook", "create", "story", "--url", receiver.url, "--event", "alert.*"
        )
        receiver.secret = webhook["secret"]
        muster.run("webhook", "test", webhook["id"])
        wait_for("a signed test event", lambda: receiver.find("webhook.test"))
    with steps.step(f"stop {gateway.name}: the alert reaches the webhook with a valid signature"):
        gateway.shut_down()
        wait_for("alert.firing", lambda: receiver.find("alert.firing", gateway.name))
    with steps.step(f"start {gateway.name} again: the alert resolves"):
        gateway.start()
        wait_for("alert.resolved", lambda: receiver.find("alert.resolved", gateway.name))
        wait_for(f"derived readings on {gateway.name}", lambda: gateway.readings("derived/#", 1, 5))
        check(not receiver.refused, "a delivery came with a wrong signature")


def play_logs(muster, steps):
    with steps.step("read log lines of a collector back through the API"):
        wait_for(
            "the collector's own words",
            lambda: "entering read-loop" in muster.run("logs", "--node", "gw-2", "--service", "collector").stdout,
        )


def play(plant, muster, steps):
    before = {gateway.name: content(muster, gateway.name) for gateway in plant.gateways}
    receiver = Receiver()
    try:
        rollouts = [play_config(plant, muster, steps), play_upgrade(plant, muster, steps)]
        play_broken(plant, muster, steps)
        play_rollback(plant, muster, steps, rollouts, before)
        play_kill(plant, muster, steps)
        play_alert(plant, muster, steps, receiver)
        play_logs(muster, steps)
    finally:
        receiver.close()
