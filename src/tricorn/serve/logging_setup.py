"""Setting up the loggers, for a server and for the parent of several."""

from __future__ import annotations

import logging

from tricorn.product import TRICORN, UVICORN, product_logger, use_product
from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import DEFAULT_LOG_CONFIG
from tricorn.watch.logs import LOGGING_CONFIGS, LogConfigError, configure

logger = product_logger("error")


def set_up_logging(config: Config) -> None:
    """Set up the loggers. Raises `ConfigError` for a log configuration that is none."""
    use_product(config.product)
    settle_log_config(config)
    try:
        configure(config.log_config, config.log_level, config.use_colors, config.access_log)
    except LogConfigError as error:
        raise ConfigError(str(error)) from None


def settle_log_config(config: Config) -> None:
    """Have the config hold the default itself: what a program has changed in it, too."""
    if config.log_config == DEFAULT_LOG_CONFIG:
        config.log_config = LOGGING_CONFIGS[config.product]


def mention_other_names(config: Config) -> None:
    """Say it where a log configuration is for Uvicorn's loggers, so that ours write nowhere."""
    if config.product != TRICORN or config.log_config is None or logger.hasHandlers():
        return
    theirs = (UVICORN, f"{UVICORN}.error", f"{UVICORN}.access")
    if any(logging.getLogger(name).handlers for name in theirs):
        # Without a handler Python still writes warnings to stderr.
        logger.warning(
            "The log configuration is for the loggers of uvicorn, and this server writes to those"
            " of tricorn: nothing more will be logged. Rename them, or give --product uvicorn."
        )
