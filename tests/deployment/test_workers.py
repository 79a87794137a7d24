"""tricorn with worker processes and a control socket."""

import pytest

from tests.deployment.checks import Front, check_restart, check_visits
from tests.support.places import free_port
from tests.support.wait import wait_for
from tests.support.workers import wait_replaced, workers

PAGE = "workers"


@pytest.fixture(scope="module")
def page(machine):
    machine.at("/run/app").mkdir(parents=True)
    changes = {"0.0.0.0": "127.0.0.1", "8000": str(free_port())}
    return machine.install(PAGE, ("/run/app",), changes)


def test_commands(machine, page):
    start, status, scale, reload, stop = page.commands
    server = machine.serve(start)
    front = Front(server.port)
    check_visits(front)
    assert all(str(pid) in machine.run(status) for pid in workers(server).values())
    machine.run(scale)
    # Until the third one serves: a reload would wait for it.
    wait_for(lambda: "3 of 3 workers ready" in machine.run(status), what="the third worker")

    def restart():
        old = workers(server)
        machine.run(reload)
        wait_replaced(server, old)

    check_restart(front, restart)
    machine.run(stop)
    assert server.wait() == 0
