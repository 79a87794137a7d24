"""Leaf: the libraries that deflate, zlib and ISA-L. Nobody else knows that there are two.

ISA-L (`isal` on PyPI) makes 14.2 KB of 64 KiB of JSON in 82 µs, zlib on its quickest level
14.8 KB in 443. With a short message that repeats parts of earlier ones zlib is as quick. So
ISA-L takes the messages that refer to none. It is imported for the first of them, since it costs
half a megabyte. Where it isn't installed zlib takes these too.

Inflating is zlib's alone: ISA-L needs half the time for large messages, but more for short ones,
2.6 times the memory, and lets pass some streams that zlib finds malformed.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any, Final, Protocol

# The quickest level of either library that looks for repetitions. zlib's default, 6, makes a fifth
# less of 64 KiB of JSON in three times the time; short messages come out alike in twice the time.
_LEVEL: Final = 1
# zlib's hash tables, to match a window of 4 KiB.
_MEMORY_LEVEL: Final = 5


class Compressor(Protocol):
    """A DEFLATE stream in the making."""

    def compress(self, data: bytes, /) -> bytes:
        """Take more; return what of the stream is ready."""

    def flush(self, mode: int, /) -> bytes:
        """Return the rest, up to a whole byte; `mode` is one of zlib's."""


def compressor(window_bits: int) -> Compressor:
    """Return a new stream for one connection's short messages, about 40 KiB."""
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -window_bits, _MEMORY_LEVEL)


def quick_compressor(window_bits: int) -> Compressor:
    """Return a new stream for messages that refer to no other."""
    engine: Compressor = _quick().compressobj(_LEVEL, zlib.DEFLATED, -window_bits, _MEMORY_LEVEL)
    return engine


@cache
def _quick() -> Any:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib
