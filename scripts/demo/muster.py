# SPDX-License-Identifier: Apache-2.0
"""The muster command as the demo and its story use it: everything that they do goes through it."""

import json
import os
import subprocess

from processes import DemoError


class Muster:
    def __init__(self, plant):
        self._program = plant.program("muster")
        self._environment = {
            **os.environ,
            "MUSTER_SERVER": plant.url,
            "MUSTER_CA": plant.ca,
            "MUSTER_TOKEN": plant.token,
            # The configuration of whoever runs the demo is none of its business.
            "HOME": plant.folder,
            "XDG_CONFIG_HOME": os.path.join(plant.folder, "config"),
        }

    def everything(self):
        """Options that mean every node, with their number typed as the server wants it."""
        return ["--selector", "*", "--confirm", str(self.json("node", "list", "--limit", "1")["total"])]

    def run(self, *arguments, expect=(0,), timeout_s=600):
        """Runs the command; gives what it did when its exit status is an expected one."""
        try:
            done = subprocess.run(
                [self._program, *arguments],
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"muster {' '.join(arguments)}: not done after {timeout_s} s") from None
        if done.returncode not in expect:
            said = done.stderr.strip() or done.stdout.strip()
            raise DemoError(f"muster {' '.join(arguments)}: exit {done.returncode}: {said}")
        return done

    def json(self, *arguments, **more):
        """Runs the command and gives what it printed as JSON."""
        done = self.run(*arguments, "--output", "json", **more)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise DemoError(f"muster {' '.join(arguments)} printed no JSON: {done.stdout[:200]}") from None

    def why(self, rollout):
        """What the nodes told about their failed steps of a rollout, for people."""
        told = []
        for step in self.items("rollout", "steps", str(rollout), "--all"):
            error = step.get("error") or {}
            if error:
                told.append(f"{step['name']}: {step['state']}: {error.get('text')}: {error.get('stderr') or ''}".strip(": "))
        return "\n".join(told)

    def items(self, *arguments):
        return self.json(*arguments)["items"]
