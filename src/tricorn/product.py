"""The name under which the server appears: its loggers and the words of its log.

A process has one at a time, since loggers are the process's: that of the `Config` made last.
It is `tricorn`, unless the option `product` says that it stands in for another server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import logging

TRICORN = "tricorn"
UVICORN = "uvicorn"
PRODUCTS = (TRICORN, UVICORN)

_current = TRICORN


def use_product(name: str) -> None:
    """Appear as `name`, one of `PRODUCTS`, from now on."""
    global _current
    _current = name


def logger_name(part: str = "") -> str:
    """The name of the product's logger, or of the one below it that is called `part`."""
    return f"{_current}.{part}" if part else _current


def running_on() -> str:
    """The text of the line that tells a place where the server listens."""
    return f"{_current.capitalize()} running on %s (Press CTRL+C to quit)"


def redirecting() -> str:
    """The text of the line that tells a place whose requests are sent on to https."""
    return f"{_current.capitalize()} redirecting %s to https"


class _ProductLogger:
    """Whichever logger has the product's name when something is logged."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        # Here, as the option table has the products' names, and `--help` needs no logging.
        from logging import getLogger

        return getattr(getLogger(logger_name(self._part)), name)


def product_logger(part: str) -> logging.Logger:
    """The product's logger `part`, for modules that are imported before the product is known."""
    return cast("logging.Logger", _ProductLogger(part))


__all__ = ["PRODUCTS", "logger_name", "product_logger", "redirecting", "running_on", "use_product"]
