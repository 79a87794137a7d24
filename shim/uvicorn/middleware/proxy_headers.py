"""Forwarding fields as middleware."""

from tricorn.edge.forwarded import ProxyHeadersMiddleware

__all__ = ["ProxyHeadersMiddleware"]
