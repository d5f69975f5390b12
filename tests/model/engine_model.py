# SPDX-License-Identifier: Apache-2.0
"""
What the engine must have done, worked out anew from the order of the generations.

The model keeps, for each node, what each service runs and which rollout it has from (the owner), and what
a rollout found when it came. Each generation is then either the part of one rollout (former content
with its changes), or what a failed part found there before, put back where that rollout is still the
owner. Everything else is checked between two looks at the rows.
"""

STEPS = ["pending", "queued", "sent", "accepted", "fetching", "applying", "verifying", "succeeded",
         "failed", "rolled_back", "rollback_failed", "timed_out", "superseded", "skipped"]
RANK = {state: rank for rank, state in enumerate(STEPS)}
FAILURES = {"failed", "rolled_back", "rollback_failed", "timed_out"}
STEP_FINAL = FAILURES | {"succeeded", "superseded", "skipped"}
ROLLOUT_FINAL = {"succeeded", "failed", "aborted", "rolled_back"}
IN_FLIGHT = set(STEPS[2:7])


class Node:
    def __init__(self):
        self.content = {}    # service -> its JSON in the newest generation
        self.owner = {}      # service -> number of the rollout that it has from
        self.claims = {}     # service that never was there -> number of the rollout that says so
        self.generation = 0
        self.found = {}      # rollout id -> {service: (content, owner)} at its last attempt
        self.attempts = {}   # (rollout id, attempt) -> generation
        self.to_restore = set()


class Model:
    def __init__(self, engine, nodes):
        self.engine = engine
        self.nodes = {node: Node() for node in nodes}
        self.rollouts, self.steps = {}, {}
        self.aborted = set()
        self.owned = {}  # id of a rollback -> node -> services that were the original's when it was made
        self.young = set()  # rollbacks made at the same time as something else
        self.last = None

    # --- one look ---

    def check(self, command="", concurrent=False):
        now = self.engine.look({n: node.generation for n, node in self.nodes.items()})
        rollouts = {r["id"]: r for r in now["rollouts"]}
        steps = {(s["rollout"], s["node"]): s for s in now["steps"]}
        self.retired = {n["id"] for n in now["nodes"] if n["state"] == "retired"}
        for rollout in rollouts.values():
            self.check_rollout(rollout, [s for s in now["steps"] if s["rollout"] == rollout["id"]])
        for key, step in steps.items():
            self.check_step(rollouts[key[0]], self.steps.get(key), step, "retry" in command)
        self.learn_rollbacks(rollouts, concurrent)
        for generation in now["generations"]:
            self.take_generation(rollouts, steps, generation, concurrent)
        for node in now["nodes"]:
            assert node["generation"] == self.nodes[node["id"]].generation, "a generation is lost"
        self.check_rows(rollouts, now["rows"])
        self.check_owners(rollouts, steps)
        changed = {r for r, n in steps if steps[r, n] != self.steps.get((r, n))}
        changed |= {r for r in rollouts if rollouts[r] != self.rollouts.get(r)}
        self.rollouts, self.steps, self.last = rollouts, steps, now
        self.aborted |= {r["id"] for r in rollouts.values() if r["state"] == "aborted"}
        for rollout in changed:
            self.check_counts(rollouts[rollout])

    # --- states ---

    def check_rollout(self, rollout, steps):
        assert rollout["state"] not in ("paused", "failed", "aborted", "rolling_back") \
            or rollout["reason"], f"{rollout['state']} without a reason"
        if rollout["state"] == "succeeded" and rollout["strategy"].get("offline") != "later":
            late = [s for s in steps if s["state"] not in STEP_FINAL]
            assert not late, f"succeeded with {late}"
        if rollout["state"] == "aborted":
            assert not [s for s in steps if s["state"] in ("pending", "queued")], "aborted, not all"

    def check_step(self, rollout, before, step, retrying):
        if step["state"] in FAILURES | {"superseded", "skipped"}:
            assert step["reason"] or step["error"], f"{step['state']} without a reason"
        if before is None:
            assert step["state"] == "pending" and step["attempt"] == 0, step
            return
        assert step["attempt"] >= before["attempt"], "attempts went back"
        if before["state"] in STEP_FINAL and step["state"] != before["state"]:
            assert before["state"] in FAILURES, f"{before['state']} became {step['state']}"
            assert retrying or step["retries"] > before["retries"] or step["state"] in (
                "superseded", "skipped"), f"{before['state']} became {step['state']}"
        elif RANK[step["state"]] < RANK[before["state"]]:
            assert step["attempt"] > before["attempt"], f"{before['state']} became {step['state']}"
        if step["state"] in IN_FLIGHT | {"succeeded"}:
            assert step["generation"], f"{step['state']} without a generation"
        assert rollout["current_wave"] >= step["wave"] or step["state"] in (
            "pending", "superseded", "skipped"), f"{step['state']} before its wave"

    def check_counts(self, rollout):
        found = self.engine.do(f"look {rollout['id']}")
        assert found["ok"], found
        assert not found["mute"], f"without a reason: {found['mute']}"
        steps = [s for (r, _), s in self.steps.items() if r == rollout["id"]]
        assert found["steps"] == len(steps)
        for counts in found["counts"]:
            assert counts[0] == sum(counts[1:]), f"counts do not add up: {counts}"
        assert sum(c[0] for c in found["counts"]) == len(steps), "steps are not counted"
        assert sum(c[2] for c in found["counts"]) == \
            sum(s["state"] in FAILURES for s in steps), "failures are counted wrong"
        assert sum(c[1] for c in found["counts"]) == \
            sum(s["state"] == "succeeded" for s in steps), "successes are counted wrong"

    # --- generations ---

    def changes(self, rollout, step):
        """service -> content, None for one that goes."""
        out = {}
        for service, change in (step["after"] or rollout["resolved"]).items():
            if change is None or change.get("remove"):
                out[service] = None
            else:
                out[service] = {"run": change.get("run"), "parameters": change.get("parameters")}
        return out

    def learn_rollbacks(self, rollouts, concurrent):
        """What a rollback restores is settled when it is made."""
        self.young = set()
        for rollout in rollouts.values():
            if rollout["kind"] == "rollback" and rollout["id"] not in self.owned:
                number = rollouts[rollout["rollback_of"]]["number"]
                self.owned[rollout["id"]] = {
                    n: {s for s, owner in node.owner.items() if owner == number}
                    for n, node in self.nodes.items()}
                if concurrent:
                    self.young.add(rollout["id"])

    def take_generation(self, rollouts, steps, generation, concurrent):
        node = self.nodes[generation["node"]]
        assert generation["generation"] == node.generation + 1, "a generation is missing"
        node.generation += 1
        services = generation["content"]["services"]
        content = {s: {"run": c["run"], "parameters": c["parameters"]}
                   for s, c in services.items()}
        if generation["rollout"] is None:
            self.take_restored(rollouts, steps, generation["node"], node, content)
        else:
            self.take_applied(rollouts, steps, generation, node, content, concurrent)
        node.content = content

    def take_applied(self, rollouts, steps, generation, node, content, concurrent):
        rollout = rollouts[generation["rollout"]]
        step = steps[rollout["id"], generation["node"]]
        attempt = generation["content"]["apply"]["attempt"]
        assert (rollout["id"], attempt) not in node.attempts, "two generations for one attempt"
        assert attempt <= step["attempt"]
        assert concurrent or rollout["id"] not in self.aborted, "a generation after the abort"
        node.attempts[rollout["id"], attempt] = generation["generation"]
        expected, found = dict(node.content), {}
        for service, change in self.changes(rollout, step).items():
            owner = node.owner.get(service)
            if owner is not None and owner > rollout["number"]:
                continue  # what a newer one has set stays as it is
            if node.claims.get(service, 0) > rollout["number"]:
                continue
            if service in step["lost"] and content.get(service) == node.content.get(service):
                continue  # once taken over it stays so, also when the newer one has failed
            if change is None and service not in node.owner:
                node.claims[service] = rollout["number"]  # it was never there, and shall not be
                continue
            found[service] = (node.content.get(service), owner)
            if rollout["kind"] == "rollback":
                original = node.found[rollout["rollback_of"]]
                was = original[service][0]
                assert service in self.owned[rollout["id"]][generation["node"]], \
                    f"rolled back {service}, which a newer rollout has changed"
                expected[service] = was
            elif change is None:
                expected[service] = None
            else:
                expected[service] = change
            node.owner[service] = rollout["number"]
            for young in self.young:  # made before or after this: both are right
                if rollouts[young]["rollback_of"] == rollout["id"]:
                    self.owned[young][generation["node"]].add(service)
        expected = {s: c for s, c in expected.items() if c is not None}
        assert content == expected, \
            f"generation {generation['generation']} is {content}, should be {expected}"
        node.found[rollout["id"]] = found
        node.to_restore.add(rollout["id"])

    def put_back(self, rollouts, steps, node_id, node, rollout, content):
        """
        Whether content is what rollout found. What it found may be of an older one that has failed
        since (or will have, a moment later): then it goes on to what that one found.
        """
        ids = {r["number"]: r["id"] for r in rollouts.values()}
        now, owner, turn, fits = dict(node.content), dict(node.owner), rollout, None
        while turn:
            for service, (was, whose) in node.found[turn].items():
                if owner.get(service) == rollouts[turn]["number"]:
                    now[service], owner[service] = was, whose
            if {s: c for s, c in now.items() if c is not None} == content:
                fits = dict(owner)
            turn = next((ids[n] for n in owner.values() if n and ids[n] in node.found
                         and steps[ids[n], node_id]["state"] in FAILURES | {"skipped"}), None)
        if fits is None:
            return False
        node.owner = fits
        node.to_restore.discard(rollout)
        return True

    def take_restored(self, rollouts, steps, node_id, node, content):
        """One of the parts that failed was put back: which one, the content tells."""
        for rollout in sorted(node.to_restore, key=lambda r: -rollouts[r]["number"]):
            step = steps[rollout, node_id]
            if step["state"] not in FAILURES | {"skipped"} and step["attempt"] <= max(
                    a for r, a in node.attempts if r == rollout):
                continue
            if self.put_back(rollouts, steps, node_id, node, rollout, content):
                return
        raise AssertionError(f"nobody put back {content} over {node.content}")

    # --- what the rows say ---

    def check_rows(self, rollouts, rows):
        for node_id, node in self.nodes.items():
            mine = {r["service"]: r for r in rows if r["node"] == node_id and r["driver"]}
            content = {s: {"run": r["run"], "parameters": r["parameters"]}
                       for s, r in mine.items()}
            if node_id in self.retired:
                continue
            assert content == node.content, f"desired rows {content}, generation {node.content}"
            for service, row in mine.items():
                number = row["rollout"] and rollouts[row["rollout"]]["number"]
                assert number == node.owner.get(service), f"{service} has another owner"

    def check_owners(self, rollouts, steps):
        """What failed owns nothing; what is still under way was not overtaken."""
        for (rollout, node_id), step in steps.items():
            node = self.nodes[node_id]
            number = rollouts[rollout]["number"]
            if node_id in self.retired:
                continue
            if step["state"] in FAILURES | {"skipped"}:
                kept = [s for s, owner in node.owner.items() if owner == number]
                assert not kept, f"{step['state']}, but {kept} was not put back"
            if step["state"] in IN_FLIGHT:
                newer = [s for s in self.changes(rollouts[rollout], step)
                         if (node.owner.get(s) or 0) > number and s not in step["lost"]]
                assert not newer, f"{step['state']}, but {newer} has a newer owner"
