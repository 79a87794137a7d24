"""RFC 9113 §3: how a connection starts, in cleartext."""

import pytest

from tests.http2.cases import connection_error
from tests.support.h2_frames import (
    PREFACE,
    Code,
    Kind,
    data,
    frame,
    get,
    ping,
    settings,
    settings_ack,
)
from tests.support.http2 import Http2Client

BEFORE_SETTINGS = {
    "PING": ping(),
    "HEADERS": get(1),
    "DATA": data(1, b"x"),
    "SETTINGS with ACK": settings_ack(),
    "an unknown frame": frame(0x60, payload=b"what"),
}
NO_PREFACE = {
    "another version": PREFACE.replace(b"2.0", b"3.0", 1),
    "another second line": PREFACE.replace(b"SM", b"SN", 1),
    "cut off by a frame": PREFACE[:20] + settings(),
    "without SM": PREFACE[:16] + b"\r\n\r\n\r\n",
}


def test_server_speaks_first(client):
    """§3.4: SETTINGS are the first frame of a server, and one of the client's is acknowledged."""
    client.start()
    client.until(lambda: any(one.flags for one in client.frames), "an acknowledgement")
    assert client.frames[0].kind == Kind.SETTINGS
    assert client.frames[0].stream == 0
    assert not client.frames[0].flags


def test_request_before_the_servers_settings(client):
    """§3.4: a client needn't wait for the server's preface."""
    client.send(PREFACE + settings() + get(1))
    assert client.response(1).status == 200
    assert client.frames[0].kind == Kind.SETTINGS


def test_preface_byte_by_byte(client):
    for byte in PREFACE + settings():
        client.send(bytes([byte]))
    client.until(lambda: client.greeted, "SETTINGS")
    client.send(get(1))
    assert client.response(1).body == b"Hello, world"


@pytest.mark.parametrize("kind", BEFORE_SETTINGS)
def test_first_frame_must_be_settings(client, kind):
    """§3.4: anything else in their place is a connection error."""
    client.send(PREFACE + BEFORE_SETTINGS[kind])
    connection_error(Code.PROTOCOL_ERROR)(client)


@pytest.mark.parametrize("kind", NO_PREFACE)
def test_bad_preface(client: Http2Client, kind):
    """§3.4: it ends the connection; GOAWAY may be left out, as the peer may not speak HTTP/2.

    What isn't a preface may be answered as HTTP/1.1: with 400 or 505, and nothing else.
    """
    client.socket.sendall(NO_PREFACE[kind])
    client.half_close()
    answer = client.read_bytes()
    assert b" 200 " not in answer
    assert b"Hello" not in answer
