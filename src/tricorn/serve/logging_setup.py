"""Setting up the loggers, for a server and for the parent of several."""

from __future__ import annotations

from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import DEFAULT_LOG_CONFIG
from tricorn.watch.logs import LOGGING_CONFIG, LogConfigError, configure


def set_up_logging(config: Config) -> None:
    """Set up the loggers. Raises `ConfigError` for a log configuration that is none."""
    log_config = LOGGING_CONFIG if config.log_config == DEFAULT_LOG_CONFIG else config.log_config
    try:
        configure(log_config, config.log_level, config.use_colors, config.access_log)
    except LogConfigError as error:
        raise ConfigError(str(error)) from None
