"""ASGI 2 apps as ASGI 3 apps."""

from tricorn.asgi.asgi2 import ASGI2Middleware

__all__ = ["ASGI2Middleware"]
