"""tricorn's processes under Circus, on a socket of circusd's."""

import pytest

from tests.deployment.checks import Front, check_restart, check_visits
from tests.support.places import free_port
from tests.support.wait import wait_for

pytest.importorskip("circus")

PAGE = "circus"


def test_circus(machine):
    port = free_port()
    changes = {"port = 8000": f"port = {port}"}
    page = machine.install(PAGE, ("/srv/app", "/run/circus"), changes)
    machine.at("/run/circus").mkdir(parents=True)
    machine.provide("circusd", "circus.circusd")
    machine.provide("circusctl", "circus.circusctl")
    # circus itself may end with a traceback, so its output isn't looked at by the machine.
    daemon = machine.start(f"circusd {machine.at('/etc/circus/circus.ini')}")
    machine.started.remove(daemon)
    try:
        wait_for(lambda: daemon.output().count("Tricorn running on") == 2, what="two processes")
        front = Front(port)
        check_visits(front)
        reload, increase, decrease = page.commands

        def restart():
            for command, starts, ends in (reload, 4, 2), (increase, 5, 2), (decrease, 5, 3):
                machine.run(command)
                wait_count(daemon, "Tricorn running on", starts)
                wait_count(daemon, "Finished server process", ends)

        check_restart(front, restart)
        # A signal is lost on circusd while it looks after its processes.
        machine.run(decrease.replace("decr app", "quit"))
        assert daemon.wait() == 0
        assert daemon.output().count("Finished server process") == 5
        assert "/tricorn/" not in daemon.output().partition("Traceback")[2]
    finally:
        daemon.close()


def wait_count(daemon, text, count):
    wait_for(lambda: daemon.output().count(text) >= count, what=f"{count} x {text}")
