"""gunicorn with tricorn's workers, as a process of its own."""

import importlib.metadata
import importlib.util
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.recipes.apps_folder import APPS
from tests.support.raw import RawClient
from tests.support.server import Server, launch
from tests.support.tools import need_package
from tests.support.wait import wait_for

WORKER = "tricorn.workers.TricornWorker"
LISTENING = re.compile(r"Listening at: (\S+)")
TCP = re.compile(r"https?://(?:\[([^]]+)\]|([^:,]+)):(\d+)")

# Each hook leaves a note.
HOOKS = """
import os

def note(text):
    with open(os.environ["MANAGED_NOTES"], "a") as notes:
        notes.write(f"{text} {os.getpid()}\\n")

def on_starting(server): note("on_starting")
def on_reload(server): note("on_reload")
def when_ready(server): note("when_ready")
def pre_fork(server, worker): note("pre_fork")
def post_fork(server, worker): note("post_fork")
def post_worker_init(worker): note("post_worker_init")
def worker_int(worker): note("worker_int")
def worker_abort(worker): note("worker_abort")
def pre_exec(server): note("pre_exec")
def child_exit(server, worker): note("child_exit")
def worker_exit(server, worker): note("worker_exit")
def nworkers_changed(server, new_value, old_value): note("nworkers_changed")
def on_exit(server): note("on_exit")
"""
REQUEST_HOOKS = """
def pre_request(worker, req):
    note(f"pre_request {req.method} {req.uri} {dict(req.headers)['HOST']}")

def post_request(worker, req, environ, resp):
    note(f"post_request {resp.status} {resp.sent} {environ['REMOTE_ADDR']} {worker.nr}")
"""


class Master:
    """A started gunicorn; made by `gunicorn`."""

    def __init__(self, server: Server, notes: Path) -> None:
        self.server = server
        self.notes_file = notes

    def notes(self, name: str = "") -> list[str]:
        """What hooks and app have noted, all or that which begins so."""
        text = self.notes_file.read_text() if self.notes_file.exists() else ""
        return [line for line in text.splitlines() if line.startswith(name)]

    def wait_notes(self, name: str, count: int = 1) -> list[str]:
        """Waits for the ``count``-th such note."""
        try:
            wait_for(lambda: len(self.notes(name)) >= count, what=f"{count} x {name}")
        except TimeoutError as error:
            error.add_note(f"{self.notes()[-40:]}\n{self.server.output()[-4000:]}")
            raise
        return self.notes(name)

    def wait_ready(self, workers: int) -> None:
        """Waits until so many apps have been started since the beginning."""
        self.wait_notes("started", workers)

    def addresses(self) -> list[tuple[str, int]]:
        """The TCP addresses that the first master listens on."""
        self.server.wait_output("Listening at: ")
        found = LISTENING.search(self.server.output())
        assert found
        return [(v6 or host, int(port)) for v6, host, port in TCP.findall(found[1])]

    def connect(self, number: int = 0) -> RawClient:
        return RawClient(self.addresses()[number])

    def pids(self) -> list[int]:
        """The workers that have started, in order."""
        return [int(line.split()[-1]) for line in self.notes("started")]

    def signal(self, number: signal.Signals) -> None:
        self.server.process.send_signal(number)


def command(place: Path, *args: str) -> list[str]:
    """gunicorn's command line, without a control socket for versions that have one.

    A script, as USR2 starts again what was started, and not `python -m`.
    """
    need_package("gunicorn")
    control = ["--no-control-socket"] if has_setting("control_socket_disable") else []
    script = place / "run-gunicorn"
    script.write_text("from gunicorn.app.wsgiapp import run\nrun()\n")
    return [sys.executable, str(script), *control, *args]


def gunicorn_version() -> int:
    """The first number of the installed gunicorn's version."""
    return int(importlib.metadata.version("gunicorn").partition(".")[0])


def has_setting(name: str) -> bool:
    """Whether the installed gunicorn has that setting: older ones know fewer."""
    if importlib.util.find_spec("gunicorn") is None:
        return False
    from gunicorn.config import Config

    return name in Config().settings


@contextmanager
def gunicorn(
    place: Path,
    *args: str,
    app: str = "managed:app",
    app_dir: Path = APPS,
    worker: str = WORKER,
    conf: str = HOOKS,
    env: dict[str, str] | None = None,
    allow_errors: bool = False,
) -> Iterator[Master]:
    """Runs gunicorn in ``place``, on a free port of 127.0.0.1 unless ``args`` say where.

    At the end it is stopped, and a traceback in its output fails the test, unless
    ``allow_errors``.
    """
    notes = place / "notes"
    (place / "gunicorn.conf.py").write_text(conf)
    bind = [] if {"-b", "--bind"}.intersection(args) else ["-b", "127.0.0.1:0"]
    line = command(place, "-k", worker, *bind, "--pythonpath", f"{app_dir},{place}", *args, app)
    # gunicorn itself leaves files and sockets open.
    around = {"MANAGED_NOTES": str(notes), "PYTHONWARNINGS": "default,ignore::ResourceWarning"}
    server = launch(line, env={**around, **(env or {})}, cwd=place)
    try:
        yield Master(server, notes)
    except BaseException as error:
        server.close()
        error.add_note(f"gunicorn wrote:\n{server.output()}")
        raise
    finally:
        server.close()
    if not allow_errors:
        server.check_output()
