"""A file with the server's process number, for scripts that signal it."""

from __future__ import annotations

import os
from pathlib import Path


class PidFileError(Exception):
    """The file can't be written. Its text is one line that says what to do."""


class PidFile:
    """Written when the server has bound, removed when it ends."""

    def __init__(self, path: str) -> None:
        # Absolute: the app may change the working directory.
        self.path = Path(path).absolute()
        self.written = False

    def write(self, owner: int | None = None, instead_of: int = 0) -> None:
        """Write our number; `owner` is the user that we are about to become.

        A file that a crashed server left is replaced, and so is one that names the process
        `instead_of`, whose place we take. Raises `PidFileError` where the file names another
        process that runs, or can't be written.
        """
        other = self._running()
        if other and other != instead_of:
            raise PidFileError(
                f"pid: {self.path} names process {other}, which runs; stop it, or give another file"
            )
        try:
            # Anew, not into what is there: it may be a link of somebody else's.
            self.path.unlink(missing_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
                if owner is not None and owner != os.geteuid():
                    os.fchown(fd, owner, -1)
        except OSError as error:
            raise PidFileError(f"pid: {self.path} can't be written: {error.strerror}") from None
        self.written = True

    def remove(self) -> None:
        """Remove the file, unless it isn't ours any more."""
        if not self.written or self._number() != os.getpid():
            return
        try:
            self.path.unlink()
        except OSError:
            # The directory belongs to root, and we no longer do. Empty it is stale at least.
            try:
                os.truncate(self.path, 0)
            except OSError:
                pass

    def _number(self) -> int:
        try:
            text = self.path.read_text("ascii").strip()
        except (OSError, ValueError):
            return 0
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    def _running(self) -> int:
        """The process that the file names, if it runs and isn't this one; else 0."""
        number = self._number()
        if number in (0, os.getpid()):
            return 0
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return 0
        except PermissionError:
            pass  # it runs as somebody else
        return number
