"""What the processes are to do, and how a restart reads it anew."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

from tricorn.product import product_logger
from tricorn.serve.binding import Descriptors
from tricorn.serve.logging_setup import settle_log_config
from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError

logger = product_logger("error")

Reread = Callable[[], Config]


class Orders:
    """What a process is to do, as bytes: made once, sent to each.

    `options` are those of `Config`, `fds` the listening sockets. Raises `ConfigError` for an
    option that can't leave this process.
    """

    def __init__(self, app: str, options: dict[str, Any], fds: Descriptors) -> None:
        self.fds = fds.all
        try:
            order = pickle.dumps((app, options))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"workers: an option can't be handed to worker processes: {error}"
            ) from None
        self.data = pickle.dumps((_main_module(), sys.path, fds, order))


def _main_module() -> dict[str, Any]:
    """How the program's own module is found again: options may be functions out of it."""
    from multiprocessing import spawn

    data: dict[str, Any] = spawn.get_preparation_data("tricorn")
    return {name: data[name] for name in data if name.startswith("init_main")}


class Standing:
    """The orders as they are now. Raises `ConfigError` as `Orders` does."""

    def __init__(self, config: Config, reread: Reread, fds: Descriptors) -> None:
        self._reread = reread
        self._fds = fds
        settle_log_config(config)
        self.orders = Orders(config.app, config.options(), fds)

    def renew(self) -> None:
        """Take the options as they are now; where to listen stays as it is.

        Raises `ConfigError` when they can't be used; what was read before then stays.
        """
        config = self._reread()
        settle_log_config(config)
        self.orders = Orders(config.app, config.options(), self._fds)


def renewed(renew: Callable[[], None], complaint: str) -> bool:
    """Renew orders; return whether they could be, and log `complaint` with why not."""
    try:
        renew()
    except ConfigError as error:
        logger.error(complaint, error)
        return False
    return True
