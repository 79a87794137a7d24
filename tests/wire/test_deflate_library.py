"""What either library deflates is read by zlib, within the window that was asked for."""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tricorn.wire import deflate_library
from tricorn.wire.deflate_library import Compressor, compressor, quick_compressor

WORDS = [random.Random(number).randbytes(20) for number in range(400)]


@pytest.fixture(params=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Once with ISA-L, once where it can't be imported."""
    deflate_library._quick.cache_clear()
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    yield request.param
    deflate_library._quick.cache_clear()


def messages(seed: int) -> Iterator[bytes]:
    """Messages of all sizes, in which things repeat near and far."""
    chance = random.Random(seed)
    for size in (0, 1, 60, 1000, 1, 5, 300):
        yield b"".join(chance.choices(WORDS, k=size))
    yield chance.randbytes(3000)
    yield bytes(50_000)


def inflated(engine: Any, data: bytes) -> bytes:
    """Inflate a little at a time: what is referred to must then stand within the window."""
    out = bytearray()
    while piece := engine.decompress(data, 64):
        out += piece
        data = engine.unconsumed_tail
    return bytes(out)


def written(engine: Compressor, data: bytes, mode: int) -> bytes:
    return engine.compress(data) + engine.flush(mode)


@pytest.mark.parametrize("bits", range(9, 16))
def test_streams_keep_to_their_window(bits: int, library: str) -> None:
    for make in (compressor, quick_compressor):
        engine, reader = make(bits), zlib.decompressobj(-bits)
        for data in messages(bits):
            stream = written(engine, data, zlib.Z_SYNC_FLUSH)
            assert stream.endswith(b"\0\0\xff\xff")
            assert inflated(reader, stream) == data


@pytest.mark.parametrize("bits", range(9, 16))
def test_behind_a_full_flush_nothing_is_referred_to(bits: int, library: str) -> None:
    engine = quick_compressor(bits)
    for data in messages(bits):
        stream = written(engine, data, zlib.Z_FULL_FLUSH)
        assert stream.endswith(b"\0\0\xff\xff")
        assert inflated(zlib.decompressobj(-bits), stream) == data


def test_which_library_it_is(library: str) -> None:
    """The dependency is there in each environment that runs these tests."""
    ours = type(quick_compressor(12)) is type(zlib.compressobj())
    assert ours == (library == "zlib")
