"""A service and a socket unit."""

import subprocess
from contextlib import closing

import pytest

from tests.deployment.checks import Front, check_restart, check_visits
from tests.deployment.systemd import Systemd
from tests.support.places import free_port, is_listening
from tests.support.raw import RawClient
from tests.support.tools import need_tool
from tests.support.wait import wait_for

PAGE = "systemd"
SERVICE = "/etc/systemd/system/app.service"
SOCKET = "/etc/systemd/system/app.socket"


@pytest.fixture(scope="module")
def installed(machine):
    port = free_port()
    changes = {"127.0.0.1:8000": f"127.0.0.1:{port}", "--port 8000": f"--port {port}"}
    page = machine.install(PAGE, ("/run/app.sock", "/srv/app"), changes)
    machine.at("/run").mkdir(exist_ok=True)
    return page, Front(port)


def test_systemd_finds_no_fault(machine, installed):
    command = [need_tool("systemd-analyze"), "verify", "--man=no"]
    units = [str(machine.at(unit)) for unit in (SERVICE, SOCKET)]
    done = subprocess.run([*command, *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_service(machine, installed):
    page, front = installed
    systemd = Systemd(machine, page.files[SERVICE])
    with closing(systemd):
        systemd.start()
        check_visits(front)
        check_restart(front, systemd.reload)
        systemd.stop()


def test_service_with_sockets(machine, installed):
    page, front = installed
    systemd = Systemd(machine, page.files[SERVICE], page.files[SOCKET])
    with closing(systemd):
        systemd.start()
        check_visits(front)
        with RawClient(str(machine.at("/run/app.sock"))) as client:
            assert client.get("/fine").body == b"fine"

        def restart():
            systemd.stop()
            systemd.start()

        check_restart(front, restart)
        systemd.stop()
    assert machine.at("/run/app.sock").exists()  # not tricorn's
    machine.at("/run/app.sock").unlink()


def test_trying_activation(machine, installed):
    need_tool("systemd-socket-activate")
    page, front = installed
    path = str(machine.at("/run/app.sock"))
    command = page.command("systemd-socket-activate")
    assert "-l 127.0.0.1:" in command
    passed = " ".join(f"-E{name}" for name in ("PATH", "PYTHONPATH"))
    server = machine.start(command.replace("activate ", f"activate {passed} ", 1))
    wait_for(lambda: is_listening(path), what="the sockets")
    with RawClient(path) as client:
        assert client.get("/fine").body == b"fine"
    server.wait_output(f"Tricorn running on socket {path}")
    check_visits(front)
    assert f"Started server process [{server.pid}]" in server.output()  # it has become tricorn
    assert server.stop() == 0
