"""From a configuration to a parent that reloads: what is watched, and by whom."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from tricorn.net.listen import Listener
from tricorn.net.systemd import ServiceNotifier
from tricorn.product import product_logger
from tricorn.serve.binding import Banner
from tricorn.settings.config import Config
from tricorn.supervise.orders import Standing
from tricorn.supervise.reload_state import ReloadState
from tricorn.supervise.reloader import Reloader
from tricorn.supervise.telling import say
from tricorn.supervise.watched import Watched
from tricorn.supervise.watching import WatcherThread, choose_watcher
from tricorn.supervise.worker_process import WorkerProcess, start_spare

logger = product_logger("error")


class FreshLauncher:
    """Starts processes that wait in fresh interpreters; a `SpareLauncher`."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        # What the processes hand each other passes by here; see serve/handover.py.
        self.ends = socket.socketpair()
        self.end_fds = tuple(end.fileno() for end in self.ends)

    def start(self) -> WorkerProcess:
        """Start one that waits."""
        return start_spare([*self.standing.orders.fds, *self.end_fds])

    def renew(self) -> None:
        """Take the options as they are now."""
        self.standing.renew()

    def go(self, process: WorkerProcess, changed: set[Path]) -> None:
        """Have one import the app, of which `changed` is new, and serve it."""
        for path in changed:
            _forget_compiled(path)
        self._send(process, "")

    def explain(self, process: WorkerProcess, text: str) -> None:
        """Have one answer everything with `text`."""
        self._send(process, text)

    def close(self) -> None:
        """Give up the connections that nobody has taken."""
        for end in self.ends:
            end.close()

    def _send(self, process: WorkerProcess, text: str) -> None:
        process.hand_over(pickle.dumps((text, dict(os.environ), self.end_fds)))
        process.hand_over(self.standing.orders.data)


def _forget_compiled(path: Path) -> None:
    """Remove the cached bytecode of a source file that has changed.

    Python takes it for current where size and second of the change are the same, as they are
    when one digit is changed and saved twice in a row.
    """
    if path.suffix != ".py":
        return
    with contextlib.suppress(OSError, NotImplementedError):
        os.unlink(importlib.util.cache_from_source(str(path)))


def make_reloader(
    config: Config,
    standing: Standing,
    listeners: Sequence[Listener],
    systemd: ServiceNotifier,
    files: Iterable[str] = (),
) -> Reloader:
    """Make what serves as `standing` says, on `listeners`, anew after each change.

    `files` are watched besides what the options of `config` say.
    """
    own_files = [*files, *([str(config.env_file)] if config.env_file else [])]
    watched = Watched(
        [str(one) for one in _listed(config.reload_dirs)],
        [str(one) for one in _listed(config.reload_includes)],
        [str(one) for one in _listed(config.reload_excludes)],
        own_files,
    )
    directories = [str(directory) for directory in watched.directories]
    logger.info("Will watch for changes in these directories: %s", directories)
    if (config.workers or 1) > 1:
        logger.warning('"workers" flag is ignored when reloading is enabled.')
    if config.control:
        logger.warning('"control" flag is ignored when reloading is enabled.')
    feed = WatcherThread(choose_watcher(watched, config.reload_delay))
    state = ReloadState(feed.watcher.name)
    return Reloader(FreshLauncher(standing), listeners, state, feed, systemd)


def reload(reloader: Reloader, places: Iterable[Banner] = ()) -> int:
    """Serve until told to stop, after naming `places`; return the exit code."""
    for place in places:
        say(place.text, place.where)
    pid = os.getpid()
    say("Started reloader process [%s] using %s", pid, reloader.state.watcher)
    code = reloader.run()
    say("Stopping reloader process [%s]", pid)
    return code


def _listed(given: object) -> list[object]:
    """A list option's value as a list."""
    if not given:
        return []
    return [given] if isinstance(given, str | os.PathLike) else list(given)  # type: ignore[call-overload]


__all__ = ["make_reloader", "reload"]
