"""Noticing changes: by the system's notifications where watchfiles is installed, else by
looking at the files again and again.
"""

from __future__ import annotations

import importlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tricorn.product import product_logger
from tricorn.supervise.watched import Watched

logger = product_logger("error")

# What is saved together comes in one batch: so long nothing must have changed, in seconds.
SETTLE: Final = 0.025
# Looking may take this part of the time, however many files there are.
_SHARE: Final = 0.1
_SHORTEST: Final = 0.01

Snapshot = dict[Path, tuple[int, int, int]]


def snapshot(watched: Watched) -> Snapshot:
    """When each watched file was changed, its size and its inode."""
    found: Snapshot = {}
    for path in watched.files:
        _note(found, path)
    waiting = list(watched.directories)
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue  # gone meanwhile, or not ours to read
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if watched.enters(path):
                    waiting.append(path)
            elif watched.counts(path):
                _note(found, path)
    return found


def _note(found: Snapshot, path: Path) -> None:
    try:
        status = path.stat()
    except OSError:
        return
    found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)


def difference(before: Snapshot, after: Snapshot) -> set[Path]:
    """The files that came, went or changed."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


class LookingWatcher:
    """Looks at all files every `delay` seconds."""

    name = "StatReload"

    def __init__(self, watched: Watched, delay: float) -> None:
        self.watched = watched
        self.delay = max(delay, _SHORTEST)
        self.seen = snapshot(watched)

    def changes(self) -> Iterator[set[Path]]:
        """Yield the files of each batch of changes, for ever."""
        while True:
            started = time.monotonic()
            changed = self._look()
            took = time.monotonic() - started
            while changed:
                time.sleep(SETTLE)
                more = self._look()
                changed |= more
                if not more:
                    yield changed
                    break
            time.sleep(max(self.delay, took / _SHARE))

    def _look(self) -> set[Path]:
        before, self.seen = self.seen, snapshot(self.watched)
        return difference(before, self.seen)


class NotifiedWatcher:
    """Is told by the system, by way of watchfiles; `delay` seconds part two batches.

    Single files outside the watched directories are looked at: who saves by renaming would
    take a notification for the file away with the old one.
    """

    name = "WatchFiles"

    def __init__(self, watchfiles: Any, watched: Watched, delay: float) -> None:
        self.watched = watched
        self.delay = max(delay, _SHORTEST)
        self.watchfiles = watchfiles
        self.seen = snapshot(watched)

    def changes(self) -> Iterator[set[Path]]:
        """Yield the files of each batch of changes, for ever."""
        try:
            yield from self._notified()
        except Exception as error:
            # Whatever it is, mostly the system's limit of directories to watch.
            reason = " ".join(str(error).split())
            logger.warning("WatchFiles can't watch: %s. Looking at the files instead.", reason)
        looking = LookingWatcher(self.watched, self.delay)
        looking.seen = self.seen
        yield from looking.changes()

    def _notified(self) -> Iterator[set[Path]]:
        batches = self.watchfiles.watch(
            *self.watched.directories,
            watch_filter=None,
            step=round(SETTLE * 1000),
            rust_timeout=max(round(self.delay * 1000), 50),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        # It comes back for the first time when it has begun to watch. Until then nobody has.
        first = {Path(path) for _, path in next(batches)}
        before, self.seen = self.seen, snapshot(self.watched)
        if missed := difference(before, self.seen) | self._counting(first):
            yield missed
        files = self._files()
        for batch in batches:
            changed = self._counting({Path(path) for _, path in batch})
            before, files = files, self._files()
            changed |= difference(before, files)
            if changed:
                yield changed
                time.sleep(self.delay)

    def _counting(self, paths: set[Path]) -> set[Path]:
        return {path for path in paths if self.watched.counts(path)}

    def _files(self) -> Snapshot:
        found: Snapshot = {}
        for path in self.watched.files:
            _note(found, path)
        return found


Watcher = LookingWatcher | NotifiedWatcher


def choose_watcher(watched: Watched, delay: float) -> Watcher:
    """The one that costs less, of those that work here."""
    try:
        watchfiles = importlib.import_module("watchfiles")
    except ImportError:
        return LookingWatcher(watched, delay)
    return NotifiedWatcher(watchfiles, watched, delay)


class WatcherThread:
    """Runs a watcher in a thread; `fileno()` is readable when files have changed."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.lock = threading.Lock()
        self.changed: set[Path] = set()
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)

    def start(self) -> None:
        """Begin. The thread ends with the process."""
        threading.Thread(target=self._run, name="tricorn-watcher", daemon=True).start()

    def fileno(self) -> int:
        """Return what to select on."""
        return self.reader.fileno()

    def take(self) -> set[Path]:
        """Return the files that have changed since it was asked last."""
        try:
            self.reader.recv(4096)
        except BlockingIOError:
            pass
        with self.lock:
            changed, self.changed = self.changed, set()
        return changed

    def _run(self) -> None:
        for changed in self.watcher.changes():
            with self.lock:
                self.changed |= changed
            try:
                self.writer.send(b"\0")
            except OSError:
                pass  # full: it is readable all the same
