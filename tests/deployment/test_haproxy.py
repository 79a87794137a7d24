"""HAProxy in front of tricorn: the PROXY protocol, checks, and a stop that it notices."""

import signal
import ssl
import subprocess

import pytest
import trustme

from tests.deployment.checks import (
    CLIENT,
    Front,
    check_restart,
    check_truth,
    check_visits,
    facts,
    replace_workers,
)
from tests.support.load import Load
from tests.support.places import free_port
from tests.support.tools import need_tool

PAGE = "haproxy"
HOST = "app.example.com"
FOLDER = "/etc/haproxy"
PORTS = ("8001", "8002", "8443", "4443", "8080", "8081", "80", "443")
BEHIND = ("8001", "8002", "8443")
IGNORED = "default,ignore::ResourceWarning"  # gunicorn leaves files and sockets open


@pytest.fixture(scope="module")
def ports():
    return {name: free_port() for name in PORTS}


@pytest.fixture(scope="module")
def page(machine, ports):
    machine.provide("gunicorn")
    changes = {f"bind :{name}": f"bind :{ports[name]}" for name in PORTS if name not in BEHIND}
    changes |= {f"127.0.0.1:{name}": f"127.0.0.1:{ports[name]}" for name in BEHIND}
    changes |= {f"--port {name}": f"--port {ports[name]}" for name in BEHIND}
    # Who waits for a check shouldn't wait long, and whose delay is over is for the test to say.
    changes |= {"inter 2s": "inter 200ms", "--drain-delay 10": "--drain-delay 600"}
    paths = ("/run/app", "/etc/app", "/etc/haproxy/site.pem")
    found = machine.install(PAGE, paths, changes)
    for path in ("/run/app", "/etc/app"):
        machine.at(path).mkdir(parents=True)
    return found


@pytest.fixture(scope="module")
def tls(machine, page):
    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    made.private_key_and_cert_chain_pem.write_to_path(str(machine.at(f"{FOLDER}/site.pem")))
    made.private_key_pem.write_to_path(str(machine.at("/etc/app/key.pem")))
    for blob in made.cert_chain_pems:
        blob.write_to_path(str(machine.at("/etc/app/cert.pem")), append=True)
    authority.cert_pem.write_to_path(str(machine.at("/etc/app/authority.pem")))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def start_haproxy(machine, name, *fronts):
    command = f"{need_tool('haproxy')} -db -f {machine.at(f'{FOLDER}/{name}.cfg')}"
    return machine.put_in_front(command, *fronts)


@pytest.fixture(scope="module")
def servers(machine, page, ports, tls):
    commands = [line for line in page.commands if "--drain-delay" in line]
    return [machine.serve(command) for command in commands]


@pytest.fixture(scope="module")
def fronts(machine, ports, servers, tls):
    """Plain and over TLS."""
    found = Front(ports["80"]), Front(ports["443"], HOST, tls)
    haproxy = start_haproxy(machine, "haproxy", *found)
    return *found, haproxy


def test_visits(fronts):
    check_visits(fronts[0])


def test_visits_over_tls(fronts):
    """The scheme is the client's, by the header alone."""
    check_visits(fronts[1])


def test_http2_behind_the_header(machine, page, ports, servers):
    """HAProxy speaks HTTP/2 without TLS to a server, WebSockets too. It doesn't check it."""
    front = Front(free_port())
    (line,) = [one for one in page.files[f"{FOLDER}/haproxy.cfg"].splitlines() if " one " in one]
    server = f"{line} send-proxy-v2-ssl proto h2"
    defaults = page.files[f"{FOLDER}/sockets.cfg"].partition("listen")[0]
    text = f"{defaults}listen app\n    bind :{front.port}\n{server}\n"
    machine.at(f"{FOLDER}/h2.cfg").write_text(text)
    start_haproxy(machine, "h2", front)
    assert facts(front)["http_version"] == "2"
    check_visits(front)


def test_restart(fronts, servers):
    def restart():
        for server in servers:
            replace_workers(server)

    check_restart(fronts[0], restart)


def test_stop_and_start_under_load(machine, page, fronts, servers):
    """One of two is stopped as the page says; the end of its delay is a second signal."""
    front, _, haproxy = fronts
    with Load(front.connect, "/fine") as load:
        servers[0].process.send_signal(signal.SIGTERM)
        haproxy.wait_output("Server app/one is DOWN")
        load.wait_answered(50)
    load.check()
    # Nothing that is asked from here on goes to the first.
    with Load(front.connect, "/fine") as load:
        assert servers[0].stop() == 0
        load.wait_answered(50)
        again = machine.serve(next(line for line in page.commands if "--drain-delay" in line))
        haproxy.wait_output("Server app/one is UP")
        load.wait_answered(50)
    load.check()
    assert "invalid" not in again.output().lower()
    assert again.stop(signal.SIGINT) == 0


def test_passing_connections_on(machine, page, ports, tls):
    server = machine.serve(page.command("--ssl-certfile"))
    front = Front(ports["4443"], HOST, tls)
    start_haproxy(machine, "passing", front)
    check_visits(front)
    command = [need_tool("curl"), "-sS", "--max-time", "30", "--http2", "-w", " %{http_version}"]
    command += ["--cacert", str(machine.at("/etc/app/authority.pem")), "--interface", CLIENT]
    command += ["--resolve", f"{HOST}:{front.port}:127.0.0.1", f"https://{HOST}:{front.port}/fine"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "fine 2"
    assert "Invalid" not in server.output()


def test_sockets(machine, page, ports):
    tricorn = machine.serve(page.command("app.sock"))
    gunicorn = machine.start(page.command("gunicorn.sock"), PYTHONWARNINGS=IGNORED)
    gunicorn.wait_output("Application startup complete")
    fronts = Front(ports["8080"]), Front(ports["8081"])
    start_haproxy(machine, "sockets", *fronts)
    for front in fronts:
        check_visits(front)
        check_truth(front, facts(front, "/facts", "X-Forwarded-For: 127.0.0.1"))
    for server in (tricorn, gunicorn):
        assert "Invalid" not in server.output()
        assert server.stop() == 0
