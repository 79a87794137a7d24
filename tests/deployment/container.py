"""A container without a container engine: a process namespace, whose process 1 is the command."""

import os
import shlex
import subprocess
import sys

import pytest

from tests.support.server import Server
from tests.support.tools import need_tool
from tests.support.workers import children


class Container:
    """Runs commands as process 1 and, where we are root, as the user with that number."""

    def __init__(self, machine, user: int) -> None:
        self.machine = machine
        self.unshare = [need_tool("unshare"), "--pid", "--fork", "--mount-proc"]
        self.become: list[str] = []
        if os.geteuid() == 0:
            become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            # A Python may lie where only root gets, as in its home: then with the right to read.
            reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
            tries = ([*become, *more] for more in ([], reading))
            self.become = next((one for one in tries if runs_python(one)), [])
        elif not works([*self.unshare, "true"]):
            self.unshare.insert(1, "--map-root-user")
        if not works([*self.unshare, "true"]):
            pytest.skip("this system lets nobody make a process namespace")

    def start(self, command: list[str], **env: str) -> Server:
        """Starts it and doesn't wait."""
        return self.machine.start(shlex.join([*self.unshare, *self.become, *command]), **env)

    def serve(self, command: list[str], **env: str) -> Server:
        server = self.start(command, **env)
        server.wait_started()
        return server


def process_one(server: Server) -> int:
    """Its number outside of the namespace."""
    (pid,) = children(server.pid)
    return pid


def runs_python(become: list[str]) -> bool:
    """Whether Python runs there, started by a shell as programs are."""
    return works([*become, "/bin/sh", "-c", f"exec {sys.executable} -c 'import tricorn'"])


def works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False
