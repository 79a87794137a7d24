"""One worker serving counted requests in lockstep with its client, for `benchmarks.instructions`.

`python -m benchmarks.lockstep KEY REQUESTS` serves the scenario's app as the server does, with its
service, hub and sockets but without the command line. The client is a process of its own. It sends
one request on each connection and only then lets the server look, so each run handles the same
batches in the same order, however slowly.
"""

import asyncio
import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import apps
from benchmarks.environment import make_certificate
from benchmarks.lockstep_secure import Http2Client, SecureSocket
from benchmarks.scenarios import SCENARIOS, Scenario
from tricorn.asgi.wsgi import WSGIMiddleware
from tricorn.net.http1 import Http1Connection
from tricorn.net.http2 import Http2Connection
from tricorn.net.hub import Hub
from tricorn.net.service import ConnectionLimits, Service, WebSocketOptions
from tricorn.net.tls import Certificate, TlsOptions, make_context
from tricorn.net.tls_transport import TlsTransport
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields
from tricorn.wire.h2 import Http2Limits

CONNECTIONS = 64
# What is larger doesn't fit into a socket's buffers: the server must read while the client sends.
LARGEST_AT_ONCE = 65536 + 64
GO = b"g"
# Before a request: what has been sent is to be read, and isn't answered by the app.
TURN = b"t"
TURNS = 8
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = bytes(4)  # unmasking with zeros costs as much as with anything


def lockstep_scenario(key: str) -> Scenario:
    """The scenario of this key. Raises KeyError."""
    return {scenario.key: scenario for scenario in SCENARIOS}[key]


def connections_of(scenario: Scenario) -> int:
    """How many connections there are at a time."""
    return scenario.connections or CONNECTIONS


def batch_of(scenario: Scenario) -> int:
    """How many requests are under way at a time."""
    streams = scenario.http2.streams if scenario.http2 else 1
    return connections_of(scenario) * streams


def request_bytes(scenario: Scenario) -> bytes:
    """The request as `wrk` sends it, or a WebSocket message."""
    if scenario.talk:
        return b"\x81" + _size(scenario.answer, 0x80) + MASK + scenario.answer
    fields = [("Host", "127.0.0.1:8000"), *scenario.fields]
    if scenario.content_size:
        fields.append(("Content-Length", str(scenario.content_size)))
    lines = [f"{scenario.method} / HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode() + scenario.content


def answer_end(scenario: Scenario) -> bytes:
    """The last bytes of an answer, which are nowhere else in it."""
    if scenario.talk:
        return b"\x81" + _size(scenario.answer, 0) + scenario.answer
    return b"\r\n0\r\n\r\n" if scenario.key == "stream" else scenario.answer


def _size(payload: bytes, masked: int) -> bytes:
    """The length in a frame's head (RFC 6455 §5.2)."""
    if len(payload) < 126:
        return bytes((masked | len(payload),))
    if len(payload) < 65536:
        return bytes((masked | 126,)) + len(payload).to_bytes(2, "big")
    return bytes((masked | 127,)) + len(payload).to_bytes(8, "big")


def read_response(sock: socket.socket, ends: bytes) -> bytes:
    """Read until the response is complete, which `ends` tells."""
    received = b""
    while not received.endswith(ends):
        piece = sock.recv(1 << 20)
        if not piece:
            raise ConnectionError(f"the server closed the connection behind {received!r}")
        received += piece
    return received


def run_client(scenario: Scenario, requests: int, port: int, gate: int) -> None:
    """Send `requests` requests, a batch at a time."""
    many = connections_of(scenario)

    def connect() -> list[Any]:
        socks = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(many)]
        if not scenario.tls:
            return socks
        secure = [SecureSocket(sock, "h2" if scenario.http2 else "http/1.1") for sock in socks]
        os.write(gate, TURN)
        for one in secure:
            one.end_handshake()
        return secure

    batches = requests // batch_of(scenario)
    if scenario.http2:
        _ask_in_streams(scenario, connect(), batches, gate)
        return
    request = request_bytes(scenario)
    ends = answer_end(scenario)
    starts = ends if scenario.talk else b"HTTP/1.1 200 "
    socks = [] if scenario.closes else connect()
    if scenario.talk:
        for sock in socks:
            sock.sendall(HANDSHAKE)
        os.write(gate, GO)
        for sock in socks:
            assert read_response(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    for _ in range(batches):
        if scenario.closes:
            socks = connect()
        at_once = len(request) <= LARGEST_AT_ONCE
        if not at_once:
            os.write(gate, GO)
        for sock in socks:
            sock.sendall(request)
        if at_once:
            os.write(gate, GO)
        for sock in socks:
            assert read_response(sock, ends).startswith(starts)
            if scenario.closes:
                sock.close()


def _ask_in_streams(scenario: Scenario, socks: list[Any], batches: int, gate: int) -> None:
    assert scenario.http2 is not None
    clients = [Http2Client(sock, scenario.http2.streams) for sock in socks]
    for _ in range(batches):
        for client in clients:
            client.ask(scenario.method, scenario.fields)
        os.write(gate, GO)
        for client in clients:
            assert client.answers() == scenario.answer * scenario.http2.streams


def answered(service: Service, scenario: Scenario, goal: int) -> int:
    """How many requests or messages are answered, which is no more than `goal`."""
    if not scenario.talk:
        return service.total_requests
    connections = service.connections
    if next(iter(connections)).sent * len(connections) < goal:
        return 0
    return sum([connection.sent for connection in connections])


def service_of(scenario: Scenario, loop: asyncio.AbstractEventLoop) -> Service:
    """The service, as the command line would make it."""
    app: Callable[..., Any] = getattr(apps, scenario.app.partition(":")[2])
    if scenario.interface == "wsgi":
        app = WSGIMiddleware(app)
    defaults = DefaultFields(b"tricorn", [])
    service = Service(app, loop, ConnectionLimits(), HeadLimits(), defaults)
    service.websockets = WebSocketOptions()
    service.http2 = lambda service: Http2Connection(service, Http2Limits())
    service.http2_for_all = True
    return service


def connections_for(scenario: Scenario, service: Service) -> Callable[[], Any]:
    """What makes a protocol of each connection."""
    if not scenario.tls:
        return lambda: Http1Connection(service)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_certificate(folder)
        certificate = Certificate(str(folder / "cert.pem"), str(folder / "key.pem"))
        context = make_context(TlsOptions((certificate,), alpn=("h2", "http/1.1")))
    return lambda: TlsTransport(service, context, lambda: Http1Connection(service))


async def serve_lockstep(scenario: Scenario, requests: int) -> None:
    """Serve `requests` requests of a client that is started here."""
    loop = asyncio.get_running_loop()
    service = service_of(scenario, loop)
    hub = Hub(loop)
    # Under callgrind a millisecond is soon over.
    hub.send_within = math.inf
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setblocking(False)
    hub.listen(listener, connections_for(scenario, service))
    service.start()
    # It looks at the connections twice a second, which is a matter of the clock.
    assert service.ticker is not None
    service.ticker.stop()
    gate, client_gate = os.pipe()
    command = [sys.executable, "-m", "benchmarks.lockstep", scenario.key, str(requests)]
    port = listener.getsockname()[1]
    client = subprocess.Popen([*command, str(port), str(client_gate)], pass_fds=[client_gate])
    os.close(client_gate)
    many = batch_of(scenario)
    # Where others work meanwhile, looking for their end is no part of a request.
    waits = scenario.interface == "wsgi" or len(request_bytes(scenario)) > LARGEST_AT_ONCE
    pause = 0.02 if waits else 0.0
    goal = 0
    if scenario.talk:
        os.read(gate, 1)
        while service.total_requests < many:
            await asyncio.sleep(0)
    # Reading blocks all that runs here, on purpose.
    while word := os.read(gate, 1):
        if word == TURN:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            continue
        goal += many
        while answered(service, scenario, goal) < goal or _unsent(hub):
            await asyncio.sleep(pause)
    hub.close()
    service.stop()
    listener.close()
    if client.wait() or goal < requests // many * many:
        raise SystemExit("the client failed")


def _unsent(hub: Hub) -> bool:
    return any(one is not None and one.pending_size for one in hub.transports)


def main(arguments: list[str]) -> None:
    """Be the server, or with a port and a pipe its client."""
    scenario = lockstep_scenario(arguments[0])
    requests = int(arguments[1])
    if len(arguments) > 2:
        run_client(scenario, requests, int(arguments[2]), int(arguments[3]))
        return
    loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
    loop.run_until_complete(serve_lockstep(scenario, requests))
    loop.close()


if __name__ == "__main__":
    main(sys.argv[1:])
