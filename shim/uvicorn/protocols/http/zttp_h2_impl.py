"""The protocol class of HTTP/1.1, which hands over to HTTP/2."""

from tricorn.net.http1 import Http1Connection as ZttpH2Protocol

__all__ = ["ZttpH2Protocol"]
