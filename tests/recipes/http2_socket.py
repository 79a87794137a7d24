"""One WebSocket over HTTP/2 (RFC 8441): the `h2` library's streams with `wsproto`'s frames."""

import socket
from collections import deque
from collections.abc import Callable
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RemoteSettingsChanged, ResponseReceived, StreamReset
from h2.settings import SettingCodes
from wsproto import events as ws
from wsproto.connection import Connection, ConnectionType

from tests.support.server import Server
from tests.support.wait import DEADLINE


class Refused(Exception):
    """The WebSocket isn't taken; with the status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Http2Socket:
    """Opened with prior knowledge, on a connection of its own.

    Raises Refused where it isn't taken, ConnectionError where it ends.
    """

    def __init__(self, server: Server, path: str, subprotocol: str = "") -> None:
        self._socket = socket.create_connection((server.host, server.port), DEADLINE)
        self._engine = H2Connection(H2Configuration(client_side=True))
        self._engine.initiate_connection()
        self._frames = Connection(ConnectionType.CLIENT)
        self._messages: deque[str | bytes] = deque()
        self._pieces: list[str | bytes] = []
        self._head: dict[bytes, bytes] | None = None
        self._may_connect = False
        self._wait(lambda: self._may_connect)
        self._stream = self._engine.get_next_available_stream_id()
        fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", path),
            (":authority", f"{server.host}:{server.port}"),
            ("sec-websocket-version", "13"),
        ]
        if subprotocol:
            fields.append(("sec-websocket-protocol", subprotocol))
        self._engine.send_headers(self._stream, fields)
        self._wait(lambda: self._head is not None)
        assert self._head is not None
        if self._head[b":status"] != b"200":
            self._socket.close()
            raise Refused(int(self._head[b":status"]))
        self.subprotocol = self._head.get(b"sec-websocket-protocol", b"").decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        """Says goodbye, and doesn't wait for the answer."""
        try:
            if kind is None:
                self._say(ws.CloseConnection(1000))
        finally:
            self._socket.close()

    def send(self, message: str | bytes) -> None:
        text = isinstance(message, str)
        self._say(ws.TextMessage(message) if text else ws.BytesMessage(message))  # type: ignore[arg-type]

    def recv(self) -> str | bytes:
        """The next message, whole."""
        self._wait(lambda: bool(self._messages))
        return self._messages.popleft()

    def _say(self, event: ws.Event) -> None:
        rest = self._frames.send(event)
        while rest:
            self._wait(lambda: self._room() > 0)
            room = self._room()
            self._engine.send_data(self._stream, rest[:room])
            rest = rest[room:]
        self._socket.sendall(self._engine.data_to_send())

    def _room(self) -> int:
        window: int = self._engine.local_flow_control_window(self._stream)
        return min(window, self._engine.max_outbound_frame_size)

    def _wait(self, condition: Callable[[], bool]) -> None:
        self._socket.sendall(self._engine.data_to_send())
        while not condition():
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            for event in self._engine.receive_data(data):
                self._take(event)
            self._socket.sendall(self._engine.data_to_send())

    def _take(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged):
            connect = SettingCodes.ENABLE_CONNECT_PROTOCOL
            self._may_connect = self._engine.remote_settings[connect] == 1
        elif isinstance(event, ResponseReceived):
            self._head = dict(event.headers)
        elif isinstance(event, StreamReset):
            raise ConnectionError(f"the server gave the stream up: {event.error_code}")
        elif isinstance(event, DataReceived):
            self._engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.data:
                self._frames.receive_data(event.data)
            for message in self._frames.events():
                self._hear(message)

    def _hear(self, event: ws.Event) -> None:
        if isinstance(event, ws.Ping):
            self._say(event.response())
        elif isinstance(event, ws.CloseConnection):
            raise ConnectionError(f"the server closed the WebSocket: {event.code}")
        elif isinstance(event, ws.TextMessage | ws.BytesMessage):
            self._pieces.append(event.data)
            if event.message_finished:
                nothing = "" if isinstance(event.data, str) else b""
                self._messages.append(nothing.join(self._pieces))  # type: ignore[arg-type]
                self._pieces = []
