"""A program's own function in a worker process, or under reload, in place of an app.

Programs that embed a server hand such a `target` to a supervisor: mostly the method `run` of a
server of a class of their own. That server then does what ours in such a process does, beneath
what the program overrides: it reports to the parent, and leaves as the parent asks.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar, cast

from tricorn.product import product_logger
from tricorn.serve.binding import Sockets
from tricorn.serve.program import Config
from tricorn.serve.received import Received
from tricorn.serve.report import BEAT, READY, STARTUP_FAILURE
from tricorn.serve.run import run_target
from tricorn.serve.server import Server
from tricorn.serve.user_error import UserCodeError
from tricorn.serve.worker_server import Channel, WorkerServer, obey, take_signals
from tricorn.settings.errors import ConfigError

logger = product_logger("error")

# Seconds between two signs of life of a function that gives none itself.
_BEAT_EVERY: Final = 0.25

_Kind = TypeVar("_Kind", bound=Server)


class Target(NamedTuple):
    """What to run: `run(sockets=...)`. `server` is the one whose method that is, if it is one."""

    config: Config
    run: Callable[..., object]
    server: Server | None


def load_target(orders: Received) -> Target:
    """Import the program and return its target.

    Raises `UserCodeError` for what the program raises, `ConfigError` for its log configuration.
    """
    # Here, as most workers have no target, and it takes its time.
    from multiprocessing import spawn

    try:
        spawn.prepare(orders.program)
        config, run = pickle.loads(orders.target)
    except Exception as error:
        raise UserCodeError("Importing the program failed", error) from error
    config.configure_logging()
    if run is None:
        run = Server(config).run
    owner = getattr(run, "__self__", None)
    return Target(config, run, owner if isinstance(owner, Server) else None)


def become(server: Server, kind: type[_Kind]) -> _Kind:
    """Put the methods of `kind` beneath those that the server's own class overrides.

    What `kind` needs besides is for the caller to set.
    """
    own = type(server)
    name = own.__name__
    both = kind if own is Server else type(name, (own, kind), {"__module__": own.__module__})
    server.__class__ = both
    return cast(_Kind, server)


def serve_target(channel: Channel, sockets: Sockets, orders: Received) -> int:
    """Run the target as a worker; return the exit code."""
    silencer = obey(channel)
    try:
        orders.config()  # sets up logging, for what may be said of the program
        target = load_target(orders)
    except (ConfigError, UserCodeError) as error:
        logger.error("%s", error)
        return STARTUP_FAILURE
    if target.server is None:
        logger.removeFilter(silencer)
        channel.say(READY)
        threading.Thread(target=_beat, args=[channel], name="tricorn-beat", daemon=True).start()
        target.run(sockets=sockets.serving)
        return 0
    server = become(target.server, WorkerServer)
    server.report_to(channel, silencer)
    server.listening.redirecting = sockets.redirecting
    take_signals(server)
    return run_target(server, target.run, sockets.serving)


def _beat(channel: Channel) -> None:
    """Say that the process lives: nobody knows the loop that should turn."""
    pause = threading.Event()
    while not pause.wait(_BEAT_EVERY):
        channel.say(BEAT)
