"""What reading costs: the growth of its time with the input's size, and the memory it takes."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.wire.reading import bytewise

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Input:
    """Bytes that grow with a size, and how they arrive."""

    name: str
    write: Callable[[int], bytes]
    size: int
    one_byte_feeds: bool = False

    def __str__(self) -> str:
        return self.name

    def pieces(self, size: int) -> list[bytes]:
        """In two pieces of the small size, and eight of the large one; or byte by byte.

        All sizes lie below those for which malloc asks the system for memory, which costs more.
        """
        data = self.write(size)
        if self.one_byte_feeds:
            return list(bytewise(data))
        return [data[at : at + 8 * KIB] for at in range(0, len(data), 8 * KIB)]


def repeated(unit: bytes, size: int) -> bytes:
    """About `size` bytes of whole units."""
    return unit * (size // len(unit))


def growth(small: Callable[[], None], large: Callable[[], None]) -> float:
    """How many times the CPU time of `small` the `large` one takes, at its best of some tries.

    Load from outside makes single measurements longer, never shorter, so the least of several is
    what the code costs.
    """
    least_small = least_large = float("inf")
    for attempt in range(20):
        least_small = min(least_small, cpu_seconds(small))
        least_large = min(least_large, cpu_seconds(large))
        ratio = least_large / least_small
        if (attempt >= 1 and ratio < 5) or (attempt >= 4 and ratio > 9):
            break
    return least_large / max(least_small, 1e-4)


def cpu_seconds(work: Callable[[], None]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work()
        return time.process_time() - start
    finally:
        gc.enable()


@contextmanager
def traced() -> Iterator[Callable[[], tuple[int, int]]]:
    """What it yields returns the bytes that Python has taken and not given back, and the most."""
    tracemalloc.start()
    try:
        yield tracemalloc.get_traced_memory
    finally:
        tracemalloc.stop()


def bytes_held(make: Callable[[], object], times: int = 200) -> float:
    """What each of many holds that are kept."""
    with traced() as memory:
        before, _ = memory()
        kept = [make() for _ in range(times)]
        after, _ = memory()
    return (after - before) / len(kept)
