"""nginx in front of tricorn, over a Unix socket."""

import pytest

from tests.deployment.checks import (
    Front,
    check_request,
    check_restart,
    check_spoofing,
    check_static,
    check_upload,
    check_websocket,
    replace_workers,
)
from tests.deployment.nginx import start_nginx
from tests.support.places import free_port

PAGE = "nginx"
FILE = "/etc/nginx/conf.d/app.conf"
INCLUDE = "include {root}/etc/nginx/conf.d/*.conf;"


@pytest.fixture(scope="module")
def installed(machine):
    port = free_port()
    page = machine.install(PAGE, ("/run/app", "/srv/app"), {"listen 80": f"listen {port}"})
    machine.at("/run/app").mkdir(parents=True)
    return page, Front(port)


@pytest.fixture(scope="module")
def tricorn(machine, installed):
    page, _ = installed
    return machine.serve(page.command("tricorn"))


@pytest.fixture(scope="module")
def front(machine, installed, tricorn):
    _, front = installed
    start_nginx(machine, front, INCLUDE.format(root=machine.root))
    return front


def test_requests(front):
    check_request(front)
    check_upload(front)


def test_websocket(front):
    check_websocket(front)


def test_spoofing(front):
    check_spoofing(front)


def test_restart(front, tricorn):
    check_restart(front, lambda: replace_workers(tricorn))


def test_static_files_come_from_nginx(machine, front):
    check_static(machine.at("/srv/app/static"), front)


def test_without_the_lines_for_http_1_1(machine, installed, front):
    """nginx 1.22 speaks HTTP/1.0 then."""
    page, _ = installed
    text = page.files[FILE]
    for line in ("keepalive 16;", "proxy_http_version 1.1;"):
        assert line in text
        text = text.replace(line, "")
    other = Front(free_port())
    text = text.replace(f"listen {front.port}", f"listen {other.port}")
    machine.at("/etc/nginx/conf.d/app.conf").write_text(text)
    start_nginx(machine, other, INCLUDE.format(root=machine.root))
    check_request(other)
    check_websocket(other)
    check_spoofing(other)
