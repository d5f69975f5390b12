# SPDX-License-Identifier: Apache-2.0
"""A gateway that comes back: it asks what time it is, and catches up without a flood."""
import datetime
import json
import os
import sqlite3

import pytest

from harness import program, wait_until
from harness.changes import Vendor, roll_out, steps

NOWHERE = ["mqtts://127.0.0.1:1"]


def brokers(agent, urls):
    path = agent.dir / "keys" / "identity.json"
    identity = json.loads(path.read_text())
    before, identity["brokers"] = identity["brokers"], urls
    path.write_text(json.dumps(identity))
    return before


def state(agent, sql, *args):
    with sqlite3.connect(agent.dir / "state.db") as db:
        return db.execute(sql, args).fetchall()


def test_wrong_clock_is_put_right_on_the_way_up(api, new_agent):
    agent = new_agent("gw")
    # The question of the first connection was answered, and told as nothing.
    wait_until(lambda: state(agent, "SELECT 1 FROM boot WHERE most < 9e18"), "the answer")
    assert not [e for e in api.items("/nodes/gw/timeline") if e["kind"].startswith("command.")]
    online = brokers(agent, NOWHERE)
    agent.stop()
    # Stamps as a board without a battery makes them: the clock said 1970 all the time.
    agent.start()
    agent.wait_status()
    agent.stop()
    wrong = 1_000_000_000
    right = state(agent, "SELECT max(wall) FROM spool WHERE stream = 'events'")[0][0]
    body = json.dumps({"at": "1970-01-01T00:16:40.000000Z", "events": [
        {"at": "1970-01-01T00:16:39.000000Z", "kind": "agent.note", "severity": "info",
         "text": "written in 1970"}]})
    with sqlite3.connect(agent.dir / "state.db") as db:
        seq, boot, uptime = db.execute("SELECT max(seq), max(boot), max(uptime) FROM spool"
                                       " WHERE stream = 'events'").fetchone()
        db.execute("UPDATE spool SET wall = ?, body = ? WHERE stream = 'events' AND seq = ?",
                   (wrong, body, seq))
    brokers(agent, online)
    agent.start()
    agent.wait_online()
    note = wait_until(lambda: [e for e in api.items("/nodes/gw/timeline")
                               if e["kind"] == "agent.note"], "the event")[0]
    at = datetime.datetime.fromisoformat(note["at"].replace("Z", "+00:00")).timestamp()
    assert abs(at + 1 - right / 1e6) < 5, (note, right)
    assert abs(note["data"]["clock_corrected_ms"] - (right - wrong) / 1000) < 5000
    assert boot > 0 and uptime > 0


@pytest.mark.parametrize("days", [-20000, 20000])
def test_wrong_clock_keeps_nobody_from_server_and_packages(api, new_agent, monkeypatch, days):
    agent = new_agent("gw")
    agent.stop()
    monkeypatch.setenv("LD_PRELOAD", str(program("wrong_clock.so")))
    monkeypatch.setenv("WRONG_CLOCK_S", str(days * 86400))
    monkeypatch.setenv("ASAN_OPTIONS",
                       os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    agent.start()
    monkeypatch.undo()
    agent.wait_online()
    Vendor(api).release("app", "1.0", "echo here; while :; do sleep 1; done\n")
    done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"}}])
    assert done["state"] == "succeeded", steps(api, done)
    wait_until(lambda: abs(agent.node()["health"]["clock_offset_ms"] / 86400e3 - days) < 1,
               "the server to know how wrong the clock is")
    # What it says is put right, and marked.
    now = datetime.datetime.now(datetime.timezone.utc)
    started = wait_until(lambda: [e for e in api.items("/nodes/gw/timeline")
                                  if e["kind"] == "service.started"], "the event")[0]
    assert abs(datetime.datetime.fromisoformat(started["at"].replace("Z", "+00:00")) - now
               ).total_seconds() < 60
    assert abs(started["data"]["clock_corrected_ms"] / 86400e3 + days) < 1
    line = wait_until(lambda: api.get("/logs", node="gw")["items"], "its line")[0]
    assert line["corrected"]


def test_backlog_is_paced_and_complete(api, new_agent):
    agent = new_agent("gw")
    online = brokers(agent, NOWHERE)
    agent.stop()
    conf = agent.dir / "agent.conf"
    conf.write_text("catchup_rate_bytes = 32KiB\ncatchup_spread_ms = 0s\n")
    agent.start()
    agent.wait_status()
    agent.stop()
    # A hundred messages that wait: with their cost some 6 seconds at this rate.
    with sqlite3.connect(agent.dir / "state.db") as db:
        seq, boot = db.execute("SELECT s.produced, max(p.boot) FROM stream s, spool p"
                               " WHERE s.stream = 'events'").fetchone()
        for i in range(1, 101):
            body = json.dumps({"at": "2026-01-01T00:00:00.000000Z", "events": [
                {"at": "2026-01-01T00:00:00.000000Z", "kind": "agent.note", "severity": "info",
                 "text": f"note {i}"}]})
            db.execute("INSERT INTO spool(stream, seq, first, items, dropped, bytes, body, boot,"
                       " uptime, wall) VALUES('events', ?, ?, 1, 0, ?, ?, 0, 0, 0)",
                       (seq + i, seq + i, len(body), body))
        db.execute("UPDATE stream SET produced = ? WHERE stream = 'events'", (seq + 100,))
    brokers(agent, online)
    agent.start()
    agent.wait_online()

    def notes():
        return [e["text"] for e in api.items("/nodes/gw/timeline") if e["kind"] == "agent.note"]
    seen = [len(wait_until(notes, "the first"))]
    while seen[-1] < 100:
        seen.append(len(wait_until(lambda: n if len(n := notes()) > seen[-1] else None, "more")))
    assert len(seen) > 2, "it came in pieces"
    assert sorted(notes()) == sorted(f"note {i}" for i in range(1, 101)), "each once"
