"""tricorn started by a program."""

import signal
import sys

import pytest

from tests.deployment.checks import Front, check_restart, check_visits, replace_workers
from tests.support.places import free_port

PAGE = "programmatic"


@pytest.fixture(scope="module")
def page(machine):
    return machine.install(
        PAGE, (), {"0.0.0.0": "127.0.0.1", "8000": str(free_port()), "python3": sys.executable}
    )


def test_run(machine, page):
    server = machine.serve(page.command("serve.py"))
    front = Front(server.port)
    check_visits(front)
    check_restart(front, lambda: replace_workers(server))
    assert server.stop() == 0


def test_own_loop(machine, page):
    server = machine.serve(page.command("own_loop.py"))
    check_visits(Front(server.port))
    # A program without a handler ends by the signal, when the server has drained.
    assert server.stop() == -signal.SIGTERM
    assert "Finished server process" in server.output()


def test_no_other_commands(page):
    assert len(page.commands) == 2
