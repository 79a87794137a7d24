"""From a configuration to a running parent: bind, and supervise what serves."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence

from tricorn.net.address import Bind
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import BindError, Listener, ListenOptions, open_listeners
from tricorn.net.systemd import ServiceNotifier
from tricorn.product import product_logger
from tricorn.serve.binding import addresses, banners, descriptors, listen_options
from tricorn.serve.identity import find_identity
from tricorn.serve.logging_setup import mention_other_names, set_up_logging
from tricorn.serve.pidfile import PidFile, PidFileError
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.settings.config import IDLE_RELOAD, Config
from tricorn.settings.errors import ConfigError, OptionError
from tricorn.supervise.control import Control
from tricorn.supervise.dealing import deal, open_own
from tricorn.supervise.fork_launcher import ForkLauncher
from tricorn.supervise.orders import Reread, Standing
from tricorn.supervise.reload_program import make_reloader, reload
from tricorn.supervise.state import Policy, State
from tricorn.supervise.successor import Inheritance, Successor
from tricorn.supervise.supervisor import Supervisor
from tricorn.supervise.telling import say
from tricorn.supervise.worker_process import WorkerProcess, start_worker

logger = product_logger("error")

# Beside what the options give a worker to stop in: cancelling, and ending the interpreter.
_DRAIN_MARGIN = 5.0
_PRIVATE = 0o600


class SpawnLauncher:
    """Starts each worker in a fresh interpreter; a `Launcher`."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing

    def attach(self, supervisor: Supervisor) -> None:
        """Do nothing: what it starts are children of this process."""

    def start(self, number: int) -> WorkerProcess:
        """Start one."""
        return start_worker(self.standing.orders, number)

    def cancel(self, worker: WorkerProcess) -> None:
        """Do nothing: each worker's process is known at once."""

    def renew(self) -> None:
        """Take the options as they are now."""
        self.standing.renew()

    def reopen_logs(self) -> None:
        """Do nothing: it has no process but the workers."""

    def stop_listening(self) -> None:
        """Do nothing: it has no process but the workers."""

    def close(self) -> None:
        """Do nothing: it holds nothing."""


class Announcer:
    """Tells whoever started the server how it is doing."""

    def __init__(self, listeners: list[Listener], scheme: str, successor: Successor) -> None:
        self.listeners = listeners
        self.places = banners(listeners, scheme)
        self.systemd = ServiceNotifier(os.environ)
        self.successor = successor
        self.when_ready: list[Callable[[], object]] = []  # called once
        self.when_succeeded: list[Callable[[], object]] = []

    def __call__(self, what: str) -> None:
        """Take note of `ready`, `reloading`, `stopping` or `succeeded`."""
        if what == "ready":
            places, self.places = self.places, []
            for place in places:
                say(place.text, place.where)
            when_ready, self.when_ready = self.when_ready, []
            for call in when_ready:
                call()
            self.systemd.ready("serving")
        elif what == "reloading":
            self.systemd.reloading()
        elif what == "stopping":
            self.systemd.stopping()
        elif what == "succeeded":
            self.systemd.main_process(self.successor.pid)
            for call in self.when_succeeded:
                call()

    def alive(self, now: float) -> None:
        """Take note that some worker serves."""
        self.systemd.alive(now)


def supervise(config: Config, reread: Reread, files: Sequence[str] = ()) -> int:
    """Serve `config` with worker processes until told to stop; return the exit code.

    `reread` makes the configuration anew for a restart. Under `--reload`, `files` are watched
    besides what the options say. Raises `ConfigError` for an option that can't be used.
    """
    set_up_logging(config)
    mention_other_names(config)
    if not _can_supervise(config):
        return STARTUP_FAILURE
    umask = None if config.umask is None else int(config.umask)
    identity = find_identity(config.user, config.group, umask)
    pid_file = None if config.pid is None else PidFile(config.pid)
    inheritance = Inheritance(os.environ)
    listeners: list[Listener] = []
    try:
        control = _inherited_control(config, inheritance)
        listeners, complete = _listen(config, inheritance)
        successor = Successor(listeners, complete)
        announce = Announcer(listeners, "https" if config.is_ssl else "http", successor)
        if inheritance.predecessor:
            # Until we are ready the old one is the server, and may have to stay it.
            announce.when_ready.append(lambda: _take_over(inheritance, pid_file))
        elif pid_file is not None:
            pid_file.write(identity.uid)
        identity.take()
        if config.reload:
            fds = [opened.sock.fileno() for opened in listeners]
            standing = Standing(config, reread, descriptors([fds], listeners))
            reloader = make_reloader(config, standing, listeners, announce.systemd, files)
            return reload(reloader, announce.places)
        return _run(config, reread, announce, control)
    except ConfigError:
        raise
    except (BindError, PidFileError, ValueError) as error:
        logger.error("%s", error)
        return STARTUP_FAILURE
    finally:
        inheritance.close()
        if pid_file is not None:
            pid_file.remove()
        for listener in listeners:
            listener.close()


def _can_supervise(config: Config) -> bool:
    """Whether nothing speaks against it; what does is told, before anything is opened.

    Raises `ConfigError` where the system has no such processes.
    """
    if os.name != "posix":
        option = "reload" if config.reload else "workers"
        raise OptionError(
            option, wrong=": needs Linux or macOS; leave it out to serve with one process"
        )
    if not isinstance(config.app, str):
        logger.error(
            "Worker processes and reloading need the application as an import string, such as "
            "'main:app': each process imports it."
        )
        return False
    if config.has_idle_reload_options:
        logger.warning(IDLE_RELOAD)
    return not config.is_ssl or _tls_is_usable(config)


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


def _run(config: Config, reread: Reread, announce: Announcer, control: Listener | None) -> int:
    listeners = announce.listeners
    pid = os.getpid()
    say("Started parent process [%s]", pid)
    make = ForkLauncher if config.preload else SpawnLauncher
    workers = config.workers or 1
    lots = deal(listeners, workers)
    launcher = make(Standing(config, reread, descriptors(lots, listeners)))
    state = State(policy(config, is_fixed=len(lots) > 1), target=workers)
    lifetime = config.limit_worker_lifetime or math.inf
    successor = announce.successor
    supervisor = Supervisor(launcher, listeners, state, announce, lifetime, successor)
    opened = _open_control(config, control, supervisor, announce)
    try:
        code = supervisor.run()
    finally:
        if opened is not None:
            opened.close()
    say("Stopping parent process [%s]", pid)
    return code


def _open_control(
    config: Config, inherited: Listener | None, supervisor: Supervisor, announce: Announcer
) -> Control | None:
    """Have `tricorn ctl` talk to this server, if that is wanted and as soon as it is the one."""
    if not config.control:
        return None
    listener = inherited
    if listener is None:
        # As the user that we are now: nobody else shall be able to connect.
        options = ListenOptions(uds_mode=_PRIVATE)
        listener = open_listeners([Bind("unix", path=config.control)], options)[0]
    control = Control(supervisor, listener)
    announce.successor.listeners.append(listener)
    announce.when_succeeded.append(control.close)
    if inherited is None:
        control.open()
    else:
        # Until then the old one answers.
        announce.when_ready.append(control.open)
    return control


def _inherited_control(config: Config, inheritance: Inheritance) -> Listener | None:
    return inheritance.take(Bind("unix", path=config.control)) if config.control else None


def _listen(config: Config, inheritance: Inheritance) -> tuple[list[Listener], bool]:
    """Open the sockets: those of a tricorn that we replace, of systemd, or of the configuration.

    Also return whether they are all there is, whatever the configuration says.
    """
    passed = take_inherited(os.environ)
    kept, missing = inheritance.divide(addresses(config, passed))
    opened: list[Listener] = []
    options = listen_options(config)
    try:
        opened += open_listeners(missing, options)
        if not config.reload:
            opened += open_own(kept + opened, config.workers or 1, options)
    except BaseException:
        for listener in kept + opened:
            listener.close()
        raise
    return kept + opened, bool(passed) or inheritance.is_complete


def _take_over(inheritance: Inheritance, pid_file: PidFile | None) -> None:
    """Become the server that the old one was."""
    if pid_file is not None:
        try:
            pid_file.write(instead_of=inheritance.predecessor)
        except PidFileError as error:
            logger.warning("%s", error)
    inheritance.take_over()


def policy(config: Config, is_fixed: bool = False) -> Policy:
    """What the options say of how workers are looked after."""
    return Policy(
        healthcheck=config.timeout_worker_healthcheck or math.inf,
        drain=_drain_time(config.timeout_graceful_shutdown, config.timeout_lifespan_shutdown),
        parallel=config.restart_parallel,
        delay=config.drain_delay,
        is_fixed=is_fixed,
    )


def _drain_time(*limits: float | None) -> float:
    return math.inf if None in limits else sum(limit or 0.0 for limit in limits) + _DRAIN_MARGIN


__all__ = ["Announcer", "SpawnLauncher", "policy", "supervise"]
