"""The protocol class of HTTP/1.1."""

from tricorn.compat.uvicorn_names import STATUS_LINE
from tricorn.net.http1 import Http1Connection as HttpToolsProtocol

__all__ = ["STATUS_LINE", "HttpToolsProtocol"]
