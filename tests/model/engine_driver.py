# SPDX-License-Identifier: Apache-2.0
"""The engine under test: engine_driver.c on a throw-away database, and a look at all of its rows."""
import json
import os
import pathlib
import subprocess

import psycopg2

PROGRAM = pathlib.Path(os.environ["MUSTER_BIN"]).parent / "tests" / "engine_driver"

LOOK = """
SELECT json_build_object(
 'rollouts', (SELECT coalesce(json_agg(json_build_object('id', id, 'number', number, 'kind', kind,
   'state', state, 'reason', reason, 'resolved', resolved, 'strategy', strategy,
   'rollback_of', rollback_of, 'current_wave', current_wave) ORDER BY number), '[]')
   FROM rollout WHERE project_id = %(project)s),
 'waves', (SELECT coalesce(json_agg(json_build_object('rollout', w.rollout_id, 'no', w.no,
   'state', w.state)), '[]') FROM rollout_wave w JOIN rollout r ON r.id = w.rollout_id
   WHERE r.project_id = %(project)s),
 'steps', (SELECT coalesce(json_agg(json_build_object('rollout', rollout_id, 'node', node_id,
   'wave', wave, 'state', state, 'reason', reason, 'error', error, 'generation', generation,
   'attempt', attempt, 'after', after, 'lost', lost, 'retries', retries,
   'fingerprint', fingerprint)), '[]')
   FROM rollout_step WHERE project_id = %(project)s),
 'nodes', (SELECT json_agg(json_build_object('id', id, 'state', state, 'online', online,
   'generation', desired_generation)) FROM node WHERE project_id = %(project)s),
 'rows', (SELECT coalesce(json_agg(json_build_object('node', node_id, 'service', service,
   'driver', desired_driver, 'run', desired_run, 'parameters', parameters,
   'rollout', rollout_id)), '[]') FROM node_service WHERE project_id = %(project)s),
 'generations', (SELECT coalesce(json_agg(json_build_object('node', d.node_id,
   'generation', d.generation, 'rollout', d.rollout_id, 'content', d.content::json)
   ORDER BY d.generation), '[]') FROM node_desired d JOIN node n ON n.id = d.node_id
   WHERE n.project_id = %(project)s
   AND d.generation > coalesce((%(known)s::json ->> d.node_id)::bigint, 0)))
"""


class Engine:
    def __init__(self, dsn):
        # Who waits for a lock that the other holds is told of a deadlock at once.
        settings = "options='-c deadlock_timeout=20ms -c synchronous_commit=off'"
        self.process = subprocess.Popen([PROGRAM, f"{dsn} {settings}"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.project = None

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the engine has died of: {command}"
        return json.loads(line)

    def reset(self, nodes):
        reply = self.do(f"reset {nodes}")
        assert reply["ok"], reply
        self.project = reply["project"]
        return reply["nodes"]

    def look(self, known):
        """All rows of the project; generations only from those on that are known, by node."""
        self.cursor.execute(LOOK, {"project": self.project, "known": json.dumps(known)})
        return self.cursor.fetchone()[0]

    def expire(self):
        """All deadlines and soak times have passed."""
        self.cursor.execute(
            "UPDATE rollout_step SET deadline_at = now() - interval '1 s'"
            " WHERE project_id = %s AND deadline_at IS NOT NULL", (self.project,))
        self.cursor.execute(
            "UPDATE rollout_step SET retry_at = now() - interval '1 s'"
            " WHERE project_id = %s AND retry_at IS NOT NULL", (self.project,))
        self.cursor.execute(
            "UPDATE rollout_wave w SET soak_until = now() - interval '1 s' FROM rollout r"
            " WHERE r.id = w.rollout_id AND r.project_id = %s AND w.soak_until IS NOT NULL",
            (self.project,))

    def close(self):
        self.connection.close()
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0
