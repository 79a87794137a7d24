"""WSGI apps as ASGI apps."""

from tricorn.asgi.wsgi import WSGIMiddleware
from tricorn.asgi.wsgi import WSGIMiddleware as _WSGIMiddleware

__all__ = ["WSGIMiddleware", "_WSGIMiddleware"]
