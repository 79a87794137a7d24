"""Running a server to its end: for a program, for the command line, and in a worker."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any

from tricorn.product import product_logger
from tricorn.serve.importer import ImportFromStringError, insert_app_dir
from tricorn.serve.logging_setup import mention_other_names
from tricorn.serve.process_server import ProcessServer
from tricorn.serve.program import Config
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.serve.server import Server
from tricorn.serve.user_error import UserCodeError
from tricorn.settings.config import IDLE_RELOAD, build
from tricorn.settings.config import Config as Settings

logger = product_logger("error")

_INTERRUPTED = 130


def run(app: Any, **options: Any) -> None:
    """Serve `app` until told to stop; the options are those of docs/options.md.

    Raises `ConfigError` (a ValueError) for an option that can't be used, and SystemExit
    with code 3 when the server can't start.
    """
    app_dir = options.get("app_dir")
    if app_dir is not None:
        insert_app_dir(app_dir)
    config = build(app, options, Config)
    assert isinstance(config, Config)
    _mention_idle_options(config)
    code = run_server(Server(config))
    if code:
        sys.exit(code)


def main_run(config: Settings) -> int:
    """Serve what the command line describes; return the exit code."""
    program = config if isinstance(config, Config) else Config(config.app, **config.options())
    _mention_idle_options(program)
    server = ProcessServer(program)
    server.heed_interrupts()
    return run_server(server)


def _mention_idle_options(config: Settings) -> None:
    mention_other_names(config)
    if config.has_idle_reload_options:
        logger.warning(IDLE_RELOAD)


def run_server(server: Server, sockets: list[socket.socket] | None = None) -> int:
    """Run a server in a new event loop; log what keeps it from starting; return the exit code."""
    return run_target(server, server.run, sockets)


def run_target(
    server: Server, run: Callable[..., object], sockets: list[socket.socket] | None
) -> int:
    """As `run_server`, where `run` is what a program has the server run by."""
    _refuse_running_loop()
    try:
        run(sockets=sockets)
    except (ImportFromStringError, UserCodeError) as error:
        logger.error(str(error))
        return STARTUP_FAILURE
    except KeyboardInterrupt:
        pass
    except asyncio.CancelledError:
        return _INTERRUPTED
    return 0 if server.started or server._interrupted else STARTUP_FAILURE


def _refuse_running_loop() -> None:
    """Say how to serve where a loop runs already, as in a notebook. Raises RuntimeError."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "An event loop runs already, as in a notebook, and run() would make another. "
        "Use the one that runs: await Server(Config(app)).serve()"
    )
