"""A Procfile, run by Honcho, with what Heroku's router is said to send."""

import signal
import tomllib

import pytest

from tests.deployment.checks import Front, check_upload, facts
from tests.support.pages import ROOT
from tests.support.places import free_port
from tests.support.wait import wait_for

pytest.importorskip("honcho")

PAGE = "heroku"
ROUTER = ("X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "Via: 1.1 vegur")
CLAIMS = ("X-Forwarded-Host: evil.test", "Forwarded: for=6.6.6.6;host=evil.test;proto=http")


@pytest.fixture
def honcho(machine):
    port = free_port()
    page = machine.install(PAGE, (), {"8000": str(port)})
    machine.provide("honcho")
    # $PORT is on every interface, as on a dyno.
    daemon = machine.start(page.command("honcho"), WEB_CONCURRENCY="2")
    daemon.wait_output("Tricorn running on")
    return daemon, Front(port)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_procfile(honcho, stop):
    daemon, front = honcho
    assert "Started parent process" in daemon.output()
    # The router adds the true client at the right, to what the client claimed.
    seen = facts(front, "/facts", "X-Forwarded-For: 6.6.6.6, 203.0.113.9", *ROUTER, *CLAIMS)
    assert (seen["client"][0], seen["scheme"]) == ("203.0.113.9", "https")
    assert seen["hosts"] == [front.host]
    check_upload(front)
    with front.connect() as client:
        head = f"POST /read HTTP/1.1\r\nHost: {front.host}\r\nContent-Length: 2\r\n"
        client.send(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.read_response().status == 100  # the app runs
        daemon.process.send_signal(stop)
        wait_for(lambda: not front.is_open(), what="the end of listening")
        client.send(b"ab")
        assert client.read_response().body == b"2"
    daemon.wait()
    assert "web.1 stopped (rc=0)" in daemon.output()


def test_python_is_one_that_tricorn_has():
    page = (ROOT / "docs/deployment/heroku.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = page.partition('.python-version"\n')[2].split()[0]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
