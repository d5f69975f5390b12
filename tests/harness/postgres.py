# SPDX-License-Identifier: Apache-2.0
import glob
import os
import pwd
import shutil
import signal
import subprocess

import psycopg2

from .process import Process, remove_folder, temporary_folder
from .wait import wait_until


def programs_folder():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed")
    return found[-1]


class Postgres:
    """A throw-away cluster on a unix socket, run by an unprivileged account, without fsync unless
    settings say so: {"fsync": "on"}."""

    def __init__(self, settings=None):
        self.settings = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "60",
                         **(settings or {})}
        self.folder = temporary_folder()
        self.data = self.folder / "data"
        self.process = None
        self._account = []
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
            self._account = [setpriv, "--reuid", "postgres", "--regid", "postgres",
                             "--clear-groups"]
        subprocess.run(
            [*self._account, f"{programs_folder()}/initdb", "-D", self.data, "-U", "muster",
             "-A", "trust", "-N", "--locale", "C.UTF-8", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self):
        self.process = Process(
            [*self._account, f"{programs_folder()}/postgres", "-D", self.data, "-k", self.folder,
             "-c", "listen_addresses=",
             *(f"--{name}={value}" for name, value in self.settings.items())],
            "/dev/null", cwd=self.folder).start()
        wait_until(self._answers, "PostgreSQL to come up")
        return self

    def _answers(self):
        try:
            psycopg2.connect(self.dsn("postgres")).close()
            return True
        except psycopg2.OperationalError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.stop(signal.SIGINT, expect=None)
            self.process = None

    def close(self):
        self.stop()
        remove_folder(self.folder)

    def dsn(self, database="muster"):
        return f"host={self.folder} user=muster dbname={database}"

    def execute(self, sql, args=None, database="muster"):
        """Runs one statement by itself; its rows, or None."""
        connection = psycopg2.connect(self.dsn(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, args)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def create_database(self, name="muster"):
        self.execute(f'CREATE DATABASE "{name}"', database="postgres")
        return self.dsn(name)

    def drop_database(self, name="muster"):
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', database="postgres")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
