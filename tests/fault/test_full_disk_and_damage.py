# SPDX-License-Identifier: Apache-2.0
"""An agent that is started where its disk or its state file is not what it was: it comes up, services never notice."""
import os
import random
import subprocess

import pytest

import everywhere
from harness.victim import can_mount, mount
from harness.wait import wait_until

SEED = int(os.environ.get("FAULT_SEED", "3"))


@pytest.fixture(scope="module")
def runner():
    made = everywhere.Runner()
    yield made
    made.close()


@pytest.fixture
def machine(runner):
    """Runs generation 1, then the agent was killed; its services go on."""
    victim = runner.story.machine()
    yield start_and_kill(runner, victim)
    victim.shutdown()
    victim.close()


def start_and_kill(runner, victim):
    victim.start()
    runner.story.wait_running(victim, 1)
    victim.wait_idle()
    victim.process.kill()
    return victim


def come_up(runner, victim, before, generation):
    victim.start()
    status = victim.wait_idle()
    assert status["generation"] == generation, status
    assert victim.services() == before
    return status


# --- a disk without a free byte ---

@pytest.fixture
def small_disk(runner):
    if not can_mount():
        pytest.skip("a small disk can only be mounted as root")
    victim = runner.story.machine(everywhere.DISK_MIB)
    yield start_and_kill(runner, victim)
    victim.shutdown()
    victim.close()


def fill(victim):
    path = victim.root / "fill"
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                pass
    return path


def test_an_agent_comes_up_on_a_disk_without_a_free_byte(runner, small_disk):
    victim = small_disk
    before = victim.services()
    filled = fill(victim)
    assert os.statvfs(victim.root).f_bavail == 0
    come_up(runner, victim, before, 1)
    # The room that it gave up is used up as well: whether it comes up or says why not, services go on.
    victim.process.kill()
    fill(victim)
    victim.start()
    wait_until(lambda: not victim.running() or victim.ask("status"), "the agent to know")
    assert victim.services() == before
    if victim.running():
        victim.process.kill()
    else:
        assert "state.db: could not" in victim.log().splitlines()[-1]
    filled.unlink()
    come_up(runner, victim, before, 1)
    runner.story.finish(victim)


def test_an_agent_on_a_read_only_disk_says_so(runner, small_disk):
    victim = small_disk
    before = victim.services()
    # A second way to the disk: who has a file open for writing keeps it, as after an error of the disk.
    mount("--bind", victim.root, victim.root)
    mount("-o", "remount,bind,ro", victim.root)
    try:
        victim.start()
        wait_until(lambda: not victim.running(), "the agent to give up")
        assert "Read-only file system" in victim.log().splitlines()[-1]
        assert victim.services() == before
    finally:
        subprocess.run(["umount", victim.root], check=True)
    come_up(runner, victim, before, 1)


# --- a damaged state file ---

def flip(path, chance):
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 40)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def overwrite(path, chance):
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    size = min(len(data) - at, chance.choice((512, 4096, 16384)))
    data[at:at + size] = chance.choice((bytes(size), chance.randbytes(size)))
    path.write_bytes(data)


def cut_off(path, chance):
    os.truncate(path, chance.randrange(path.stat().st_size))


def empty(path, _chance):
    os.truncate(path, 0)


def lose(path, _chance):
    path.unlink()


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("how", [flip, overwrite, cut_off, empty, lose])
def test_a_damaged_state_file_stops_nothing(runner, machine, how, suffix):
    chance = random.Random(f"{SEED} {how.__name__} {suffix}")
    before = machine.services()
    how(machine.root / f"state.db{suffix}", chance)
    come_up(runner, machine, before, 1)
    assert machine.services()["witness"] == before["witness"]
    runner.story.finish(machine)
    assert machine.services()["witness"] == before["witness"]


def test_without_state_and_copy_services_are_left_alone_until_the_server_tells(runner, machine):
    story = runner.story
    before = machine.services()
    (machine.root / "state.db").write_bytes(b"nothing of it is left" * 1000)
    (machine.root / "state.db.copy").write_bytes(b"{")
    status = come_up(runner, machine, before, 0)
    assert "left alone" in status["activity"], status
    assert story.server.wait("events", lambda message: any(
        event["kind"] == "agent.state_damaged" for event in message["events"]))
    story.server.forget()
    story.offer(1)
    assert story.wait_result(machine, 1)["state"] == "succeeded", machine.log()[-4000:]
    machine.wait_idle()
    story.check(machine, 1)
    assert machine.services() == before, "what runs as it should was touched"
    story.finish(machine)
