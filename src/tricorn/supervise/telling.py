"""What a parent tells in the log."""

from __future__ import annotations

import logging
from typing import Final

from tricorn.product import product_logger
from tricorn.supervise.state import Say

logger = product_logger("error")

_LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def tell(action: Say) -> None:
    """Log what was decided to be said."""
    logger.log(_LEVELS[action.level], "%s", action.text)


def say(text: str, *values: object) -> None:
    """Log a line whose values stand out on a terminal."""
    color_message = text.replace("%s", "\x1b[1m%s\x1b[0m")
    logger.info(text, *values, extra={"color_message": color_message})
