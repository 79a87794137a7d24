"""Forwarding fields as middleware."""

from tricorn.compat.uvicorn_names import TrustedHosts as _TrustedHosts
from tricorn.edge.forwarded import ProxyHeadersMiddleware

__all__ = ["ProxyHeadersMiddleware", "_TrustedHosts"]
