"""An ASGI server for Python: HTTP/1.1 and WebSockets for ASGI 3, ASGI 2 and WSGI apps.

`run(app, **options)` serves an app; `Config` and `Server` are for programs that embed
the server in their own event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Config", "Server", "__version__", "run"]

if TYPE_CHECKING:
    from tricorn.launch import run
    from tricorn.serve.program import Config
    from tricorn.serve.server import Server


def __getattr__(name: str) -> Any:
    # Late, so that `tricorn --help` needn't import a server.
    if name == "run":
        from tricorn.launch import run

        return run
    if name == "Config":
        from tricorn.serve.program import Config

        return Config
    if name == "Server":
        from tricorn.serve.server import Server

        return Server
    raise AttributeError(f"module 'tricorn' has no attribute {name!r}")
