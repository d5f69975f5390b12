# SPDX-License-Identifier: Apache-2.0
import time

# Long, since it only matters when something is broken; sanitizers and busy machines are slow.
PATIENCE_S = 60


def wait_until(condition, message="condition", timeout=PATIENCE_S, pause=0.05):
    """Returns the first true result of condition(). Fails loudly with what it said last."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for: {message}; last: {result!r}")
        time.sleep(pause)
