"""gunicorn's worker contract, around a `Server`.

gunicorn's master makes a worker object, forks, and calls `init_process` in the child:

```
 master                    child
 __init__ ──► fork ──────► init_process ─► init_signals ─► load_wsgi ─► run ─► (exit)
              │  ▲                                                       │
   TERM, QUIT,│  └── notify(), every second from the event loop ◄────────┤
   USR1, ABRT └──────────────────────────────────────────────► handle_* ─┘
```

`run` returns normally, so that gunicorn runs its `worker_exit` hook and logs the exit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar, NoReturn

from gunicorn.arbiter import Arbiter
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from tricorn.compat.gunicorn_requests import watched
from tricorn.compat.gunicorn_settings import options, proxy_peers, refusal, without_effect
from tricorn.net.ticker import Ticker
from tricorn.product import logger_name, use_product
from tricorn.serve.importer import ImportFromStringError
from tricorn.serve.program import Config
from tricorn.serve.server import Server
from tricorn.serve.user_error import UserCodeError
from tricorn.settings.errors import ConfigError
from tricorn.settings.files import nearest
from tricorn.settings.options import CONFIG_PARAMETERS

_BEAT = 1.0  # seconds between two heartbeats, at most
_ABORTED = 1
_BOOT_ERROR: int = Arbiter.WORKER_BOOT_ERROR


class TricornWorker(Worker):  # type: ignore[misc]
    """Serves the app with tricorn in a worker process of gunicorn's.

    A subclass may set options of docs/options.md in `CONFIG_KWARGS`; they win over
    gunicorn's settings. gunicorn looks after processes, sockets and logs, so options about
    those have no effect.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # In the master: nothing is opened, since every later worker would inherit it.
        super().__init__(*args, **kwargs)
        self.server: Server | None = None
        self._runner: asyncio.Runner | None = None
        self._loading = False
        self._told_to_quit = False
        self._aborted = False
        if self.age == 1:
            for line in without_effect(self.cfg):
                self.log.warning("%s", line)

    @property
    def should_exit(self) -> bool:
        """Whether the worker is stopping.

        sse-starlette asks this of the object whose method handles SIGTERM, to end its streams.
        """
        return not self.alive

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self.alive = not value

    # Booting

    def init_process(self) -> None:
        """Prepare the server in the new process; then gunicorn loads the app and calls `run`."""
        self._share_logs()
        refused = refusal(self.cfg)
        if refused:
            self._refuse_to_boot(refused)
        try:
            self.config = self._make_config()
            self.ssl_context = _tls(self.cfg, self.config.alpn)
            # Before the app is imported, as its modules may ask for the event loop.
            self._runner = asyncio.Runner(loop_factory=self.config.get_loop_factory())
        except (ConfigError, ImportFromStringError, UserCodeError) as error:
            self._refuse_to_boot(str(error))
        asyncio.set_event_loop(self._runner.get_loop())
        super().init_process()

    def _refuse_to_boot(self, why: str) -> NoReturn:
        self.log.error("%s", why)
        sys.exit(_BOOT_ERROR)

    def _make_config(self) -> Config:
        kwargs = self.CONFIG_KWARGS
        for name in kwargs:
            if name not in CONFIG_PARAMETERS:
                hint = nearest(name, CONFIG_PARAMETERS)
                raise ConfigError(f"CONFIG_KWARGS has {name!r}, which is no option{hint}")
        return Config(**{"app": None, **options(self.cfg, self.max_requests), **kwargs})

    def _share_logs(self) -> None:
        """Have gunicorn's error log write what tricorn says, unless a log config does."""
        use_product(self.CONFIG_KWARGS.get("product", "tricorn"))
        own = logging.getLogger(logger_name())
        gunicorns = getattr(self.log, "error_log", None)
        if own.handlers or gunicorns is None:
            return
        # The list itself, as gunicorn may replace what is in it.
        own.handlers = gunicorns.handlers
        own.setLevel(gunicorns.level)
        own.propagate = False

    def load_wsgi(self) -> None:
        """Import the app; a signal ends an import that takes long."""
        self._loading = True
        try:
            super().load_wsgi()
        finally:
            self._loading = False

    # Running

    def run(self) -> None:
        """Serve until told to stop. Exits with gunicorn's boot error where the app can't start."""
        if not self.alive:
            return
        self.config.app = self.wsgi
        self.config.load()
        self.config.loaded_app = watched(self.config.loaded_app, self)
        self.server = server = _WorkerServer(self)
        assert self._runner is not None
        self._runner.run(self._serve(server))
        self._runner.close()
        if self._aborted:
            sys.exit(_ABORTED)
        if not server.started and self.alive:
            sys.exit(_BOOT_ERROR)

    async def _serve(self, server: Server) -> None:
        self._beat()
        # Never stopped: closing the loop waits for its threads, and the master still listens.
        every = min(_BEAT, self.timeout / 2 or _BEAT)
        Ticker(asyncio.get_running_loop(), every, self._beat).start()
        # Copies: gunicorn closes its own, and would find their descriptors closed or reused.
        copies = [socket.socket(fileno=os.dup(one.fileno())) for one in self.sockets]
        await server.serve(sockets=copies)

    def _beat(self) -> None:
        """Tell the master that the event loop turns, and look whether there is a master."""
        self.notify()
        if self.alive and self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            self.alive = False

    # Signals

    def init_signals(self) -> None:
        """Handle what gunicorn's master sends; each handler is a method to override."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGWINCH, self.handle_winch)
        # The app's own system calls go on after these.
        signal.siginterrupt(signal.SIGTERM, False)
        signal.siginterrupt(signal.SIGUSR1, False)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and let what runs finish (TERM)."""
        self.alive = False
        self._stop(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop now (QUIT, INT)."""
        self.alive = False
        if not self._told_to_quit:
            self._told_to_quit = True
            self.cfg.worker_int(self)
        if self.server is not None:
            self.server.force_exit = True
        self._stop(sig, frame)

    def _stop(self, sig: int, frame: FrameType | None) -> None:
        if self.server is not None:
            self.server.handle_exit(sig, frame)
        elif self._loading:
            sys.exit(0)

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """Say what has kept the event loop from its heartbeat, and interrupt it (ABRT).

        If it is a request, its app fails with SystemExit, and the others are let finish:
        the master doesn't mind as long as the loop turns.
        """
        self.alive = False
        self._aborted = True
        self.log.critical(
            "Worker (pid:%s) was silent for %s s. Its event loop is blocked here:\n%s",
            self.pid,
            self.cfg.timeout,
            _app_stack(frame),
        )
        self.cfg.worker_abort(self)
        if self._runner is not None:
            # Tasks may end unfinished, which needn't be said of each.
            self._runner.get_loop().set_exception_handler(lambda loop, context: None)
        sys.exit(_ABORTED)

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """Open the log files anew (USR1)."""
        if self.server is None or self._runner is None:
            self.log.reopen_files()
        else:
            # Not within a write to one of them, which this signal may have interrupted.
            self._runner.get_loop().call_soon_threadsafe(self.log.reopen_files)


class TricornH11Worker(TricornWorker):
    """The same on asyncio's own event loop. The reader is tricorn's here too."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "asyncio", "http": "h11"}


class UvicornWorker(TricornWorker):
    """`TricornWorker` under Uvicorn's name, for the distribution that has Uvicorn's names."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": "auto"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A subclass of a program's own replaces the options, and stays Uvicorn by name.
        self.CONFIG_KWARGS = {"product": "uvicorn", **self.CONFIG_KWARGS}  # type: ignore[misc]
        super().__init__(*args, **kwargs)


class UvicornH11Worker(UvicornWorker):
    """The same on asyncio's own event loop."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "asyncio", "http": "h11"}


class _WorkerServer(Server):
    """A server that a gunicorn worker starts and stops."""

    def __init__(self, worker: TricornWorker) -> None:
        super().__init__(worker.config)
        self.worker = worker
        self.listening.ssl_context = worker.ssl_context
        self.listening.proxy_peers = proxy_peers(worker.cfg)
        self.owns_process = True
        self.delays_stop = False  # the master counts the time from its signal
        self.names_places = False  # the master has

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The worker's handlers are there already, and stay until the process ends.
        yield

    async def on_tick(self, counter: int) -> bool:
        self.worker.nr = self.server_state.total_requests
        # gunicorn's reloader, in a thread of its own, does no more than clear the flag.
        self.should_exit = self.should_exit or not self.worker.alive
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.worker.alive = False
        await super().shutdown(sockets=sockets)


def _app_stack(frame: FrameType | None) -> str:
    """The innermost calls, up to where a server or an event loop called the app."""
    calls: list[FrameType] = []
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if calls and package in ("tricorn", "gunicorn", "asyncio", "uvloop"):
            break
        calls.append(frame)
        frame = frame.f_back
    steps = [(call, call.f_lineno) for call in reversed(calls)]
    return "".join(traceback.StackSummary.extract(iter(steps)).format()).rstrip()


def _tls(cfg: Any, alpn: Sequence[str]) -> ssl.SSLContext | None:
    """gunicorn's TLS context, which its `ssl_context` hook may have made."""
    if not cfg.is_ssl:
        return None
    try:
        context: ssl.SSLContext = ssl_context(cfg)
    except (OSError, ValueError) as error:
        raise ConfigError(f"certfile {cfg.certfile}, keyfile {cfg.keyfile}: {error}") from None
    # What was agreed to has to be spoken.
    context.set_alpn_protocols(list(alpn))
    return context
