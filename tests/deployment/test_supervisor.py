"""tricorn's processes under Supervisor, on a socket of its own."""

import pytest

from tests.deployment.checks import Front, check_restart, check_visits
from tests.support.places import free_port
from tests.support.wait import wait_for

pytest.importorskip("supervisor")

PAGE = "supervisor"
# What Debian's supervisord.conf says around the files of conf.d.
AROUND = """
[unix_http_server]
file = {root}/supervisor.sock

[supervisord]
nodaemon = true
logfile = {root}/supervisord.log
pidfile = {root}/supervisord.pid

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{root}/supervisor.sock

[include]
files = {root}/etc/supervisor/conf.d/*.conf
"""
IGNORED = "default,ignore::ResourceWarning,ignore::UserWarning"  # Supervisor's own


def test_supervisor(machine):
    port = free_port()
    page = machine.install(PAGE, ("/srv/app", "/var/log"), {"127.0.0.1:8000": f"127.0.0.1:{port}"})
    machine.at("/var/log").mkdir(parents=True)
    conf = machine.at("/etc/supervisord.conf")
    conf.write_text(AROUND.format(root=machine.root))
    machine.provide("supervisord", "supervisor.supervisord")
    machine.provide("supervisorctl", f"supervisor.supervisorctl -c {conf}")
    daemon = machine.start(f"supervisord -c {conf}", PYTHONWARNINGS=IGNORED)
    log = machine.at("/var/log/app.log")
    wait_for(
        lambda: log.exists() and log.read_text().count("Tricorn running on") == 2,
        what="two processes",
    )
    front = Front(port)
    check_visits(front)

    def restart():
        for number, command in enumerate(page.commands):
            machine.run(command)
            wait_for(
                lambda wanted=3 + number: log.read_text().count("Tricorn running on") == wanted,
                what="a process more",
            )

    assert len(page.commands) == 2
    check_restart(front, restart)
    status = machine.run("supervisorctl status").splitlines()
    assert len(status) == 2 and all("RUNNING" in line for line in status)
    assert daemon.stop() == 0
    # Each has drained by itself.
    assert log.read_text().count("Finished server process") == 4
    assert "Traceback" not in log.read_text()
