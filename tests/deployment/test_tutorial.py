"""docs/tutorial.md, from its first command to its last."""

import asyncio
import re
from contextlib import closing

import pytest
from websockets.asyncio.client import connect

from tests.deployment.systemd import Systemd
from tests.support.load import Load
from tests.support.pages import blocks
from tests.support.places import free_port
from tests.support.raw import RawClient
from tests.support.tools import need_tool
from tests.support.wait import DEADLINE, wait_for
from tests.support.workers import wait_replaced, workers

for package in ("starlette", "cryptography"):
    pytest.importorskip(package)

UNIT = "/etc/systemd/system/app.service"
HELLO, GOOD_MORNING = b"Hello, world\n", b"Good morning, world\n"


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def page(machine, port):
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "localhost:8000": f"localhost:{port}",
        "port = 8000": f"port = {port}",
    }
    return machine.install("tutorial", ("/srv/app",), changes, folder="docs")


@pytest.fixture
def connected(port):
    return lambda: RawClient(("127.0.0.1", port))


@pytest.fixture
def start(machine, port):
    """Serves one of the page's commands; those that name no port mean 8000."""
    started = []

    def serve(command):
        started.append(machine.serve(command, TRICORN_PORT=str(port)))
        return started[-1]

    yield serve
    for server in started:
        assert server.stop() == 0


def answer(connected):
    with connected() as client:
        return client.get("/hello/world", "Connection: close")


def test_no_command_is_forgotten(page):
    assert len(page.commands) == 10


def test_serving(machine, page, start, port):
    need_tool("curl")
    start(page.commands[0])
    curl = page.command("curl http")
    (shown,) = re.findall(r"^Hello, .*\n", "".join(blocks("docs/tutorial.md", "text")), re.M)
    assert machine.run(curl) == shown
    asyncio.run(shout(port))


async def shout(port):
    async with connect(f"ws://127.0.0.1:{port}/shout", proxy=None) as websocket:
        await websocket.send("hello")
        assert await asyncio.wait_for(websocket.recv(), DEADLINE) == "HELLO"


def test_working_on_it(machine, page, start, connected):
    start(page.command("--reload"))
    assert answer(connected).body == HELLO
    file = machine.app / "main.py"
    text = file.read_text()
    assert text.count("Hello") == 1
    file.write_text(text.replace("Hello", "Good morning"))
    wait_for(lambda: answer(connected).body == GOOD_MORNING, what="the new code")
    file.write_text(text.replace("routes=routes)", "routes=routes"))
    wait_for(lambda: b"SyntaxError" in answer(connected).body, what="the mistake")
    file.write_text(text)
    wait_for(lambda: answer(connected).body == HELLO, what="the old code")


def test_https(machine, page, start):
    need_tool("curl")
    assert "authority.pem" in machine.run(page.command("tricorn dev-cert"))
    start(page.command("--dev-https"))
    assert machine.run(page.command("curl --cacert")) == HELLO.decode()


def test_settings_and_control(machine, page, connected):
    server = machine.serve(page.command("--config"))
    assert "2 of 2 workers ready" in machine.run(page.command("ctl status"))
    old = workers(server)
    with Load(connected, "/hello/world", HELLO) as load:
        machine.run(page.command("ctl reload"))
        wait_replaced(server, old)
        load.wait_answered(20)
    load.check()
    machine.run(page.command("ctl stop"))
    assert server.wait() == 0


def test_service(machine, page, connected):
    systemd = Systemd(machine, page.files[UNIT])
    with closing(systemd):
        systemd.start()
        with Load(connected, "/hello/world", HELLO) as load:
            systemd.reload()
            load.wait_answered(20)
        load.check()
        systemd.stop()
