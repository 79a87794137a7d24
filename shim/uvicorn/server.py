"""`Server`."""

import logging

from tricorn.serve.server import HANDLED_SIGNALS, Server, ServerState

logger = logging.getLogger("uvicorn.error")

__all__ = ["HANDLED_SIGNALS", "Server", "ServerState", "logger"]
