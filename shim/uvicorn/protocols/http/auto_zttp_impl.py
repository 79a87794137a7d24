"""The protocol class of HTTP/1.1, which hands over to HTTP/2."""

from tricorn.net.http1 import Http1Connection as AutoZttpProtocol

__all__ = ["AutoZttpProtocol"]
