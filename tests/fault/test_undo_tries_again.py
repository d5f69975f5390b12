# SPDX-License-Identifier: Apache-2.0
"""What fails while a change is put back may work a moment later: then all is as it was."""
import pytest

import everywhere


@pytest.fixture(scope="module")
def runner():
    made = everywhere.Runner()
    yield made
    made.close()


# The third switch of app is the one back to generation 2; its data is restored once only.
@pytest.mark.parametrize("call,at", [("rename {}/services/app/current.", 3),
                                     ("openat {}/data/app/db.muster-restore", 1)])
def test_undoing_tries_again(runner, call, at):
    victim = runner.story.machine()
    try:
        victim.start_traced(match=call.format(victim.root), at=at, fault="EIO", times=1)
        assert runner.story.tell(victim) == 3
        assert runner.story.result(3)["state"] == "rolled_back", victim.log()[-4000:]
        victim.wait_idle()
        runner.story.check(victim, 2)
        victim.signal(15)
        assert victim.report()[3] == 1, "no call has failed"
        victim.start()
        runner.story.finish(victim)
        victim.shutdown()
    finally:
        victim.close()
