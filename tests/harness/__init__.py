# SPDX-License-Identifier: Apache-2.0
"""Real PostgreSQL clusters, brokers, servers and agents for tests.

Everything lives in short temporary folders, listens on free ports, and is stopped by its process id.
Tests wait for conditions with wait_until, never for fixed times.
"""
from .agent import Agent
from .api import Api, ApiError
from .broker import Broker
from .fake_agent import FakeAgent, database
from .postgres import Postgres
from .process import Process, free_port, program, temporary_folder
from .raw import Raw
from .receiver import Receiver
from .server import Server
from .simulated import Simulated
from .wait import wait_until

__all__ = [
    "Agent",
    "Api",
    "ApiError",
    "Broker",
    "FakeAgent",
    "Postgres",
    "Process",
    "Raw",
    "Receiver",
    "Server",
    "Simulated",
    "database",
    "free_port",
    "program",
    "temporary_folder",
    "wait_until",
]
