"""What the processes are to do, and how a restart reads it anew."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError

logger = logging.getLogger("tricorn.error")

Reread = Callable[[], Config]
Lots = Sequence[Sequence[int]]


class Orders:
    """What a process is to do, as bytes: made once, sent to each.

    `options` are those of `Config`; `lots` has the listening sockets of each place, or one list
    for all. Raises `ConfigError` for an option that can't leave this process.
    """

    def __init__(self, app: str, options: dict[str, Any], lots: Lots) -> None:
        self.fds = tuple(dict.fromkeys(fd for lot in lots for fd in lot))
        try:
            order = pickle.dumps((app, options))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"workers: an option can't be handed to worker processes: {error}"
            ) from None
        self.data = pickle.dumps((_main_module(), sys.path, lots, order))


def _main_module() -> dict[str, Any]:
    """How the program's own module is found again: options may be functions out of it."""
    from multiprocessing import spawn

    data: dict[str, Any] = spawn.get_preparation_data("tricorn")
    return {name: data[name] for name in data if name.startswith("init_main")}


class Standing:
    """The orders as they are now. Raises `ConfigError` as `Orders` does."""

    def __init__(self, config: Config, reread: Reread, lots: Lots) -> None:
        self._reread = reread
        self._lots = lots
        self.orders = Orders(config.app, config.options(), lots)

    def renew(self) -> None:
        """Take the options as they are now; where to listen stays as it is.

        Raises `ConfigError` when they can't be used; what was read before then stays.
        """
        config = self._reread()
        self.orders = Orders(config.app, config.options(), self._lots)


def renewed(renew: Callable[[], None], complaint: str) -> bool:
    """Renew orders; return whether they could be, and log `complaint` with why not."""
    try:
        renew()
    except ConfigError as error:
        logger.error(complaint, error)
        return False
    return True
