"""The benchmarks' WebSocket client in C, against a server of a few lines."""

import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pytest

from benchmarks import (
    environment,
    load,
    talk,
)
from tests.benchmarks.rig import SCENARIO, needs_compiler, needs_linux


class Twisted(NamedTuple):
    """A WebSocket server that answers each message with what `answer` makes of its payload."""

    port: int
    deflate: bool
    answer: Callable[[bytes], bytes]

    @classmethod
    @contextmanager
    def serving(cls, answer: Callable[[bytes], bytes], deflate: bool) -> Iterator["Twisted"]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            made = cls(listener.getsockname()[1], deflate, answer)
            threading.Thread(target=made.run, args=(listener,), daemon=True).start()
            yield made

    def run(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream, suppress(OSError, struct.error):
            while stream.readline() != b"\r\n":
                pass
            extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if self.deflate else b""
            accept = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            client.sendall(b"HTTP/1.1 101 X\r\n" + accept + extension + b"\r\n")
            while True:
                client.sendall(self.answer(self.payload(stream)))

    def payload(self, stream: BinaryIO) -> bytes:
        first, length = struct.unpack("!BB", stream.read(2))
        assert first in (0x81 | self.deflate << 6, 0x8A)
        assert length & 0x80
        length &= 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", stream.read(2))
        mask = stream.read(4)
        masked = stream.read(length)
        return bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))


def frame(first: int, payload: bytes) -> bytes:
    short = len(payload) < 126
    head = struct.pack("!BB", first, len(payload)) if short else b""
    return (head or struct.pack("!BBH", first, 126, len(payload))) + payload


@pytest.fixture(scope="module")
def program_in_c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wsload")
    return environment.compile_program("wsload", folder) / "wsload"


@needs_linux
@needs_compiler
class TestWebSocketLoad:
    """wsload.c against a server of a few lines."""

    def load(
        self, program: Path, scratch: Path, key: str, answer: Callable[[bytes], bytes], count: int
    ) -> load.Outcome:
        scenario = SCENARIO[key]
        assert scenario.talk
        with Twisted.serving(answer, scenario.talk.deflate) as server:
            command = talk.command(program, scenario, server.port, 0.2, count, scratch)
            with talk.connected(command) as client:
                return client.load()

    @pytest.mark.parametrize("key", ["ws-32-100", "ws-1k-100"])
    def test_echoes_are_counted(self, program_in_c: Path, tmp_path: Path, key: str) -> None:
        found = self.load(program_in_c, tmp_path, key, lambda text: frame(0x81, text), 3)
        assert found.requests >= 3
        assert found.microseconds >= 150_000
        assert 0 < found.p50 <= found.p99

    def test_a_fan_out_counts_each_that_receives(self, program_in_c: Path, tmp_path: Path) -> None:
        found = self.load(program_in_c, tmp_path, "ws-fanout", lambda text: frame(0x81, text), 1)
        assert found.requests >= 1

    def test_an_idle_connection_has_had_one_message(
        self, program_in_c: Path, tmp_path: Path
    ) -> None:
        found = self.load(program_in_c, tmp_path, "ws-idle", lambda text: frame(0x81, text), 5)
        assert found.requests == 5

    def test_fragments_and_pings_between_them(self, program_in_c: Path, tmp_path: Path) -> None:
        def answer(payload: bytes) -> bytes:
            if payload == b"ping":  # it came back, in a pong
                return b""
            return frame(0x01, payload[:7]) + frame(0x89, b"ping") + frame(0x80, payload[7:])

        assert self.load(program_in_c, tmp_path, "ws-1k-1", answer, 1).requests >= 1

    @pytest.mark.parametrize("first", [0xC1, 0x81])
    def test_deflate(self, program_in_c: Path, tmp_path: Path, first: int) -> None:
        text = SCENARIO["ws-1k-1-deflate"].answer

        def answer(payload: bytes) -> bytes:
            assert zlib.decompressobj(-12).decompress(payload + b"\0\0\xff\xff") == text
            return frame(first, payload if first & 0x40 else text)

        assert self.load(program_in_c, tmp_path, "ws-1k-1-deflate", answer, 2).requests >= 2

    @pytest.mark.parametrize(
        ("answer", "complaint"),
        [
            (lambda text: frame(0x81, text[:-1] + b"?"), "isn't what was sent"),
            (lambda text: frame(0x81, text[:-1]), "31 bytes, not 32"),
            (lambda text: frame(0x82, text), "a frame of opcode 2"),
            (lambda text: frame(0x88, b""), "a frame of opcode 8"),
            (lambda text: frame(0xC1, text), "a bad frame head"),
            (lambda text: struct.pack("!H", "end"), "closed the connection"),
        ],
    )
    def test_a_wrong_answer_is_an_error(
        self, program_in_c: Path, tmp_path: Path, answer: Callable[[bytes], bytes], complaint: str
    ) -> None:
        with pytest.raises(load.LoadError, match=complaint):
            self.load(program_in_c, tmp_path, "ws-32-1", answer, 1)

    def test_deflate_that_is_not_agreed_to(self, program_in_c: Path, tmp_path: Path) -> None:
        scenario = SCENARIO["ws-1k-1-deflate"]
        with Twisted.serving(bytes, deflate=False) as server:
            command = talk.command(program_in_c, scenario, server.port, 0.2, 1, tmp_path)
            with pytest.raises(load.LoadError, match="not agreed to"):
                with talk.connected(command):
                    pass
