"""`--preload`: workers out of a fork server, with real processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, serve, start
from tests.support.wait import wait_for
from tests.support.workers import is_alive, log_file

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

APP = """
import os
IMPORTED_BY = os.getpid()
VERSION = {version!r}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    body = f"{{VERSION}} {{IMPORTED_BY}} {{os.getpid()}} {{os.environ['TRICORN_WORKER_ID']}}"
    await send({{"type": "http.response.start", "status": 200}})
    await send({{"type": "http.response.body", "body": body.encode()}})
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "preloaded.py"
    path.write_text(APP.format(version="first"))
    return path


@pytest.fixture
def server(code: Path) -> Iterator[Server]:
    options = ("--workers", "2", "--preload")
    with serve("preloaded:app", *options, app_dir=code.parent, allow_errors=True) as running:
        yield running


def ask(server: Server) -> tuple[str, int, int, int]:
    """Version of the code, the process that imported it, the worker, and its number."""
    with server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        version, importer, pid, number = client.read_response().body.decode().split()
    return version, int(importer), int(pid), int(number)


def restarts(server: Server) -> int:
    return server.output().count("All workers have been restarted.")


def test_the_app_is_imported_once_and_not_by_the_parent(server: Server) -> None:
    _, importer, worker, number = ask(server)
    assert importer not in (server.pid, worker)
    assert number in (1, 2)
    assert server.output().count("Application startup complete.") == 2


def test_a_restart_imports_new_code(server: Server, code: Path) -> None:
    old = ask(server)[1]
    code.write_text(APP.format(version="second"))
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: restarts(server) == 1, what="the restart")
    # The last of the old workers may still take what is in the backlog.
    answers = []
    wait_for(lambda: answers.append(ask(server)) or answers[-1][0] == "second", what="new code")
    assert answers[-1][1] != old
    assert answers[-1][3] in (1, 2)
    wait_for(lambda: not is_alive(old), what="the end of the old fork server")


def test_code_that_cant_be_imported_changes_nothing(server: Server, code: Path) -> None:
    importer = ask(server)[1]
    code.write_text("1 / 0\n")
    os.kill(server.pid, signal.SIGHUP)
    server.wait_output("The restart stops here")
    assert server.output().count("ZeroDivisionError") == 1
    assert ask(server)[:2] == ("first", importer)
    # What takes a lost worker's place comes out of the old fork server, too.
    lost = ask(server)[2]
    os.kill(lost, signal.SIGKILL)
    server.wait_output(f"[{lost}] was ended by SIGKILL")
    wait_for(lambda: server.output().count("startup complete") == 3, what="its replacement")
    assert ask(server)[:2] == ("first", importer)


def test_at_the_start_it_ends_with_3(code: Path) -> None:
    code.write_text("1 / 0\n")
    options = ("--port", "0", "--workers", "3", "--preload", "--app-dir", str(code.parent))
    server = start("preloaded:app", *options)
    assert server.wait() == 3
    assert server.stderr().count("ZeroDivisionError") == 1


def test_a_lost_fork_server_is_replaced_with_its_workers(server: Server) -> None:
    _, importer, worker, _ = ask(server)
    os.kill(importer, signal.SIGKILL)
    wait_for(lambda: not is_alive(worker), what="the end of its workers")
    wait_for(lambda: server.output().count("startup complete") == 4, what="new workers")
    assert ask(server)[1] != importer


def test_usr1_opens_the_log_files_of_workers_to_come_anew(code: Path, tmp_path: Path) -> None:
    log, config = log_file(tmp_path)
    options = ("--app-dir", str(code.parent), "--port", "0", "--workers", "2", "--preload")
    with start("preloaded:app", *options, "--log-config", str(config)) as server:
        wait_for(lambda: log.exists() and "running on" in log.read_text())
        log.rename(tmp_path / "log.1")
        os.kill(server.pid, signal.SIGUSR1)
        wait_for(log.exists)
        os.kill(server.pid, signal.SIGTTIN)
        wait_for(lambda: "Application startup complete." in log.read_text(), what="a new worker")


def test_nothing_is_left_behind(server: Server) -> None:
    _, importer, worker, _ = ask(server)
    assert server.stop() == 0
    wait_for(lambda: not (is_alive(importer) or is_alive(worker)), what="the end of all")


def test_a_killed_parent_takes_all_along(server: Server) -> None:
    _, importer, worker, _ = ask(server)
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    wait_for(lambda: not (is_alive(importer) or is_alive(worker)), what="the end of all")


def test_an_interrupt_ends_a_hanging_import(code: Path) -> None:
    code.write_text("print('importing', flush=True)\nimport time\ntime.sleep(600)\n")
    options = ("--port", "0", "--workers", "2", "--preload", "--app-dir", str(code.parent))
    with start("preloaded:app", *options) as server:
        server.wait_output("importing")
        assert server.stop(signal.SIGINT) == 0  # the import would take ten minutes


def test_threads_started_by_the_import_are_named(code: Path) -> None:
    text = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), "
    code.write_text(text + "name='ticker', daemon=True).start()\n" + APP.format(version="x"))
    options = ("--workers", "2", "--preload")
    with serve("preloaded:app", *options, app_dir=code.parent, allow_errors=True) as server:
        assert "started threads (ticker), which the workers won't have" in server.output()
        assert ask(server)[0] == "x"
