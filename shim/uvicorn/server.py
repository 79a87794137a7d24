"""`Server`."""

import logging

from tricorn.serve.server import Server
from tricorn.serve.server_state import ServerState
from tricorn.serve.signals import HANDLED_SIGNALS

logger = logging.getLogger("uvicorn.error")

__all__ = ["HANDLED_SIGNALS", "Server", "ServerState", "logger"]
