"""The answer to requests that are more than may run at a time."""

from __future__ import annotations

from typing import Any

from tricorn.product import product_logger

logger = product_logger("error")


async def overloaded(scope: Any, receive: Any, send: Any) -> None:
    """Answer in the app's place when there is too much to do."""
    logger.warning("Exceeded concurrency limit.")
    body = b"Service Unavailable"
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": fields})
    await send({"type": "http.response.body", "body": body})
