"""`wsgi.file_wrapper`: files as response content (PEP 3333, "Optional Platform-Specific …")."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple


class Region(NamedTuple):
    """Part of a regular file: `size` bytes (more than 0) from `offset` on."""

    file: Any
    offset: int
    size: int


class FileWrapper:
    """A file's content from its position on, as chunks of at most `block_size` bytes.

    An app that returns this very object has its file sent by the system where that is
    possible. `close()` closes the file, if it can be closed.
    """

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.file = file
        self.block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data: bytes = self.file.read(self.block_size)
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """Close the file. Looked up now: Django replaces its file's `close`."""
        close = getattr(self.file, "close", None)
        if close is not None:
            close()

    def region(self) -> Region | None:
        """What is left of the file, if the system can send it; None for anything else."""
        file = _plain_file(self.file)
        if file is None:
            return None
        try:
            file.flush()
            offset = file.tell()
            status = os.fstat(file.fileno())
        except (OSError, ValueError):
            return None
        size = status.st_size - offset
        if size <= 0 or not stat.S_ISREG(status.st_mode):
            return None
        return Region(file, offset, size)


def _plain_file(file: Any) -> Any:
    """`file`, if reading it gives the bytes of its descriptor; else None.

    Only exact types of the standard library are known for that: a GzipFile has a
    descriptor too, and other content than it.
    """
    if type(file).__module__ == "tempfile":
        file = getattr(file, "file", None)
    if type(file) in (io.BufferedReader, io.BufferedRandom):
        return file if type(file.raw) is io.FileIO else None
    return file if type(file) is io.FileIO else None
