"""`run`, and the command."""

from __future__ import annotations

import logging
from typing import Any

import tricorn
from tricorn.cli import command
from uvicorn.config import LOGGING_CONFIG, STARTUP_FAILURE, Config
from uvicorn.server import Server, ServerState
from uvicorn.supervisors import ChangeReload, Multiprocess

logger = logging.getLogger("uvicorn.error")

main = command("uvicorn", product="uvicorn")


def run(app: Any, **options: Any) -> None:
    """`tricorn.run`, which calls itself Uvicorn unless told otherwise."""
    tricorn.run(app, **{"product": "uvicorn", **options})


__all__ = [
    "LOGGING_CONFIG",
    "STARTUP_FAILURE",
    "ChangeReload",
    "Config",
    "Multiprocess",
    "Server",
    "ServerState",
    "logger",
    "main",
    "run",
]

if __name__ == "__main__":
    main()
