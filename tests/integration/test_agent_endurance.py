# SPDX-License-Identifier: Apache-2.0
"""Services outlive the agent and the connection; what they write arrives once and in order."""
import os
import signal

import pytest

from harness import Agent, Server, wait_until
from harness.changes import Vendor, roll_out, wait_for_rollout, steps

# Numbered lines; the counter is in the data folder, so it goes on over restarts of the service.
COUNT = """n=$(cat n 2>/dev/null || echo 0)
while :; do n=$((n+1)); echo line $n; echo $n > n; sleep 0.05; done
"""


@pytest.fixture(scope="module")
def own_server():
    """One that may be stopped."""
    with Server() as running:
        yield running


def install(api, script=COUNT):
    Vendor(api).release("app", "1.0", script, {"cwd": "${muster.data}"})
    done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"}}])
    assert done["state"] == "succeeded", steps(api, done)


def service(agent):
    return agent.status()["services"][0]


def written(agent):
    return int((agent.dir / "data" / "app" / "n").read_text() or 0)


def lines(api, node):
    items, after = [], 0
    while True:
        page = api.get("/logs", node=node, service="app", after=after, limit=500)["items"]
        if not page:
            return [int(item["text"].split()[1]) for item in items]
        items += page
        after = page[-1]["id"]


def check_lines(api, agent):
    """All that was written before this moment arrives, each line once, in its order."""
    last = written(agent)
    found = wait_until(lambda: (lambda got: got if got and got[-1] >= last else None)(
        lines(api, agent.name)), f"line {last}")
    assert found == list(range(1, len(found) + 1))


def test_services_survive_the_agent(api, new_agent):
    agent = new_agent("gw")
    install(api)
    pid = service(agent)["pid"]
    for _ in range(5):
        agent.kill()
        os.kill(pid, 0)
        assert agent.start().wait_status()["services"][0]["pid"] == pid
    agent.stop(signal.SIGTERM)
    os.kill(pid, 0)
    assert agent.start().wait_status()["services"][0]["pid"] == pid
    agent.wait_online()
    check_lines(api, agent)


def test_shutdown_stops_the_services_also_without_an_agent(api, new_agent):
    agent = new_agent("gw")
    install(api)
    pid = service(agent)["pid"]
    agent.kill()
    # From where the folder has a relative name.
    agent.run_command("shutdown", "--dir", os.path.relpath(agent.dir))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    agent.start().wait_status()
    wait_until(lambda: service(agent)["state"] == "running", "the service to run again")
    pid = service(agent)["pid"]
    agent.shutdown()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_nothing_is_lost_while_the_server_is_away(own_server):
    api = own_server.admin
    agent = Agent(own_server, api, "away")
    with agent:
        agent.wait_online()
        install(api)
        pid = service(agent)["pid"]
        own_server.stop()
        wait_until(lambda: not agent.status()["online"], "the agent to notice")
        before = written(agent)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: service(agent)["pid"] not in (0, pid), "a restart without the server")
        wait_until(lambda: written(agent) > before + 20, "lines that nobody collects")
        agent.kill()
        agent.start()
        own_server.start()
        agent.wait_online()
        check_lines(api, agent)
        wait_until(lambda: any(item["kind"] == "service.exited"
                               for item in api.items("/nodes/away/timeline")),
                   "the exit that happened while nobody listened")
        assert agent.service("app")["restarts"] >= 0


def test_change_made_while_the_node_is_away_is_applied_on_return(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    for version in ("1.0", "2.0", "3.0"):
        vendor.release("app", version, f"echo {version}\nwhile :; do sleep 1; done\n")

    def change(version):
        return [{"service": "app", "driver": "generic", "run": True,
                 "package": {"name": "app", "version": version}}]

    assert roll_out(api, change("1.0"))["state"] == "succeeded"
    agent.stop()
    wait_until(lambda: agent.node()["status"] == "offline", "the node to be offline")
    made = roll_out(api, change("3.0"), wait=False, offline="wait")
    agent.start()
    assert wait_for_rollout(api, made["id"])["state"] == "succeeded"
    # The verdict and the report of what runs are two messages.
    wait_until(lambda: agent.service("app")["package"]["version"] == "3.0", "the report")


def test_download_goes_on_where_it_was_broken_off(api, new_agent):
    agent = new_agent("gw")
    agent.stop()
    vendor = Vendor(api)
    noise = os.urandom(3 << 20).hex()
    data = vendor.release("app", "1.0", "while :; do sleep 1; done\n", files={"noise": noise})
    (agent.dir / "agent.conf").write_text("fetch_rate_bytes = 256KiB\n")
    agent.start().wait_online()
    made = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"}}], wait=False)

    def part():
        found = list((agent.dir / "packages").glob("*.part"))
        return found[0].stat().st_size if found else 0

    wait_until(lambda: part() > len(data) // 8, "a part of the archive")
    agent.kill()
    kept = part()
    assert 0 < kept < len(data)
    (agent.dir / "agent.conf").write_text("")
    agent.start()
    assert wait_for_rollout(api, made["id"])["state"] == "succeeded"
    assert agent.service("app") is not None
    # The server was asked for the rest only.
    assert "status=206" in agent.server.log()
