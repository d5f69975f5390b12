# SPDX-License-Identifier: Apache-2.0
"""What a service writes may be anything: it must not stop what is written after it."""
from harness import database, wait_until
from harness.changes import Vendor, roll_out, steps, wait_for_rollout

# A NUL, bytes that are no UTF-8, control characters, a line far over the limit, no newline at the end.
ODD = r"""printf 'nul \000 inside\n\377\376\300\200\n\033[2J\r\n'
head -c 300000 /dev/zero | tr '\0' 'x'; echo
head -c 20000 /dev/zero; echo
"""


def lines(agent):
    return [text for (text,) in database(
        agent.server, "SELECT text FROM log_line l JOIN node n ON n.id = l.node_id"
        " WHERE n.name = %s ORDER BY l.id", (agent.name,))]


def change(version):
    return [{"service": "app", "driver": "generic", "run": True,
             "package": {"name": "app", "version": version}}]


def test_odd_output_is_carried_and_the_stream_goes_on(api, new_agent):
    agent = new_agent("odd-output")
    vendor = Vendor(api)
    vendor.release("app", "1.0", ODD + "echo after\nwhile :; do sleep 100; done\n")
    done = roll_out(api, change("1.0"))
    assert done["state"] == "succeeded", steps(api, done)
    wait_until(lambda: "after" in lines(agent), "the line after the odd ones")
    assert any(line.startswith("nul ") for line in lines(agent))


def test_odd_last_words_explain_a_failure(api, new_agent):
    agent = new_agent("odd-words")
    Vendor(api).release("app", "1.0", f"exec >&2\n{ODD}echo the end\nexit 3\n")
    made = roll_out(api, change("1.0"), wait=False, health_gate_ms=1000)
    wait_for_rollout(api, made["id"])
    step, = steps(api, made)
    assert step["state"] == "rolled_back", step
    assert "the end" in step["error"]["stderr"]
    wait_until(lambda: "the end" in lines(agent), "the last line")
