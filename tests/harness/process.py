# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from .wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program(name):
    """The path of one of our programs: below $MUSTER_BIN, or of the dev preset."""
    folder = pathlib.Path(os.environ.get("MUSTER_BIN", ROOT / "build" / "dev" / "bin"))
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f"{path} has not been built")
    return str(path)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def temporary_folder():
    """Short, since unix sockets live below it, and passable for the accounts of children."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mt-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)


class Process:
    """A child whose output goes to a file. stop() checks that it ended well."""

    def __init__(self, argv, log_path, env=None, cwd=None):
        self.argv = [str(a) for a in argv]
        self.log_path = pathlib.Path(log_path)
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.child = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                cwd=self.cwd, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child is not None and self.child.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, text, timeout=60):
        def look():
            if text in self.log():
                return True
            if not self.running():
                raise AssertionError(f"{self.argv[0]} ended with {self.child.returncode} before "
                                     f"it said {text!r}:\n{self.log_tail()}")
            return False
        wait_until(look, f"{text!r} in {self.log_path}", timeout)

    def send_signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        """As a power cut would."""
        if self.running():
            self.child.kill()
        self.child.wait()

    def stop(self, number=signal.SIGTERM, expect=0):
        """Ends the child in an orderly way; expect None: any exit status will do."""
        if self.child is None:
            return
        if self.running():
            self.child.send_signal(number)
        try:
            status = self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.argv[0]} did not stop:\n{self.log_tail()}") from None
        finally:
            child, self.child = self.child, None
        if expect is not None and status != expect:
            raise AssertionError(f"{self.argv[0]} ended with {status} instead of {expect}:\n"
                                 f"{self.log_tail(60)}")
        return child.returncode
