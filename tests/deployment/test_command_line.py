"""tricorn started by hand."""

import pytest

from tests.deployment.checks import Front, check_restart, check_visits, replace_workers
from tests.support.places import free_port

PAGE = "command-line"


@pytest.fixture(scope="module")
def page(machine):
    return machine.install(PAGE, (), {"0.0.0.0": "127.0.0.1", "8000": str(free_port())})


@pytest.mark.parametrize("number", [0, 1])
def test_command(machine, page, number):
    server = machine.serve(page.commands[number])
    front = Front(server.port)
    check_visits(front)
    check_restart(front, lambda: replace_workers(server))
    assert server.stop() == 0


def test_the_result_is_shown(machine, page):
    shown = machine.run(page.commands[2])
    assert "main:app" in shown and "tricorn.toml" in shown


def test_no_other_commands(page):
    assert len(page.commands) == 3
