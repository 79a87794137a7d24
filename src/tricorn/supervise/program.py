"""From a configuration to a running parent: bind, and supervise what serves."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Sequence

from tricorn.net.address import Bind
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import BindError, Listener, ListenOptions, open_listeners
from tricorn.net.systemd import ServiceNotifier
from tricorn.serve.identity import find_identity
from tricorn.serve.pidfile import PidFile, PidFileError
from tricorn.settings.config import IDLE_RELOAD, Config
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import DEFAULT_LOG_CONFIG
from tricorn.supervise.control import Control
from tricorn.supervise.decide import STARTUP_FAILURE
from tricorn.supervise.fork_launcher import ForkLauncher
from tricorn.supervise.reload_program import reload
from tricorn.supervise.state import Policy, State
from tricorn.supervise.supervisor import Supervisor
from tricorn.supervise.worker_process import Orders, WorkerProcess, start_worker
from tricorn.watch.logs import LOGGING_CONFIG, LogConfigError, configure

logger = logging.getLogger("tricorn.error")

# Beside what the options give a worker to stop in: cancelling, and ending the interpreter.
_DRAIN_MARGIN = 5.0
_PRIVATE = 0o600

Reread = Callable[[], Config]


class SpawnLauncher:
    """Starts each worker in a fresh interpreter; a `Launcher`."""

    def __init__(self, config: Config, reread: Reread, fds: Sequence[int]) -> None:
        self.reread = reread
        self.fds = fds
        self.orders = Orders(config.app, config.options(), fds)

    def attach(self, supervisor: Supervisor) -> None:
        """Do nothing: what it starts are children of this process."""

    def start(self, number: int) -> WorkerProcess:
        """Start one."""
        return start_worker(self.orders, number)

    def cancel(self, worker: WorkerProcess) -> None:
        """Do nothing: each worker's process is known at once."""

    def renew(self) -> None:
        """Take the options as they are now; where to listen stays as it is."""
        config = self.reread()
        self.orders = Orders(config.app, config.options(), self.fds)

    def close(self) -> None:
        """Do nothing: it holds nothing."""


class Announcer:
    """Tells whoever started the server how it is doing."""

    def __init__(self, listeners: Sequence[Listener], scheme: str) -> None:
        self.places = list(dict.fromkeys(opened.describe(scheme) for opened in listeners))
        self.systemd = ServiceNotifier(os.environ)

    def __call__(self, what: str) -> None:
        """Take note of `ready`, `reloading` or `stopping`."""
        if what == "ready":
            places, self.places = self.places, []
            for place in places:
                _say("Tricorn running on %s (Press CTRL+C to quit)", place)
            self.systemd.ready("serving")
        elif what == "reloading":
            self.systemd.reloading()
        elif what == "stopping":
            self.systemd.stopping()

    def alive(self, now: float) -> None:
        """Take note that some worker serves."""
        self.systemd.alive(now)


def supervise(config: Config, reread: Reread, files: Sequence[str] = ()) -> int:
    """Serve `config` with worker processes until told to stop; return the exit code.

    `reread` makes the configuration anew for a restart. Under `--reload`, `files` are watched
    besides what the options say. Raises `ConfigError` for an option
    that can't be used.
    """
    _set_up_logging(config)
    if os.name != "posix":
        option = "reload" if config.reload else "workers"
        raise ConfigError(f"{option}: needs Linux or macOS; leave it out to serve with one process")
    if not isinstance(config.app, str):
        logger.error(
            "Worker processes and reloading need the application as an import string, such as "
            "'main:app': each process imports it."
        )
        return STARTUP_FAILURE
    if config.has_idle_reload_options:
        logger.warning(IDLE_RELOAD)
    if config.is_ssl and not _tls_is_usable(config):
        return STARTUP_FAILURE
    umask = None if config.umask is None else int(config.umask)
    identity = find_identity(config.user, config.group, umask)
    pid_file = None if config.pid is None else PidFile(config.pid)
    listeners: list[Listener] = []
    try:
        listeners = open_listeners(_addresses(config), _listen_options(config))
        if pid_file is not None:
            pid_file.write(identity.uid)
        identity.take()
        if config.reload:
            return reload(config, reread, listeners, files)
        return _run(config, reread, listeners)
    except ConfigError:
        raise
    except (BindError, PidFileError, ValueError) as error:
        logger.error("%s", error)
        return STARTUP_FAILURE
    finally:
        if pid_file is not None:
            pid_file.remove()
        for listener in listeners:
            listener.close()


def _tls_is_usable(config: Config) -> bool:
    """Try what each worker will do, so that none of them has to find out."""
    # Here, as a parent that needs no TLS shouldn't hold the library.
    from tricorn.net.tls import TlsError
    from tricorn.serve.tls import tls_source

    try:
        tls_source(config)
    except TlsError as error:
        logger.error("%s", error)
        return False
    return True


def _run(config: Config, reread: Reread, listeners: list[Listener]) -> int:
    pid = os.getpid()
    _say("Started parent process [%s]", pid)
    make = ForkLauncher if config.preload else SpawnLauncher
    launcher = make(config, reread, [opened.sock.fileno() for opened in listeners])
    state = State(_policy(config), target=config.workers or 1)
    announce = Announcer(listeners, "https" if config.is_ssl else "http")
    lifetime = config.limit_worker_lifetime or math.inf
    supervisor = Supervisor(launcher, listeners, state, announce, lifetime)
    control = None
    if config.control:
        # As the user that we are now: nobody else shall be able to connect.
        options = ListenOptions(uds_mode=_PRIVATE)
        control = open_listeners([Bind("unix", path=config.control)], options)[0]
        Control(supervisor, control)
    try:
        code = supervisor.run()
    finally:
        if control is not None:
            control.close()
    _say("Stopping parent process [%s]", pid)
    return code


def _addresses(config: Config) -> list[Bind]:
    """Where to listen: on what systemd passed, else where the configuration says."""
    inherited = take_inherited(os.environ)
    return [Bind("fd", fd=fd) for fd, _ in inherited] or config.listen_addresses()


def _say(text: str, value: object) -> None:
    """Log a line whose value stands out on a terminal."""
    logger.info(text, value, extra={"color_message": text.replace("%s", "\x1b[1m%s\x1b[0m")})


def _policy(config: Config) -> Policy:
    return Policy(
        healthcheck=config.timeout_worker_healthcheck or math.inf,
        drain=_drain_time(config.timeout_graceful_shutdown, config.timeout_lifespan_shutdown),
        parallel=config.restart_parallel,
    )


def _drain_time(*limits: float | None) -> float:
    return math.inf if None in limits else sum(limit or 0.0 for limit in limits) + _DRAIN_MARGIN


def _listen_options(config: Config) -> ListenOptions:
    return ListenOptions(
        backlog=config.backlog,
        reuse_port=config.reuse_port,
        uds_mode=int(config.uds_mode),
        uds_owner=config.uds_owner,
    )


def _set_up_logging(config: Config) -> None:
    log_config = LOGGING_CONFIG if config.log_config == DEFAULT_LOG_CONFIG else config.log_config
    try:
        configure(log_config, config.log_level, config.use_colors, config.access_log)
    except LogConfigError as error:
        raise ConfigError(str(error)) from None


__all__ = ["supervise"]
