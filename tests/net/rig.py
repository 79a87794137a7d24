"""An `Http1Connection` on a transport made of lists, in a real event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import h11

from tricorn.net.http1 import Http1Connection
from tricorn.net.service import ConnectionLimits, Service
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class FakeTransport:
    """Keeps what is written, and what was asked of it. It loses nothing and has no speed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, extra: dict[str, Any]) -> None:
        self.loop = loop
        self.extra = {"peername": ("192.0.2.1", 4000), "sockname": ("192.0.2.9", 80)} | extra
        self.writes: list[bytes] = []
        self.waiting = 0  # what `get_write_buffer_size` answers
        self.slow = False  # each write pauses the protocol until `Rig.resume`
        self.reading = True
        self.ended = False
        self.closed = False
        self.aborted = False
        self.lost = 0
        self.protocol: Any = None

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.extra.get(name, default)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def write(self, data: bytes) -> None:
        assert not self.ended, "write() behind write_eof()"
        if not self.closed and not self.aborted:
            self.writes.append(bytes(data))
            if self.slow:
                self.waiting += len(data)
                if self.waiting == len(data):
                    self.protocol.pause_writing()

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def pause_reading(self) -> None:
        assert self.reading, "paused twice"
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        if not self.is_closing():
            self.closed = True
            if not self.waiting:
                self.loop.call_soon(self.lose)

    def abort(self) -> None:
        if not self.aborted:
            self.aborted = True
            self.waiting = 0
            self.loop.call_soon(self.lose)

    def lose(self, error: Exception | None = None) -> None:
        if not self.lost:
            self.lost += 1
            self.protocol.connection_lost(error)


class Answer(NamedTuple):
    status: int
    fields: dict[bytes, bytes]
    body: bytes
    interim: list[int]
    trailers: dict[bytes, bytes]


class Rig:
    """One worker's service, its clock in the test's hands, and one connection at first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, **options: Any) -> None:
        self.loop = loop
        limits = ConnectionLimits(**options.pop("limits", {}))
        heads = options.pop("heads", HeadLimits())
        self.service = Service(app, loop, limits, heads, DefaultFields(b"tricorn", [], False))
        self.service.now = 1000.0
        self.extra = options.pop("extra", {})
        if "root_path" in options:
            self.service.use_scope("3.0", options.pop("root_path"))
        for name, value in options.items():
            setattr(self.service, name, value)
        self.transports: list[FakeTransport] = []
        self.transport, self.connection = self.connect()

    def connect(self) -> tuple[FakeTransport, Http1Connection]:
        transport = FakeTransport(self.loop, self.extra)
        transport.protocol = connection = Http1Connection(self.service)
        self.transports.append(transport)
        self.call(connection.connection_made, transport)
        return transport, connection

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Have the loop call it, and let the loop go on until it is calm."""
        result: asyncio.Future[Any] = self.loop.create_future()

        def run() -> None:
            try:
                result.set_result(function(*args))
            except Exception as error:
                result.set_exception(error)

        async def turns() -> Any:
            for _ in range(8):
                await asyncio.sleep(0)
            return await result

        self.loop.call_soon(run)
        return self.loop.run_until_complete(turns())

    def receive(self, *pieces: bytes) -> bytes:
        """Have the pieces arrive, one a turn; what was written meanwhile."""
        before = len(self.transport.written)
        for piece in pieces:
            self.call(self.protocol.data_received, piece)
        return self.transport.written[before:]

    def turn(self) -> None:
        self.call(lambda: None)

    def later(self, seconds: float, step: float = 0.5) -> None:
        """Let the time pass, with a tick in each step, as the service's timer has it."""
        end = self.service.now + seconds
        while self.service.now < end:
            self.service.now = min(self.service.now + step, end)
            for connection in list(self.service.connections):
                self.call(connection.tick, self.service.now)

    def end_of_client(self) -> bool:
        """The client ends its side; as a transport does, close where the protocol says so."""
        keep_open = self.call(self.protocol.eof_received)
        if not keep_open:
            self.call(self.transport.close)
        return bool(keep_open)

    def pause(self, waiting: int = 100_000) -> None:
        """The client stops reading with so many bytes on their way."""
        self.transport.waiting = waiting
        self.call(self.protocol.pause_writing)

    def resume(self) -> None:
        self.transport.waiting = 0
        self.call(self.protocol.resume_writing)

    @property
    def protocol(self) -> Any:
        """The connection, or the WebSocket that took its transport over."""
        return self.transport.protocol

    @property
    def open(self) -> bool:
        return not self.transport.is_closing() and not self.transport.lost

    def answers(self, *methods: str) -> list[Answer]:
        return read_answers(self.transport.written, methods, not self.open or self.transport.ended)


def read_answers(data: bytes, methods: Iterable[str] = (), closed: bool = True) -> list[Answer]:
    """All responses in `data`, read by h11; it raises where they break RFC 9112.

    The first answers the first of `methods`, those behind them GET.
    """
    answers = []
    waiting = list(methods)
    while data:
        reader = h11.Connection(h11.CLIENT)
        method = waiting.pop(0) if waiting else "GET"
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(data)
        if closed:
            reader.receive_data(b"")
        answers.append(_read_answer(reader))
        data = reader.trailing_data[0]
    return answers


def _read_answer(reader: h11.Connection) -> Answer:
    interim: list[int] = []
    body = b""
    while True:
        event = reader.next_event()
        assert event is not h11.NEED_DATA, f"an unfinished response, so far {body!r}"
        if isinstance(event, h11.InformationalResponse):
            interim.append(event.status_code)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            break
    fields = list(head.headers)
    assert len(fields) == len(dict(fields)) or b"set-cookie" in dict(fields), fields
    return Answer(head.status_code, dict(fields), body, interim, dict(event.headers))


# Apps


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"hello")


async def answer(send: Any, body: bytes, status: int = 200, fields: Any = None) -> None:
    if fields is None:
        fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    await answer(send, body)


class Held:
    """An app whose calls wait until the test lets them go on."""

    def __init__(self, then: Any = hello) -> None:
        self.then = then
        self.calls: list[Any] = []
        self.gates: list[asyncio.Event] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        gate = asyncio.Event()
        self.calls.append(scope)
        self.gates.append(gate)
        await gate.wait()
        await self.then(scope, receive, send)

    def release(self, rig: Rig) -> None:
        for gate in list(self.gates):
            rig.call(gate.set)
