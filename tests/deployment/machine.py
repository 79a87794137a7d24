"""A machine to deploy on: a temporary root, on which a page's files are put and its commands run.

A page's fenced blocks with a title are files: `title="/etc/nginx/conf.d/app.conf"`. Its `sh`
blocks are commands. Both are taken as they stand in the page, but for a list of replacements.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.deployment.checks import Front
from tests.support.pages import all_blocks
from tests.support.server import Server, launch
from tests.support.wait import wait_for

APP = Path(__file__).parent / "app"
FOLDER = "/srv/app"  # where pages have the app


class Page:
    """The files and commands of a page, as the machine has them."""

    def __init__(self, name: str, replacements: Mapping[str, str]) -> None:
        self.name = name
        self._replacements = dict(replacements)
        self._used: set[str] = set()
        found = all_blocks(self.name)
        self.files = {one.title: self.replaced(one.text) for one in found if one.title}
        text = "".join(one.text for one in found if one.language == "sh" and not one.title)
        lines = self.replaced(text).replace("\\\n", " ").splitlines()
        self.commands = [line for line in lines if line and not line.startswith("#")]
        unused = set(self._replacements) - self._used
        assert not unused, f"{self.name} doesn't say {sorted(unused)} any more"

    def replaced(self, text: str) -> str:
        """The text with all replacements made at once. A name is replaced as a whole word."""
        if not self._replacements:
            return text
        longest_first = sorted(self._replacements, key=len, reverse=True)
        return re.sub("|".join(map(_whole, longest_first)), self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        self._used.add(match[0])
        return self._replacements[match[0]]

    def command(self, containing: str) -> str:
        """The one command with these words."""
        found = [line for line in self.commands if containing in line]
        assert len(found) == 1, f"{self.name} has {len(found)} commands with {containing!r}"
        return found[0]


def _whole(text: str) -> str:
    before = r"(?<!\w)" if text[0].isalnum() else ""
    after = r"(?!\w)" if text[-1].isalnum() else ""
    return before + re.escape(text) + after


class Machine:
    """Where a page is tried. ``root`` stands for `/`; the app is in its `/srv/app`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = self.at(FOLDER)
        self.programs = self.app / "venv" / "bin"
        self.started: list[Server] = []
        shutil.copytree(APP, self.app, ignore=shutil.ignore_patterns("__pycache__"))
        self.programs.mkdir(parents=True)
        self.provide("tricorn")

    def at(self, path: str) -> Path:
        """Where the path of a page lies here; one without a slash is beside the app."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.app / path

    def provide(self, name: str, module: str = "") -> None:
        """Puts a Python program into the app's virtual environment and on PATH."""
        program = self.programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module or name} "$@"\n')
        program.chmod(0o755)

    def install(
        self,
        page: str,
        paths: tuple[str, ...] = (),
        changes: Mapping[str, str] | None = None,
        folder: str = "docs/deployment",
    ) -> Page:
        """Writes the files that the page shows below the root, and makes their folders.

        ``paths`` lie below the root here; each path, and each key of ``changes``, has to occur
        in the page.
        """
        placed = {path: str(self.at(path)) for path in paths}
        found = Page(f"{folder}/{page}.md", {**placed, **(changes or {})})
        for title, text in found.files.items():
            place = self.at(title)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return found

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", os.defpath)])
        return {"PATH": path, "HOME": str(self.root), "TRICORN_ACCESS_LOG": "false"}

    def start(self, command: str, pass_fds: tuple[int, ...] = (), **env: str) -> Server:
        """Starts a command of a page beside the app, as a shell does, and doesn't wait."""
        words = ["/bin/sh", "-c", f"exec {command}"]
        given = {**self.environment(), **env}
        server = launch(words, env=given, cwd=self.app, pass_fds=pass_fds)
        self.started.append(server)
        return server

    def serve(self, command: str, **env: str) -> Server:
        """Starts a tricorn and waits until it serves."""
        server = self.start(command, **env)
        server.wait_started()
        return server

    def put_in_front(self, command: str, *fronts: Front) -> Server:
        """Starts a proxy and waits until clients can come in."""
        server = self.start(command)

        def is_ready() -> bool:
            return server.process.poll() is not None or all(front.is_open() for front in fronts)

        wait_for(is_ready, what=command)
        assert server.process.poll() is None, server.output()
        return server

    def run(self, command: str) -> str:
        """Runs a command of a page to its end, which has to be good; its output."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.app,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        """Ends what was started, last first; the output of each has to be clean."""
        for server in reversed(self.started):
            server.close()
        for server in self.started:
            server.check_output()
