"""Does a server answer a scenario's request rightly? Asked before any time is taken."""

import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse

from benchmarks.scenarios import Scenario
from benchmarks.servers import HOST

PATIENCE_SECONDS = 5.0
WARM_UP_REQUESTS = 200
WARM_UP_SECONDS = 0.3


class WrongAnswer(Exception):
    """The server may not be timed; the text says why, in one line."""


def request_bytes(scenario: Scenario, port: int) -> bytes:
    """The request as it goes over the wire, the same as wrk's."""
    lines = [f"{scenario.method} / HTTP/1.1", f"Host: {HOST}:{port}"]
    lines += [f"{name}: {value}" for name, value in scenario.fields]
    if scenario.content_size:
        lines.append(f"Content-Length: {scenario.content_size}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + scenario.content


def check(scenario: Scenario, port: int) -> None:
    """Compare whole answers, first of two requests and then of some more, which also run each code
    path often enough for the interpreter to specialise it. Raises WrongAnswer."""
    request = request_bytes(scenario, port)
    try:
        _check_twice(scenario, port, request)
        _warm_up(scenario, port, request)
    except (OSError, HTTPException) as error:
        raise WrongAnswer(f"{type(error).__name__}: {error}") from error


def _check_twice(scenario: Scenario, port: int, request: bytes) -> None:
    with _connect(scenario, port) as connection:
        _ask(connection, request, scenario)
        if scenario.closes:
            _expect_end(connection)
        else:
            _ask(connection, request, scenario)


def _warm_up(scenario: Scenario, port: int, request: bytes) -> None:
    deadline = time.monotonic() + WARM_UP_SECONDS
    connection = _connect(scenario, port)
    try:
        for _ in range(WARM_UP_REQUESTS):
            if time.monotonic() > deadline:
                break
            _ask(connection, request, scenario)
            if scenario.closes:
                connection.close()
                connection = _connect(scenario, port)
    finally:
        connection.close()


def _connect(scenario: Scenario, port: int) -> socket.socket:
    plain = socket.create_connection((HOST, port), timeout=PATIENCE_SECONDS)
    if not scenario.tls:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate is the benchmark's own
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname="localhost")


def _ask(connection: socket.socket, request: bytes, scenario: Scenario) -> None:
    connection.sendall(request)
    response = HTTPResponse(connection, method=scenario.method)
    try:
        response.begin()
        content = response.read()
    finally:
        response.close()
    if response.status != 200:
        raise WrongAnswer(f"status {response.status}, not 200")
    if content != scenario.answer:
        raise WrongAnswer(
            f"{len(content)} bytes beginning {content[:40]!r}, "
            f"not {len(scenario.answer)} beginning {scenario.answer[:40]!r}"
        )


def _expect_end(connection: socket.socket) -> None:
    try:
        more = connection.recv(1)
    except ssl.SSLEOFError:  # some end TLS without a word
        return
    if more:
        raise WrongAnswer("bytes after the last answer")
