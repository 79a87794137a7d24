"""Setting up the loggers, for a server and for the parent of several."""

from __future__ import annotations

from tricorn.product import use_product
from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import DEFAULT_LOG_CONFIG
from tricorn.watch.logs import LOGGING_CONFIGS, LogConfigError, configure


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
