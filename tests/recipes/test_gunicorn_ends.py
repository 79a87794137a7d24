"""tricorn's workers under gunicorn: how they start, and the many ways in which they end."""

import json
import os
import signal
import ssl
import subprocess
import time

import pytest

from tests.recipes.gunicorn_master import HOOKS, WORKER, gunicorn, gunicorn_version
from tests.support.load import Load
from tests.support.pages import block
from tests.support.raw import RawClient
from tests.support.tools import need_tool
from tests.support.wait import wait_for
from tests.support.workers import is_alive

PAGE = "docs/deployment/gunicorn.md"


def ask(client, target):
    client.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())


# Stopping


def test_term_lets_requests_finish_and_tells_apps_that_ask(tmp_path):
    with gunicorn(tmp_path) as master:
        master.wait_ready(1)
        with master.connect() as asking, master.connect() as watching, master.connect() as idle:
            assert idle.get("/").status == 200
            ask(asking, "/wait/0.7")
            ask(watching, "/watch")
            master.wait_notes("waiting", 2)
            master.signal(signal.SIGTERM)
            assert watching.read_response().body == b"the server stops"
            assert asking.read_response().body == b"waited"
            assert idle.read_until_closed() == b""
        assert master.server.wait() == 0
        assert master.notes("stopped") and master.notes("worker_exit")
        assert not master.notes("worker_int")


def test_term_cancels_in_time_for_the_lifespans_shutdown(tmp_path):
    """gunicorn would kill the worker after the graceful timeout."""
    with gunicorn(tmp_path, "--graceful-timeout", "2") as master:
        master.wait_ready(1)
        with master.connect() as client:
            ask(client, "/wait/60")
            master.wait_notes("waiting")
            master.signal(signal.SIGTERM)
            assert client.read_response().status == 500
        assert master.server.wait() == 0
        order = [line.split()[0] for line in master.notes()]
        assert order.index("cancelled") < order.index("stopped") < order.index("worker_exit")
        assert "SIGKILL" not in master.server.output()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_end_at_once(tmp_path, signum):
    with gunicorn(tmp_path) as master:
        master.wait_ready(1)
        with master.connect() as client:
            ask(client, "/wait/60")
            master.wait_notes("waiting")
            master.signal(signum)
            assert master.server.wait(20) == 0  # its time for a graceful end is 30 s
        for name in ("cancelled", "worker_int", "worker_exit"):
            assert len(master.notes(name)) == 1
        assert not master.notes("stopped")


def test_a_second_signal_cuts_a_graceful_stop_short(tmp_path):
    with gunicorn(tmp_path) as master:
        master.wait_ready(1)
        with master.connect() as client:
            ask(client, "/wait/60")
            master.wait_notes("waiting")
            master.signal(signal.SIGTERM)
            master.server.wait_output("Waiting for connections to close")
            os.kill(master.pids()[0], signal.SIGQUIT)
            assert master.server.wait(20) == 0
        assert master.notes("worker_exit")


def test_blocked_loop_is_ended_with_its_traceback_and_replaced(tmp_path):
    args = ["--timeout", "2", "--no-sendfile"]
    with gunicorn(tmp_path, *args, allow_errors=True) as master:
        master.wait_ready(1)
        with master.connect() as client:
            # A request that waits keeps no loop from turning.
            assert client.get("/wait/3").body == b"waited"
            assert len(master.pids()) == 1
            ask(client, "/block/60")
            master.wait_ready(2)
            assert client.read_response().status == 500
        output = master.server.wait_output("exited with code 1")
        assert "WORKER TIMEOUT" in output and "Its event loop is blocked here:" in output
        assert "time.sleep(float(argument))" in output
        assert output.count("Traceback") == 1 and "never awaited" not in output
        assert "SIGKILL" not in output and "Task was destroyed" not in output
        assert master.notes("worker_abort") and master.notes("worker_exit")
        with master.connect() as client:
            assert client.get("/").body == b"fine"


def test_workers_leave_when_the_master_is_gone(tmp_path):
    with gunicorn(tmp_path, "-w", "2") as master:
        master.wait_ready(2)
        with master.connect() as client:
            ask(client, "/wait/2")
            master.wait_notes("waiting")
            master.signal(signal.SIGKILL)
            assert client.read_response().body == b"waited"
        wait_for(lambda: not any(map(is_alive, master.pids())), what="the workers to leave")
        assert len(master.notes("stopped")) == 2
        with pytest.raises(OSError):
            master.connect()


def test_max_requests_replaces_workers_and_loses_nothing(tmp_path):
    args = ["-w", "2", "--max-requests", "30", "--max-requests-jitter", "10"]
    with gunicorn(tmp_path, *args) as master:
        master.wait_ready(2)
        with Load(master.connect) as load:
            master.wait_ready(6)
        load.check()
        assert "SIGKILL" not in master.server.output()


# Starting


def test_h11_worker_runs_on_asyncios_loop(tmp_path):
    with (
        gunicorn(tmp_path, worker="tricorn.workers.TricornH11Worker") as master,
        master.connect() as client,
    ):
        assert json.loads(client.get("/facts").body)["loop"].startswith("asyncio")


def test_subclass_of_the_documentation_sets_options(tmp_path):
    (tmp_path / "my_worker.py").write_text(block(PAGE, "python", "CONFIG_KWARGS"))
    with (
        gunicorn(tmp_path, worker="my_worker.MyWorker") as master,
        master.connect() as client,
    ):
        response = client.get("/facts")
        assert json.loads(response.body)["loop"].startswith("asyncio")
        assert response.header(b"server") is None
        assert response.header(b"x-served-by") == b"my worker"


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ('{"lifspan": "off"}', "CONFIG_KWARGS has 'lifspan', which is no option"),
        ('{"lifespan": "maybe"}', "lifespan"),
        ('{"loop": "no_such_module:factory"}', 'Could not import module "no_such_module"'),
    ],
)
def test_bad_options_are_told_in_a_line(tmp_path, kwargs, said):
    source = f"from {WORKER.rpartition('.')[0]} import TricornWorker\n"
    source += f"class Worker(TricornWorker):\n    CONFIG_KWARGS = {kwargs}\n"
    (tmp_path / "bad_worker.py").write_text(source)
    with gunicorn(tmp_path, worker="bad_worker.Worker") as master:
        assert master.server.wait() == 3
        errors = [line for line in master.server.output().splitlines() if "ERROR" in line]
        assert said in errors[0]
        assert "Traceback" not in master.server.output()


@pytest.mark.parametrize(
    ("args", "app", "env", "code", "said"),
    [
        ([], "managed:app", {"MANAGED_FAIL": "startup"}, 3, "no database"),
        ([], "managed:missing", {}, 4, "missing"),
        ([], "no_such_module:app", {}, 3, "No module named 'no_such_module'"),
    ],
)
def test_boot_errors_stop_gunicorn_once(tmp_path, args, app, env, code, said):
    with gunicorn(tmp_path, *args, app=app, env=env, allow_errors=True) as master:
        assert master.server.wait() == code
        output = master.server.output()
        assert said in output
        assert output.count("Traceback") <= 1
        assert output.count("Booting worker") == 1
        assert master.notes("worker_exit")


def test_the_proxy_protocol_over_tcp_and_unix(tmp_path):
    line = b"PROXY TCP4 203.0.113.7 192.0.2.9 4444 443\r\n"
    bind = ["-b", "127.0.0.1:0", "-b", f"unix:{tmp_path}/socket"]
    access = ["--access-logfile", "-", "--access-logformat", "from %(h)s"]
    with gunicorn(tmp_path, *bind, "--proxy-protocol", *access) as master:
        master.wait_ready(1)
        for address in (master.addresses()[0], str(tmp_path / "socket")):
            with RawClient(address) as client:
                client.send(line)
                assert json.loads(client.get("/facts").body)["client"] == ["203.0.113.7", 4444]
        master.server.wait_output("from 203.0.113.7")
        with master.connect() as client:
            client.send(b"GET /facts HTTP/1.0\r\n\r\n")
            assert client.read_until_closed() == b""
        master.server.wait_output("it sent no header")


def test_its_peers_are_gunicorns(tmp_path):
    args = ["--proxy-protocol", "--proxy-allow-from", "192.0.2.1"]
    with gunicorn(tmp_path, *args) as master:
        master.wait_ready(1)
        with master.connect() as client:
            assert json.loads(client.get("/facts").body)["client"][0] == "127.0.0.1"
        with master.connect() as client:
            client.send(b"PROXY UNKNOWN\r\n")
            assert client.get("/facts").status == 400


def test_settings_without_effect_are_named_once(tmp_path):
    with gunicorn(tmp_path, "-w", "2", "--threads", "3") as master:
        master.wait_ready(2)
        assert master.server.output().count("The setting threads has no effect") == 1


def test_preload_imports_once(tmp_path):
    with gunicorn(tmp_path, "-w", "2", "--preload") as master:
        master.wait_ready(2)
        assert [line.split()[1] for line in master.notes("imported")] == [str(master.server.pid)]
        with master.connect() as client:
            assert client.get("/").body == b"fine"


def test_reload_serves_new_code_and_shows_syntax_errors(tmp_path):
    source = (tmp_path / "reloaded.py").write_text
    code = "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n"
    code += "    await send({'type': 'http.response.start', 'status': 200})\n"
    code += "    await send({'type': 'http.response.body', 'body': b'%s'})\n"
    source(code % "old")

    def answer(expected):
        with master.connect() as client:
            return expected in client.get("/").body

    # Before 25 gunicorn's page has the traceback without its last line.
    fault = b"SyntaxError" if gunicorn_version() >= 25 else b"import_app"
    args = ["--reload", "--reload-engine", "poll"]
    options = {"app": "reloaded:app", "app_dir": tmp_path, "allow_errors": True}
    with gunicorn(tmp_path, *args, **options) as master:
        wait_for(lambda: answer(b"old"), what="the old code")
        for text, expected in (
            (code % "new and longer", b"new and longer"),
            ("async def app(:\n", fault),
            (code % "mended", b"mended"),
        ):
            time.sleep(1.1)  # gunicorn's polling sees whole seconds, and begins with one
            source(text)
            wait_for(lambda expected=expected: answer(expected), what=expected.decode())
        assert "Worker reloading" in master.server.output()


# TLS

TLS_HOOK = """
def ssl_context(conf, default_ssl_context_factory):
    import ssl
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    place = tmp_path_factory.mktemp("certificate")
    line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    line += " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
    subprocess.run([need_tool("openssl"), *line.split(), *files], check=True, capture_output=True)
    return place


class TlsClient(RawClient):
    """A raw client behind TLS that trusts one certificate."""

    def __init__(self, address, certificate, **settings):
        super().__init__(address)
        context = ssl.create_default_context(cafile=certificate)
        context.set_alpn_protocols(["http/1.1"])
        for name, value in settings.items():
            setattr(context, name, value)
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")


def curl_version(url, certificate):
    """The version of HTTP in which curl, that would like HTTP/2, got a good answer."""
    command = [need_tool("curl"), "-sf", "--http2", "--cacert", certificate, "-m", "20"]
    ended = subprocess.run(
        [*command, "-o", os.devnull, "-w", "%{http_version}", url], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended
    return ended.stdout


@pytest.mark.parametrize("worker", [WORKER, "tricorn.workers.TricornH11Worker"])
def test_tls_with_gunicorns_context(tmp_path, certificate, worker):
    cert = str(certificate / "cert.pem")
    args = ["--certfile", cert, "--keyfile", str(certificate / "key.pem")]
    with gunicorn(tmp_path, *args, conf=HOOKS + TLS_HOOK, worker=worker) as master:
        master.wait_ready(1)
        address = master.addresses()[0]
        with pytest.raises(ssl.SSLError):
            TlsClient(address, cert, maximum_version=ssl.TLSVersion.TLSv1_2)
        with RawClient(address), TlsClient(address, cert) as client:
            assert client.socket.version() == "TLSv1.3"
            assert client.socket.selected_alpn_protocol() == "http/1.1"
            facts = json.loads(client.get("/facts").body)
            assert (facts["scheme"], facts["client"][0]) == ("https", "127.0.0.1")
            assert json.loads(client.get("/facts").body) == facts
            assert curl_version("https://{}:{}/facts".format(*address[:2]), cert) == "2"
            ask(client, "/wait/0.5")
            master.wait_notes("waiting")
            master.signal(signal.SIGTERM)  # with a handshake that never comes beside it
            assert client.read_response().body == b"waited"
        assert master.server.wait() == 0
        assert master.notes("stopped")


def test_tls_under_load_through_hup(tmp_path, certificate):
    cert = str(certificate / "cert.pem")
    args = ["-w", "2", "--certfile", cert, "--keyfile", str(certificate / "key.pem")]
    with gunicorn(tmp_path, *args) as master:
        master.wait_ready(2)
        address = master.addresses()[0]
        with Load(lambda: TlsClient(address, cert)) as load:
            master.signal(signal.SIGHUP)
            master.wait_ready(4)
            master.wait_notes("worker_exit", 2)
            load.wait_answered(20)
        load.check()


def test_bad_key_file_is_told_in_a_line(tmp_path, certificate):
    cert = str(certificate / "cert.pem")
    with gunicorn(tmp_path, "--certfile", cert, "--keyfile", cert) as master:
        assert master.server.wait() == 3
        output = master.server.output()
        assert f"keyfile {cert}" in output and "Traceback" not in output
