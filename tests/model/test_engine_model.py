# SPDX-License-Identifier: Apache-2.0
"""
Random operations against the rollout engine and the model of it.

  MUSTER_MODEL_SEED=N   replays the run that printed this seed; "random" draws another
  MUSTER_MODEL_OPS=N    at least so many operations (10000)
"""
import json
import os
import random
import time

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from engine_model import ROLLOUT_FINAL, STEP_FINAL, Model

# The same each time unless asked: whoever changes something else must not meet a bug of the engine here.
WISH = os.environ.get("MUSTER_MODEL_SEED", "77")
SEED = random.SystemRandom().randrange(1 << 32) if WISH == "random" else int(WISH)
OPERATIONS = int(os.environ.get("MUSTER_MODEL_OPS", "10000"))
NODES = 4
ROLLOUTS_MAX = 9  # the server keeps twenty generations of a node, and all of them are looked at
ROUND = 60  # examples between two looks at the count
EXAMPLE_MIN, EXAMPLE_MAX = 20, 60
SHRINK_S = 60

CODES = ["gate", "disk", "digest"]  # the second one may go away by itself

small = st.integers(0, 7)
verdicts = st.sampled_from(["succeeded", "succeeded", "rolled_back", "rollback_failed", "refused",
                            "accepted", "fetching", "applying", "verifying"])
verbs = st.sampled_from(["start", "approve", "pause", "resume", "resume", "promote", "retry",
                         "retry", "abort"])
strategies = st.fixed_dictionaries({}, optional={
    "waves": st.sampled_from([[1], [1, 1], [1, 2], ["50%"], [2, 2]]),
    "max_parallel": st.integers(0, 2),
    "max_failures": st.integers(0, 2),
    "on_failure": st.sampled_from(["pause", "rollback", "rollback_wave", "fail"]),
    "offline": st.sampled_from(["later", "wait", "skip", "fail"]),
    "retries": st.just({"max": 1, "backoff_ms": 1000}),
    "priority": st.integers(-1, 1),
    "soak_ms": st.just(60000),
    "approval": st.just(True),
    "new_failure": st.sampled_from(["ignore", "stop"]),
})
creates = st.tuples(st.just("create"), st.sets(st.sampled_from("abc"), min_size=1), st.integers(1, 15),
                    strategies, small)
simple = st.one_of(
    creates,
    st.tuples(st.just("act"), small, verbs),
    st.tuples(st.just("rollback"), small),
    st.tuples(st.just("advance")),
    st.tuples(st.just("result"), small, st.integers(0, 3), verdicts, small),
    st.tuples(st.just("reported"), small),
)
operations = st.one_of(
    creates,
    st.tuples(st.just("act"), small, verbs),
    st.tuples(st.just("rollback"), small),
    st.tuples(st.just("advance")),
    st.tuples(st.just("advance")),
    st.tuples(st.just("advance")),
    st.tuples(st.just("result"), small, st.integers(0, 3), verdicts, small),
    st.tuples(st.just("result"), small, st.just(0), verdicts, small),
    st.tuples(st.just("reported"), small),
    st.tuples(st.just("presence"), small, st.booleans()),
    st.tuples(st.just("retire"), st.integers(0, 31)),
    st.tuples(st.just("expire")),
    st.tuples(st.just("crash"), st.integers(1, 40), st.sampled_from(["before", "after"]), simple),
    st.tuples(st.just("both"), st.text("ab", min_size=4, max_size=24), simple, simple),
)


class Player:
    """Turns drawn operations into commands: numbers choose among what there is."""

    def __init__(self, engine):
        self.engine = engine
        self.nodes = engine.reset(NODES)
        self.model = Model(engine, self.nodes)
        self.value = 0
        self.model.check()

    def rollout(self, index):
        """The newest ones are chosen more often, since most lies before them."""
        ids = list(self.model.rollouts)
        return ids[-1 - index % len(ids)] if ids else None

    def create(self, services, mask, strategy, kind):
        changes = []
        for service in sorted(services):
            self.value += 1
            if kind == 7:
                changes.append('{"service":"%s","remove":true}' % service)
            else:
                changes.append('{"service":"%s","run":%s,"package":{"name":"tool",'
                               '"version":"1"},"parameters":{"values":{"v":"%d"}}}' % (
                    service, "false" if kind == 6 else "true", self.value))
        nodes = [f'"{n}"' for i, n in enumerate(self.nodes) if mask >> i & 1]
        return 'create {"changes":[%s],"targets":{"nodes":[%s]},"strategy":%s,"draft":%s}' % (
            ",".join(changes), ",".join(nodes), json.dumps(strategy),
            "true" if kind == 5 else "false")

    def command(self, operation):
        name, *rest = operation
        node = self.nodes[rest[0] % NODES] if rest and isinstance(rest[0], int) else None
        if name in ("create", "rollback") and len(self.model.rollouts) >= ROLLOUTS_MAX:
            return None
        if name == "create":
            return self.create(*rest)
        if name in ("act", "rollback"):
            rollout = self.rollout(rest[0])
            return rollout and " ".join([name, rollout, *rest[1:]])
        if name == "advance":
            return "advance"
        if name == "result":
            generation = self.model.nodes[node].generation - rest[1]
            return generation > 0 and f"result {node} {generation} {rest[2]} {CODES[rest[3] % 3]}"
        if name == "reported":
            generation = self.model.nodes[node].generation
            return generation > 0 and f"reported {node} {generation}"
        if name == "presence":
            return f"presence {node} {int(rest[1])}"
        if name == "retire":
            return rest[0] < NODES and f"retire {node}"
        raise AssertionError(name)

    def play(self, operation):
        name = operation[0]
        concurrent = name == "both"
        if name == "expire":
            self.engine.expire()
            command = name
        elif name == "crash":
            inner = self.command(operation[3])
            if not inner:
                return False
            command = f"crash {operation[1]} {operation[2]} {inner}"
            self.expect(self.engine.do(command), inner)
        elif concurrent:
            first, second = self.command(operation[2]), self.command(operation[3])
            if not first or not second:
                return False
            command = f"both {operation[1]} {first} ; {second}"
            reply = self.engine.do(command)
            self.expect(reply["a"], first)
            self.expect(reply["b"], second)
        else:
            command = self.command(operation)
            if not command:
                return False
            self.expect(self.engine.do(command), command)
        self.model.check(command, concurrent)
        return True

    def expect(self, reply, command):
        """A refusal is an answer; what only the server can be blamed for is not."""
        if reply["ok"] or reply.get("crashed"):
            return
        people = command.split()[0] in ("create", "act", "rollback", "retire")
        assert people and reply["code"] in ("conflict", "invalid", "not_found"), f"{command}: {reply}"

    def finish(self):
        """Everybody is back and well, and nobody interferes: all of it comes to an end."""
        for turn in range(24):
            commands = []
            for node in self.nodes:
                generation = self.model.nodes[node].generation
                commands.append(f"presence {node} 1")
                if generation:
                    commands.append(f"result {node} {generation} succeeded x")
            for rollout in self.model.rollouts.values():
                verb = {"draft": "abort", "awaiting_approval": "approve",
                        "paused": "resume"}.get(rollout["state"])
                if verb:
                    commands.append(f"act {rollout['id']} {verb}")
            for command in [*commands, "advance", "advance"]:
                self.expect(self.engine.do(command), command)
            if turn % 3 == 2:
                self.engine.expire()
            self.model.check("finish")
            if not self.left():
                return
        raise AssertionError(f"never ends: {self.left()}")

    def left(self):
        """What is not at its end, but for those whose turn never came in a rollout that has ended."""
        over = {r["id"] for r in self.model.rollouts.values() if r["state"] in ROLLOUT_FINAL}
        return [r for i, r in self.model.rollouts.items() if i not in over] + [
            s for (r, _), s in self.model.steps.items() if s["state"] not in STEP_FINAL
            and not (s["state"] == "pending" and self.model.rollouts[r]["state"] == "failed")]


def fails(engine, drawn):
    """What is wrong after these operations, or None."""
    try:
        player = Player(engine)
        for operation in drawn:
            player.play(operation)
        player.finish()
    except AssertionError as error:
        return error
    return None


def shrink(engine, drawn):
    """Fewer operations that still fail: hypothesis' own way takes minutes, since each try is many of them."""
    deadline, size = time.monotonic() + SHRINK_S, len(drawn) // 2
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(drawn) and time.monotonic() < deadline:
            fewer = drawn[:at] + drawn[at + size:]
            if fails(engine, fewer):
                drawn = fewer
            else:
                at += size
        size //= 2
    return drawn


# What was found once, as it was shrunk.
FOUND = {
    "a retired node that failed has nothing to put back": [
        ("create", {"b"}, 15, {}, 6), ("advance",), ("advance",), ("retire", 1),
        ("result", 1, 0, "rolled_back", 7), ("retire", 2), ("expire",), ("advance",)],
    "nothing to roll back at a gate that says roll back": [
        ("create", {"a", "b"}, 5, {"max_parallel": 2, "waves": [2, 2], "offline": "fail",
                                   "on_failure": "rollback"}, 7),
        ("presence", 6, False), ("advance",), ("advance",)],
    "the rollback is rolled back": [
        ("create", {"a", "b"}, 3, {}, 0), ("advance",), ("advance",), ("rollback", 0),
        ("advance",), ("advance",), ("rollback", 0), ("advance",)],
    "what ran before has failed meanwhile": [
        ("create", {"b", "c"}, 11, {}, 2), ("create", {"a", "b"}, 2, {}, 0), ("advance",),
        ("advance",), ("expire",), ("advance",)],
    "what was taken away before comes back when that has failed, too": [
        ("create", {"a"}, 1, {}, 0), ("advance",), ("advance",), ("result", 0, 0, "succeeded", 0),
        ("create", {"a", "b"}, 1, {}, 7), ("advance",), ("advance",),
        ("create", {"a"}, 1, {}, 7), ("advance",), ("advance",),
        ("result", 0, 0, "rolled_back", 0)],
    "a part that lost a service is tried again after the newer one has failed": [
        ("create", {"a", "b"}, 14, {"waves": [2, 2], "priority": -1, "max_parallel": 2,
                                    "retries": {"max": 1, "backoff_ms": 1000}}, 0),
        ("create", {"a", "c"}, 2, {"on_failure": "fail", "priority": 1}, 6),
        ("both", "aaab", ("advance",), ("advance",)), ("expire",), ("advance",)],
    "a rollback is made while the nodes get their generations": [
        ("create", {"b"}, 9, {"priority": 1}, 6), ("advance",),
        ("both", "aaabbabaababaabaa", ("advance",), ("rollback", 0))],
    "a part that lost a service fails": [
        ("create", {"b", "c"}, 1, {}, 2), ("advance",), ("advance",),
        ("create", {"b"}, 1, {}, 0), ("advance",), ("advance",),
        ("result", 0, 1, "rolled_back", 0)],
}


@pytest.mark.parametrize("name", FOUND)
def test_found_once(engine, name):
    found = fails(engine, FOUND[name])
    assert not found, found


def test_random_operations_keep_every_promise(engine):
    begun, done, rounds, told = time.monotonic(), 0, 0, None
    print(f"MUSTER_MODEL_SEED={SEED}")

    def run(drawn):
        nonlocal done, told
        if told:  # hypothesis asks once more whether it fails
            raise AssertionError(told)
        found = fails(engine, drawn)
        done += len(drawn)
        if found:
            few = shrink(engine, drawn)
            lines = "".join(f"    {operation!r},\n" for operation in few)
            told = f"{lines}MUSTER_MODEL_SEED={SEED}\n{str(fails(engine, few) or found)[:2000]}"
            print(told)
            raise AssertionError(told)

    while done < OPERATIONS:
        shape = st.lists(operations, min_size=EXAMPLE_MIN, max_size=EXAMPLE_MAX)
        quiet = settings(max_examples=ROUND, deadline=None, database=None, print_blob=False,
                         phases=[Phase.generate], suppress_health_check=list(HealthCheck),
                         report_multiple_bugs=False)
        seed(SEED + rounds)(quiet(given(shape)(run)))()
        rounds += 1
    print(f"{done} operations, {rounds} rounds, {time.monotonic() - begun:.0f} s")
