"""Becoming a user and a group, and the umask."""

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import serve, start
from tricorn.serve.identity import Identity, find_identity
from tricorn.settings.errors import ConfigError

APP = """
import json, os

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    mask = os.umask(0)
    os.umask(mask)
    who = {"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "mask": mask,
           "at_import": AT_IMPORT}
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps(who).encode()})

AT_IMPORT = os.getuid()
"""
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can become somebody else")


@pytest.fixture
def app_dir() -> Iterator[Path]:
    # pytest's own directories are closed to others, by each run that starts beside this one.
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "who.py").write_text(APP)
        yield directory


class TestFinding:
    def test_nothing_asked(self) -> None:
        assert find_identity(None, None, None) == Identity()

    def test_by_name_and_by_number(self) -> None:
        entry = pwd.getpwnam("nobody")
        expected = Identity("nobody", entry.pw_uid, entry.pw_gid)
        assert find_identity("nobody", None, None) == expected
        assert find_identity(str(entry.pw_uid), None, None) == expected

    def test_a_group_of_its_own(self) -> None:
        assert find_identity("nobody", "0", 0o27)[2:] == (0, 0o27)

    def test_a_number_that_nobody_has(self) -> None:
        assert find_identity("54321", None, None) == Identity(None, 54321, 54321)

    @pytest.mark.parametrize(
        ("user", "group", "message"),
        [("nosuch", None, "user: there is no user 'nosuch'"), (None, "nosuch", "group: there is")],
    )
    def test_unknown(self, user: str | None, group: str | None, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            find_identity(user, group, None)


def who_serves(app_dir: Path, *options: str) -> dict[str, Any]:
    options = (*options, "--umask", "027", "--lifespan", "off")
    with serve("who:app", *options, app_dir=app_dir) as server, server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        found: dict[str, Any] = json.loads(client.read_response().body)
        return found


@needs_root
def test_the_app_is_imported_as_the_user(app_dir: Path) -> None:
    entry = pwd.getpwnam("nobody")
    who = who_serves(app_dir, "--user", "nobody")
    assert (who["uid"], who["gid"], who["mask"]) == (entry.pw_uid, entry.pw_gid, 0o27)
    assert who["at_import"] == entry.pw_uid
    assert 0 not in who["groups"]


@needs_root
def test_workers_are_what_their_parent_is(app_dir: Path) -> None:
    # A group only: this Python may lie where no other user can read it.
    gid = pwd.getpwnam("nobody").pw_gid
    who = who_serves(app_dir, "--group", str(gid), "--workers", "2")
    assert (who["gid"], who["mask"]) == (gid, 0o27)


@needs_root
def test_only_root_can_become_another() -> None:
    program = (
        "import os\n"
        "from tricorn.serve.identity import find_identity\n"
        "root = find_identity('root', None, None)\n"
        "os.setgid(65534)\n"
        "os.setuid(65534)\n"
        "root.take()\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "OptionError: " in done.stderr
    assert "only root can become root; start as root" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_unknown_user_is_one_line(workers: str) -> None:
    server = start("tests.apps.plain:app", "--port", "0", "--workers", workers, "--user", "nosuch")
    assert server.wait() == 2
    assert server.stderr() == "Error: --user: there is no user 'nosuch'\n"
