"""Real commands, run by their own program and then, translated, by tricorn: the same answers."""

import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect, unix_connect

from tests.support.certificates import Certificate, make_certificate
from tests.support.places import free_port
from tests.support.server import Server, launch
from tests.support.tools import need_package
from tests.support.wait import DEADLINE, wait_for
from tricorn.translate import output
from tricorn.translate.translation import translate

APPS = Path(__file__).parent / "apps"
TARGET = "/facts/a%20b?c=%31"


class Place(NamedTuple):
    """Where clients reach a server."""

    base: str  # `http://127.0.0.1:{port}`, or https
    uds: str = ""
    http2: bool = False
    websockets: bool = True


class Case(NamedTuple):
    """A command, with names in braces that each run fills in."""

    command: str
    places: tuple[Place, ...]
    workers: int = 1
    file: str = ""  # the configuration file's name
    content: str = ""


TCP = Place("http://127.0.0.1:{port}")
TLS = Place("https://127.0.0.1:{port}")
UNIX = Place("http://localhost", "{uds}")
WSGI = Place("http://127.0.0.1:{port}", websockets=False)

CASES = {
    "uvicorn on tcp": Case(
        "TRANSLATED=yes {python} -m uvicorn translated:app --host 127.0.0.1 --port {port}"
        " --root-path /api --header x-served:yes --no-server-header --log-level warning",
        (TCP,),
    ),
    "uvicorn on a unix socket": Case(
        "{python} -m uvicorn translated:make --factory --uds {uds} --workers 2 --ws none",
        (UNIX,),
        workers=2,
    ),
    "gunicorn with uvicorn's worker": Case(
        "{python} -m gunicorn -c {folder}/gunicorn.conf.py translated:app --no-control-socket",
        (TCP, UNIX),
        workers=2,
        file="gunicorn.conf.py",
        content=(
            "bind = ['127.0.0.1:{port}', 'unix:{uds}']\n"
            "worker_class = 'uvicorn.workers.UvicornWorker'\n"
            "workers = 2\n"
            "raw_env = ['TRANSLATED=yes']\n"
            "def on_starting(server): pass\n"
        ),
    ),
    "gunicorn with its own": Case(
        "{python} -m gunicorn -b 127.0.0.1:{port} --chdir {folder} --pythonpath {apps} translated"
        " --access-logfile - --no-control-socket",
        (WSGI,),
    ),
    "gunicorn with tls": Case(
        "GUNICORN_CMD_ARGS='--certfile {certfile} --keyfile {keyfile}' {python} -m gunicorn"
        " -k asgi -b 127.0.0.1:{port} translated:app --no-control-socket",
        (TLS,),
    ),
    "hypercorn with a file": Case(
        "{python} -m hypercorn --config {folder}/hypercorn.toml translated:app",
        (Place("https://127.0.0.1:{port}", http2=True),),
        file="hypercorn.toml",
        content=(
            'bind = ["127.0.0.1:{port}"]\ncertfile = "{certfile}"\nkeyfile = "{keyfile}"\n'
            'include_date_header = false\naccesslog = "-"\n'
        ),
    ),
    "hypercorn": Case(
        "{python} -m hypercorn 'translated:make()' -b 127.0.0.1:{port} -b unix:{uds} -w 2"
        " --root-path /api",
        (TCP, UNIX),
        workers=2,
    ),
    "granian": Case(
        "GRANIAN_PORT={port} {python} -m granian --interface asgi translated:app --workers 2"
        " --url-path-prefix /api --access-log",
        (TCP,),
        workers=2,
    ),
    "granian with wsgi": Case(
        "{python} -m granian --interface wsgi {apps}/translated.py:wsgi --uds {uds}"
        " --blocking-threads 2",
        (UNIX._replace(websockets=False),),
    ),
    "granian with tls": Case(
        "{python} -m granian --interface asginl translated:app --port {port} --no-ws"
        " --ssl-certificate {certfile} --ssl-keyfile {keyfile} --http 1",
        (TLS,),
    ),
    "daphne": Case(
        "{python} -m daphne -b 127.0.0.1 -p {port} -u {uds} --root-path /api translated:app"
        " -v 0 -s mine",
        (TCP, UNIX),
    ),
    "daphne with endpoints": Case(
        "{python} -m daphne -e tcp:port={port}:interface=127.0.0.1 --no-server-name translated:app",
        (TCP,),
    ),
}
# What tricorn has and the other server hasn't: no part of the comparison.
LACKS = {"daphne": ("lifespan", "date")}
# Daphne gives Unix clients no address at all or an empty one, gunicorn's workers as well.
BLANK = (None, "")


@pytest.fixture(scope="module")
def certificate() -> Iterator[Certificate]:
    with tempfile.TemporaryDirectory() as folder:
        made = make_certificate(Path(folder))
        # Granian reads PKCS #8 only.
        key = load_pem_private_key(Path(made.keyfile).read_bytes(), None)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        Path(made.keyfile).write_bytes(text)
        yield made


@pytest.fixture
def filled(
    request: pytest.FixtureRequest, certificate: Certificate
) -> Iterator[tuple[Case, Path, ssl.SSLContext]]:
    """The case with its names filled in, and its folder, at a path short enough for sockets."""
    case: Case = request.param
    with tempfile.TemporaryDirectory(prefix="tricorn-", dir="/tmp") as name:
        names = {
            "python": sys.executable,
            "apps": str(APPS),
            "folder": name,
            "port": str(free_port()),
            "uds": f"{name}/s",
            "certfile": certificate.certfile,
            "keyfile": certificate.keyfile,
        }
        places = tuple(
            one._replace(base=one.base.format(**names), uds=one.uds.format(**names))
            for one in case.places
        )
        if case.file:
            Path(name, case.file).write_text(case.content.format(**names))
        yield (
            case._replace(command=case.command.format(**names), places=places),
            Path(name),
            certificate.client_context(),
        )


@pytest.mark.parametrize("filled", CASES.values(), ids=CASES, indirect=True)
def test_the_same_answers(filled: tuple[Case, Path, ssl.SSLContext]) -> None:
    case, folder, context = filled
    name = case.command.partition(" -m ")[2].split()[0]
    need_package(name)
    theirs = observe(case.command, case, context)
    made = translate([case.command], {})
    (folder / "tricorn.toml").write_text(output.file(made))
    file = f"{folder}/tricorn.toml" if case.file else ""  # a file becomes a file
    ours = observe(output.command(made, file), case, context, "Tricorn")
    assert comparable(ours, name) == comparable(theirs, name)


def comparable(seen: dict[str, Any], name: str) -> dict[str, Any]:
    for facts in seen["facts"]:
        for fact in LACKS.get(name, ()):
            facts.pop(fact, None)
    return seen


def observe(
    command: str, case: Case, context: ssl.SSLContext, product: str = "other"
) -> dict[str, Any]:
    """Starts the command, and tells what clients and the log have of it."""
    words = ["/bin/sh", "-c", f"cd {APPS} && exec env {command}"]
    if command.startswith("cd "):
        words = ["/bin/sh", "-c", command.replace("&& ", "&& exec env ", 1)]
    with launch(words, product) as server:
        for place in case.places:
            wait_for(lambda at=place: is_open(at, server), what=f"{place} to be open")
        found = {
            "facts": [facts(place, context) for place in case.places],
            "workers": count_workers(case, context),
        }
        websocket = [websocket_of(place, context) for place in case.places if place.websockets]
    # Where nobody listens any more, the next one may.
    for place in case.places:
        wait_for(lambda at=place: not is_open(at), what=f"the end of {command}")
    log = "/facts/a" in server.output()
    return {**found, "websocket": websocket, "access log": log}


def client(place: Place, context: ssl.SSLContext) -> httpx.Client:
    transport = httpx.HTTPTransport(
        uds=place.uds or None, verify=context, http2=place.http2, trust_env=False
    )
    return httpx.Client(base_url=place.base, transport=transport, timeout=DEADLINE)


def is_open(place: Place, server: Server | None = None) -> bool:
    """Whether somebody accepts connections there; `server` has to live."""
    if server is not None:
        assert server.process.poll() is None, server.output()
    with socket.socket(socket.AF_UNIX if place.uds else socket.AF_INET) as probe:
        probe.settimeout(DEADLINE)
        try:
            probe.connect(place.uds or ("127.0.0.1", httpx.URL(place.base).port))
        except OSError:
            return False
    return True


def facts(place: Place, context: ssl.SSLContext) -> dict[str, Any]:
    """What the app sees, and which fields the server adds."""
    with client(place, context) as visitor:
        answer = visitor.get(TARGET)
    found: dict[str, Any] = answer.json()
    del found["pid"]
    found["client"] = None if found["client"] in BLANK else found["client"]
    found["http"] = answer.http_version
    found["x-served"] = answer.headers.get("x-served")
    found["date"] = "date" in answer.headers
    found["server"] = "server" in answer.headers
    return found


def count_workers(case: Case, context: ssl.SSLContext) -> int:
    """As many processes as there should be have answered, and no other one."""
    seen: set[int] = set()

    def all_seen() -> bool:
        with client(case.places[0], context) as visitor:
            seen.add(visitor.get(TARGET).json()["pid"])
        return len(seen) >= case.workers

    wait_for(all_seen, what=f"{case.workers} workers")
    return len(seen)


def websocket_of(place: Place, context: ssl.SSLContext) -> str:
    """The echo of a text, or how the handshake failed."""
    secure = place.base.startswith("https")
    options: dict[str, Any] = {"ssl": context} if secure else {}
    try:
        if place.uds:
            opened = unix_connect(place.uds, uri="ws://localhost/ws", proxy=None)
        else:
            opened = connect(place.base.replace("http", "ws", 1) + "/ws", proxy=None, **options)
    except InvalidHandshake:
        return "refused"
    with opened as websocket:
        websocket.send("hello")
        return str(websocket.recv(DEADLINE))
