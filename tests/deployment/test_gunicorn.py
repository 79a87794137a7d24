"""tricorn's workers under gunicorn. tests/recipes has the details."""

import os
import signal

import pytest

from tests.deployment.checks import Front, check_restart, check_visits
from tests.support.places import free_port
from tests.support.wait import wait_for
from tests.support.workers import children

pytest.importorskip("gunicorn")

PAGE = "gunicorn"
IGNORED = "default,ignore::ResourceWarning"  # gunicorn leaves files and sockets open
FILES = ["/srv/app/gunicorn.conf.py", "/srv/app/my_worker.py"]


@pytest.fixture(scope="module")
def page(machine):
    machine.provide("gunicorn")
    return machine.install(PAGE, (), {"0.0.0.0": "127.0.0.1", "8000": str(free_port())})


@pytest.mark.parametrize("number", [0, 1])
def test_command(machine, page, number):
    assert sorted(page.files) == FILES and len(page.commands) == 2
    conf = machine.at(FILES[0])
    if number == 0:
        conf.unlink(missing_ok=True)  # the command says it all
    else:
        conf.write_text(page.files[FILES[0]])
    master = machine.start(page.commands[number], PYTHONWARNINGS=IGNORED)
    wait_for(lambda: master.output().count("Application startup complete") == 2, what="workers")
    assert "Using worker: tricorn.workers.TricornWorker" in master.output()
    address = master.output().partition("Listening at: http://127.0.0.1:")[2]
    front = Front(int(address.split()[0]))
    with front.connect() as client:
        assert client.get("/fine").header(b"server") == b"tricorn"
    check_visits(front)

    def restart():
        old = set(children(master.pid))
        os.kill(master.pid, signal.SIGHUP)
        wait_for(lambda: not old & set(children(master.pid)), what="the old workers' end")

    check_restart(front, restart)
    assert master.stop() == 0
