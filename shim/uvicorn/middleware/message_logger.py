"""Every ASGI message in the log."""

from tricorn.asgi.message_logger import MessageLoggerMiddleware

__all__ = ["MessageLoggerMiddleware"]
