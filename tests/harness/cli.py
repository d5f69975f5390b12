# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess

from .process import program


class Cli:
    """The muster command with a profile of its own in a folder."""

    def __init__(self, server, folder, project=None):
        self.server, self.folder = server, folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder),
                    "MUSTER_PROFILE": str(folder / "config"),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        if project:
            self.env["MUSTER_PROJECT"] = project

    def run(self, *arguments, status=0, text=None):
        done = subprocess.run([program("muster"), *map(str, arguments)], env=self.env, input=text,
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if status == 0 else done.stderr

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--output", "json"))

    def fingerprint(self):
        response = self.server.api().request("GET", "/ca")
        return response.headers["Muster-CA-Fingerprint"]

    def login(self):
        return self.run("login", "--server", self.server.url, "--ca-fingerprint",
                        self.fingerprint(), "--user", "admin", text=self.server.password + "\n")
