"""The protocol class of HTTP/1.1."""

from tricorn.net.http1 import Http1Connection as AutoHTTPProtocol

__all__ = ["AutoHTTPProtocol"]
