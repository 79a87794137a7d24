"""What programs configure a server with: the options, and the app that they lead to."""

from __future__ import annotations

import socket
import sys
from typing import Any

from tricorn.asgi.lifespan import Lifespan
from tricorn.asgi.message_logger import MessageLoggerMiddleware
from tricorn.net.listen import BindError, open_listeners
from tricorn.net.tls import TlsError, TlsSource
from tricorn.product import product_logger, running_on
from tricorn.serve.application import Application, load_application
from tricorn.serve.binding import listen_options
from tricorn.serve.components import forwarder
from tricorn.serve.importer import ImportFromStringError
from tricorn.serve.logging_setup import set_up_logging
from tricorn.serve.loops import LoopFactory, loop_factory
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.serve.tls import tls_source
from tricorn.serve.user_error import UserCodeError
from tricorn.settings.config import Config as Settings
from tricorn.watch.logs import TRACE_LOG_LEVEL

logger = product_logger("error")


class Config(Settings):
    """Every option of a server, and the app that they lead to.

    The parameters are those of docs/options.md; raises `ConfigError` for one that
    can't be used. Logging is set up when a Config is made, as programs expect who
    know Uvicorn; the app is imported by `load()`.
    """

    def __init__(self, app: Any, *args: Any, **options: Any) -> None:
        self.loaded = False
        self.loaded_app: Any = None
        self.ssl: Any = None  # the context in use, for programs that load certificates into it
        self._tls: TlsSource | None = None
        super().__init__(app, *args, **options)
        self.configure_logging()

    def configure_logging(self) -> None:
        """Set up the loggers. Raises `ConfigError` for a log configuration that is none."""
        set_up_logging(self)

    def load_app(self) -> Any:
        """Import the app and return it as it is called: an ASGI 3 app."""
        return self._load_application().app

    def _load_application(self) -> Application:
        return load_application(
            self.app,
            factory=self.factory,
            interface=self.interface,
            wsgi_threads=self.wsgi_threads,
        )

    def load(self) -> None:
        """Import the app, and settle what depends on it.

        Attributes may have been reassigned, so all are judged again: raises `ConfigError`
        for one that can't be used. An app that can't be imported is logged, and raises
        SystemExit with code 3.
        """
        self.check()
        forwarder(self)
        try:
            self.load_tls()
        except TlsError as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        try:
            loaded = self._load_application()
        except (ImportFromStringError, UserCodeError) as error:
            # In the message, as arguments are what a client may have made: on one line.
            logger.error(f"Error loading ASGI app. {error}")
            sys.exit(STARTUP_FAILURE)
        self.loaded_app = _traced(loaded.app)
        self.interface = loaded.interface
        self.loaded = True

    def load_tls(self) -> TlsSource | None:
        """Read certificates and keys into `ssl`, once. Raises `ConfigError` and `TlsError`."""
        if self._tls is None:
            self._tls = tls_source(self)
            self.ssl = None if self._tls is None else self._tls.context
        return self._tls

    def lifespan_class(self, config: Config) -> Lifespan:
        """Make the lifespan of a loaded config. A method here, a class in Uvicorn."""
        mode = "off" if config.interface == "wsgi" else config.lifespan
        return Lifespan(
            config.loaded_app,
            mode,
            startup_timeout=config.timeout_lifespan_startup,
            shutdown_timeout=config.timeout_lifespan_shutdown,
            asgi_version=config.asgi_version,
        )

    def get_loop_factory(self) -> LoopFactory | None:
        """Return what makes the event loop; None leaves it to asyncio."""
        return loop_factory(self.loop)

    def bind_socket(self) -> socket.socket:
        """Open the (first) listening socket and return it, for a program that passes it on.

        Raises SystemExit with code 3 when it can't be opened.
        """
        try:
            listeners = open_listeners(self.listen_addresses(), listen_options(self))
        except BindError as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        for spare in listeners[1:]:
            spare.close()
        logger.info(running_on(), listeners[0].describe())
        return listeners[0].sock


def _traced(app: Any) -> Any:
    """Put a logger of messages in front of the app, if anybody wants to see them."""
    if logger.getEffectiveLevel() > TRACE_LOG_LEVEL:
        return app
    return MessageLoggerMiddleware(app)
