# SPDX-License-Identifier: Apache-2.0
"""Fixtures for integration and e2e tests; the classes behind them are in tests/harness."""
import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Agent, Postgres, Server  # noqa: E402

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    """One standalone server for all tests that do not stop or break it."""
    with Server() as running:
        yield running


@pytest.fixture
def api(server):
    """The first administrator in a new, empty project of that server."""
    name = f"p{next(_numbers)}"
    server.admin.post("/projects", {"name": name})
    return server.admin.in_project(name)


@pytest.fixture
def new_agent(server, api):
    """new_agent(name, labels) makes an enrolled, running agent in the project of api."""
    agents = []

    def make(name, labels=None):
        agent = Agent(server, api, name, labels)
        agents.append(agent)
        agent.enroll()
        agent.start()
        return agent.wait_online()

    yield make
    for agent in agents:
        agent.close()


@pytest.fixture(scope="session")
def postgres():
    """A cluster of its own for tests of serve."""
    with Postgres() as running:
        yield running
