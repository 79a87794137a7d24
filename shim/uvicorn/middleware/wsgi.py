"""WSGI apps as ASGI apps."""

from tricorn.asgi.wsgi import WSGIMiddleware

__all__ = ["WSGIMiddleware"]
