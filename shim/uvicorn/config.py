"""`Config`, and the tables that programs look things up in."""

from __future__ import annotations

import logging
from typing import Any

import tricorn
from tricorn.compat.uvicorn_names import (
    HTTP_PROTOCOLS,
    INTERFACES,
    LIFESPAN,
    LOOP_FACTORIES,
    SSL_PROTOCOL_VERSION,
    WS_PROTOCOLS,
    HTTPProtocolType,
    InterfaceType,
    LifespanType,
    LoopFactoryType,
    UvicornDeprecationWarning,
    WSProtocolType,
    create_ssl_context,
)
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.watch.logs import LOG_LEVELS, LOGGING_CONFIGS

LOGGING_CONFIG = LOGGING_CONFIGS["uvicorn"]

logger = logging.getLogger("uvicorn.error")


class Config(tricorn.Config):
    """tricorn's, which calls itself Uvicorn unless told otherwise."""

    def __init__(self, app: Any, *args: Any, **options: Any) -> None:
        super().__init__(app, *args, **{"product": "uvicorn", **options})


__all__ = [
    "HTTP_PROTOCOLS",
    "INTERFACES",
    "LIFESPAN",
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "LOOP_FACTORIES",
    "SSL_PROTOCOL_VERSION",
    "STARTUP_FAILURE",
    "WS_PROTOCOLS",
    "Config",
    "HTTPProtocolType",
    "InterfaceType",
    "LifespanType",
    "LoopFactoryType",
    "UvicornDeprecationWarning",
    "WSProtocolType",
    "create_ssl_context",
    "logger",
]
