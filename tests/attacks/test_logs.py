"""What a client sends can't forge log lines nor steer a terminal: a request, a line."""

import re
import socket

import pytest

from tests.attacks.attacked import HERE
from tests.support.server import serve
from tests.support.wait import wait_for

PRINTABLE = re.compile(r"[ -~]*")
EVIL = [
    b"/\r\nINFO:     forged",
    b"/%0d%0aINFO:%20forged",
    b"/\x1b[2J\x1b[1;31mred",
    b"/%1b[2Jred",
    b"/\0",
    b"/%00",
    b"/\xff\xfe\x80",
    b"/%ff%fe",
    b"/\xc2\x85next",
    b"/%C2%85%E2%80%A8line",
    b"/\x7f",
    b"/%7f",
    b"/?\x1b]0;title\x07",
    b"/" + b"a" * 9000,
]


def ask(server, data):
    with server.connect() as client:
        client.send(data)
        try:
            client.read_response()
        except ConnectionError:
            pass


@pytest.fixture(scope="module")
def server():
    options = ("--lifespan", "off", "--forwarded-allow-ips", "*")
    with serve("victim:app", *options, app_dir=HERE) as running:
        yield running


def lines_of(server, data, marker):
    """The log lines of one request, without that of one behind it that ends them.

    Warnings and access lines are two streams, read by two threads, so either may be first here.
    """
    before = len(server.output().splitlines())
    ask(server, data)
    end = b"GET /" + marker + b"-end HTTP/1.1"
    ask(server, end + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
    server.wait_output(end.decode())
    wait_for(lambda: len(server.output().splitlines()) >= before + 2, what="the request's line")
    lines = server.output().splitlines()[before:]
    return [line for line in lines if end.decode() not in line]


@pytest.mark.parametrize("number", range(len(EVIL)))
@pytest.mark.parametrize("place", ["target", "method", "field", "forwarded", "version"])
def test_one_request_is_one_printable_line(server, number, place):
    evil = EVIL[number]
    request = {
        "target": b"GET " + evil + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "method": evil[1:] + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
        "field": b"GET / HTTP/1.1\r\nHost: a\r\nx: " + evil + b"\r\nConnection: close\r\n\r\n",
        "forwarded": b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + evil[1:] + b"\r\n\r\n",
        "version": b"GET / " + evil[1:] + b"\r\nHost: a\r\n\r\n",
    }[place]
    marker = b"mark-%s-%d" % (place.encode(), number)
    lines = lines_of(server, request, marker)
    assert len(lines) == 1, lines
    assert PRINTABLE.fullmatch(lines[0]), lines


def test_a_tls_client_is_told_apart(server):
    before = len(server.output().splitlines())
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64))
        client.recv(1000)
    output = server.wait_output("TLS")
    assert len(output.splitlines()) == before + 1
