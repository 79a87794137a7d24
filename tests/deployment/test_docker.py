"""The Dockerfile: its command as process 1, as its user, asked and stopped as Docker does."""

import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.deployment.checks import Front, check_visits
from tests.deployment.container import Container, process_one
from tests.support.places import free_port
from tests.support.wait import wait_for

PAGE = "docker"
FILE = "/srv/app/Dockerfile"
KNOWN = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


class Dockerfile:
    def __init__(self, text: str) -> None:
        lines = [line.partition(" ") for line in text.splitlines() if line]
        assert {word for word, _, _ in lines} <= KNOWN
        self.instructions = [(word, rest) for word, _, rest in lines]

    def only(self, name: str) -> str:
        (found,) = [rest for word, rest in self.instructions if word == name]
        return found

    def exec_form(self, name: str) -> list[str]:
        words = json.loads(self.only(name)[self.only(name).index("[") :])
        assert words and all(isinstance(word, str) for word in words)
        return words


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def dockerfile(machine, port):
    changes = {"0.0.0.0": "127.0.0.1", "8000": str(port)}
    return Dockerfile(machine.install(PAGE, (), changes).files[FILE])


@pytest.fixture(scope="module")
def container(machine, dockerfile):
    return Container(machine, int(dockerfile.only("USER")))


def test_the_dockerfile(machine, dockerfile):
    names = [word for word, _ in dockerfile.instructions]
    assert names[0] == "FROM" and names[-1] == "CMD"
    assert int(dockerfile.only("USER")) > 0
    assert f"--uid {dockerfile.only('USER')} " in dockerfile.instructions[1][1]
    # The requirements are copied and installed before the app, so that they are built once.
    copied = [rest for word, rest in dockerfile.instructions if word == "COPY"]
    assert copied == ["requirements.txt .", ". ."]
    assert machine.at("/srv/app/requirements.txt").read_text() == "tricorn\n"
    assert dockerfile.exec_form("CMD")[0] == "tricorn"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_process_one_serves_and_drains(container, dockerfile, port, stop, workers):
    command = dockerfile.exec_form("CMD")
    server = container.serve(command, TRICORN_WORKERS=str(workers))
    one = process_one(server)
    if container.become:
        assert f"\nUid:\t{dockerfile.only('USER')}\t" in Path(f"/proc/{one}/status").read_text()
    assert re.search(r"Started (server|parent) process \[1\]", server.output())
    front = Front(port)
    if stop == signal.SIGTERM:
        check_visits(front)
    with front.connect() as client:
        client.send(f"POST /read HTTP/1.1\r\nHost: {front.host}\r\nContent-Length: 3\r\n".encode())
        client.send(b"Expect: 100-continue\r\n\r\n")
        assert client.read_response().status == 100  # the app has it
        os.kill(one, stop)
        server.wait_output("Shutting down")
        client.send(b"abc")
        assert client.read_response().body == b"3"
    assert server.wait() == 0
    assert server.output().count("Application shutdown complete.") == workers


def test_the_health_check(machine, container, dockerfile):
    check = dockerfile.exec_form("HEALTHCHECK")
    assert check[0] == "python"

    def healthy():
        # It is run inside: the network is the same here.
        asked = machine.start(shlex.join([sys.executable, *check[1:]]))
        code = asked.process.wait(60)
        machine.started.remove(asked)
        asked.close()
        return code == 0

    assert not healthy()
    server = container.serve([*dockerfile.exec_form("CMD"), "--drain-delay", "600"])
    assert healthy()
    os.kill(process_one(server), signal.SIGTERM)
    wait_for(lambda: not healthy(), what="draining")
    os.kill(process_one(server), signal.SIGTERM)
    assert server.wait() == 0


def test_one_that_can_not_start_says_so(container, dockerfile):
    words = ["missing:app" if word == "main:app" else word for word in dockerfile.exec_form("CMD")]
    server = container.start(words)
    assert server.wait() == 3
    assert 'Could not import module "missing"' in server.output()


def test_usr2_is_refused(container, dockerfile):
    server = container.serve(dockerfile.exec_form("CMD"), TRICORN_WORKERS="2")
    os.kill(process_one(server), signal.SIGUSR2)
    server.wait_output("SIGUSR2: a container ends with its process 1")
    os.kill(process_one(server), signal.SIGTERM)
    assert server.wait() == 0
