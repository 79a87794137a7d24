"""Caddy in front of tricorn, over a Unix socket, with TLS."""

import ssl

import pytest
import trustme

from tests.deployment.checks import (
    Front,
    check_restart,
    check_static,
    check_visits,
    replace_workers,
)
from tests.support.places import free_port
from tests.support.tools import need_tool

PAGE = "caddy"
FILE = "/etc/caddy/Caddyfile"
# Nothing of it is about tricorn: no admin port, no port 80.
AROUND = """{{
	admin off
	auto_https off
	storage file_system {root}/caddy
}}

"""
HOST = "app.example.com"


@pytest.fixture(scope="module")
def tls(machine):
    """The authority signs a certificate for the page's name; Caddy is given it as files."""
    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    made.private_key_and_cert_chain_pem.write_to_path(str(machine.root / "site.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def tricorn(machine):
    port = free_port()
    pem = machine.root / "site.pem"
    site = f"https://{HOST}:{port} {{\n\ttls {pem} {pem}"
    page = machine.install(PAGE, ("/run/app", "/srv/app"), {f"{HOST} {{": site})
    machine.at("/run/app").mkdir(parents=True)
    machine.at(FILE).write_text(AROUND.format(root=machine.root) + page.files[FILE])
    return machine.serve(page.command("tricorn")), port


@pytest.fixture(scope="module")
def front(machine, tricorn, tls):
    front = Front(tricorn[1], HOST, tls)
    machine.put_in_front(f"{need_tool('caddy')} run --config {machine.at(FILE)}", front)
    return front


def test_visits(front):
    check_visits(front)


def test_restart(front, tricorn):
    check_restart(front, lambda: replace_workers(tricorn[0]))


def test_static_files_come_from_caddy(machine, front):
    check_static(machine.at("/srv/app/static"), front)
