# SPDX-License-Identifier: Apache-2.0
import pytest

from engine_driver import Engine
from harness.postgres import Postgres


@pytest.fixture(scope="module")
def engine():
    with Postgres() as postgres:
        engine = Engine(postgres.create_database())
        yield engine
        engine.close()
