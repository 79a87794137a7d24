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
from tricorn.settings.errors import ConfigError, OptionError

logger = product_logger("error")

Reread = Callable[[], Config]

# A config, and what is called with its sockets; None stands for the `run` of its server.
Target = tuple[Config, Callable[..., object] | None]


class Inherited:
    """A descriptor that a new process inherits: what `multiprocessing` calls to have it there."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def detach(self) -> int:
        """Return its number."""
        return self.fd


class Orders:
    """What a process is to do, as bytes: made once, sent to each.

    `options` are those of `Config`, `fds` the listening sockets. `target` is what a program wants
    to be run in place of the app: see `serve/targets.py`. Raises `ConfigError` for what can't
    leave this process.
    """

    def __init__(
        self, app: str, options: dict[str, Any], fds: Descriptors, target: Target | None = None
    ) -> None:
        passed = _Passed()
        try:
            order = pickle.dumps((app, options))
            aim = passed.pickle(target) if target else b""
            program = passed.pickle(_program(whole=bool(target)))
        except (pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
            what = "the target" if target else "an option"
            raise OptionError(
                "workers", wrong=f": {what} can't be handed to worker processes: {error}"
            ) from None
        self.fds = (*fds.all, *passed.fds)
        self.data = pickle.dumps((program, sys.path, fds, order, aim))


class _Passed:
    """Pickles for a new process, as `multiprocessing` does: queues and locks among it.

    `fds` are the descriptors that the process has to inherit for that.
    """

    def __init__(self) -> None:
        self.fds: list[int] = []

    def pickle(self, what: object) -> bytes:
        """Return `what` as bytes. Raises what pickle raises."""
        from multiprocessing import context, reduction

        # By this it knows that a process is being started; it asks it for what is below.
        context.set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            return bytes(reduction.ForkingPickler.dumps(what))
        finally:
            context.set_spawning_popen(None)

    def duplicate_for_child(self, fd: int) -> int:
        """Take note of a descriptor; its number will be the same."""
        self.fds.append(fd)
        return fd

    DupFd = Inherited


def _program(whole: bool) -> dict[str, Any]:
    """How the program's own module is found again: options may be functions out of it.

    `whole`: with all that `multiprocessing` tells a process that it starts, its name as well.
    """
    from multiprocessing import spawn

    data: dict[str, Any] = spawn.get_preparation_data("SpawnProcess-1")
    needed = [name for name in data if name.startswith("init_main") or name == "sys_argv"]
    return data if whole else {name: data[name] for name in needed}


class Standing:
    """The orders as they are now. Raises `ConfigError` as `Orders` does."""

    def __init__(
        self, config: Config, reread: Reread, fds: Descriptors, target: Target | None = None
    ) -> None:
        self._reread = reread
        self._fds = fds
        self._target = target
        self._make(config)

    def renew(self) -> None:
        """Take the options as they are now; where to listen stays as it is.

        Raises `ConfigError` when they can't be used; what was read before then stays.
        """
        self._make(self._reread())

    def _make(self, config: Config) -> None:
        settle_log_config(config)
        # A target knows its app, which may be anything.
        app = "" if self._target else config.app
        self.orders = Orders(app, config.options(), self._fds, self._target)


def renewed(renew: Callable[[], None], complaint: str) -> bool:
    """Renew orders; return whether they could be, and log `complaint` with why not."""
    try:
        renew()
    except ConfigError as error:
        logger.error(complaint, error)
        return False
    return True
