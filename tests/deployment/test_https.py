"""TLS by tricorn, with a certificate that certbot gets from Pebble and renews."""

import grp
import os
import ssl

import pytest

from tests.deployment.checks import Front, check_restart, check_visits, replace_workers
from tests.deployment.pebble import Pebble
from tests.support.load import Load
from tests.support.places import free_port
from tests.support.tools import need_tool
from tests.support.wait import wait_for
from tests.support.workers import workers

pytest.importorskip("starlette")

PAGE = "https"
# What certbot would ask for, and where it is on this machine.
CERTBOT = """
server = {directory}
config-dir = {root}/etc/letsencrypt
work-dir = {root}/work
logs-dir = {root}/log
email = us@example.com
agree-tos = true
non-interactive = true
no-random-sleep-on-renew = true
"""


@pytest.fixture(scope="module")
def plain(machine):
    return Front(free_port())


@pytest.fixture(scope="module")
def page(machine, plain):
    (machine.app / "main.py").rename(machine.app / "rest.py")
    group = grp.getgrgid(os.getgroups()[-1] if os.getgroups() else os.getgid()).gr_name
    changes = {
        "0.0.0.0": "127.0.0.1",
        "--port 80": f"--port {plain.port}",
        "https-redirect = 80": f"https-redirect = {plain.port}",
        "port = 443": f"port = {free_port()}",
        "chgrp -R app": f"chgrp -R {group}",
        "# The rest of your app.": 'from rest import app as rest\napp.mount("/", rest)',
    }
    return machine.install(PAGE, ("/srv/app", "/etc/letsencrypt"), changes)


@pytest.fixture(scope="module")
def pebble(machine, page, plain):
    need_tool("certbot")
    pebble = Pebble(machine, plain.port)
    file = machine.at("/.config/letsencrypt/cli.ini")
    file.parent.mkdir(parents=True)
    file.write_text(CERTBOT.format(directory=pebble.directory, root=machine.root))
    return pebble


def test_certificate_and_renewal(machine, page, pebble, plain):
    first, certbot, chgrp, chmod, start, renew = page.commands
    trust = f"REQUESTS_CA_BUNDLE={pebble.authority}"
    server = machine.serve(first)
    machine.run(f"{trust} {certbot}")
    assert server.stop() == 0
    machine.run(chgrp)
    machine.run(chmod)

    server = machine.serve(start)
    context = ssl.create_default_context(cadata=pebble.root())
    front = Front(server.port, "app.example.com", context)
    check_visits(front)
    with plain.connect() as client:
        response = client.get("/some?where")
    assert response.status == 308
    assert response.header(b"location") == f"https://{front.host}:{front.port}/some?where".encode()

    machine.run(f"{trust} {renew}")
    old, serving = serial(front), workers(server)
    with Load(front.connect, "/fine", clients=2) as load:
        machine.run(f"{trust} certbot renew --force-renewal")  # as when it is time
        wait_for(lambda: load.failed or serial(front) != old, what="the new certificate")
        load.wait_answered(20)
    load.check()
    assert pebble.proofs() == 3
    assert workers(server) == serving  # without a restart
    key = machine.at("/etc/letsencrypt/live/app.example.com/privkey.pem").stat()
    assert key.st_mode & 0o040

    check_restart(front, lambda: replace_workers(server))
    assert server.stop() == 0


def serial(front: Front) -> str:
    """The number of the certificate that a new connection gets."""
    assert front.tls is not None
    with front.tls.wrap_socket(front.dial(), server_hostname=front.host) as tls:
        return tls.getpeercert()["serialNumber"]
