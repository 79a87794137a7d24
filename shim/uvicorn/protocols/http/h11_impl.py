"""The protocol class of HTTP/1.1."""

from tricorn.compat.uvicorn_names import STATUS_PHRASES
from tricorn.net.http1 import Http1Connection as H11Protocol

__all__ = ["STATUS_PHRASES", "H11Protocol"]
