"""RFC 9113 §3.2 and §9.2: HTTP/2 over TLS, chosen by ALPN."""

import ssl

import pytest

from tests.clients.http2_servers import http2_server
from tests.support.certificates import make_certificate
from tests.support.closing import all_closed
from tests.support.h2_frames import get
from tests.support.http2 import Http2Client
from tests.support.server import serve


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    with http2_server("asked:app", True, folder, "--no-access-log") as place:
        yield place


def connect(place, *protocols: str, **versions) -> Http2Client:
    context = place.certificate.client_context(*protocols)
    for name, value in versions.items():
        setattr(context, name, value)
    return Http2Client(("localhost", place.server.port), tls=context)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2"], "h2"),
        (["h2", "http/1.1"], "h2"),
        (["http/1.1", "h2"], "h2"),
        (["http/1.1"], "http/1.1"),
        ([], None),
        (["spdy/3", "http/1.1"], "http/1.1"),
    ],
)
def test_alpn(place, offered, chosen):
    with connect(place, *offered) as client:
        assert client.socket.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(place, version):
    """§9.2: TLS 1.2 or higher; with it none of the ciphers of appendix A, and no compression."""
    with connect(place, "h2", minimum_version=version, maximum_version=version) as client:
        name, _, _ = client.socket.cipher()
        assert name.startswith("TLS_") or ("DHE" in name and ("GCM" in name or "CHACHA" in name))
        assert client.socket.compression() is None
        client.start().send(get(1))
        assert client.response(1).body == b"Hello, world"


def test_http_1_where_nothing_is_agreed(place):
    with connect(place) as client:
        client.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.read_bytes().startswith(b"HTTP/1.1 200 OK\r\n")


def test_http_1_bytes_where_http_2_was_agreed(place):
    """§3.4: no preface, no service."""
    with connect(place, "h2") as client:
        client.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"Hello" not in client.read_bytes()


def test_off(tmp_path):
    """`--http2 off` offers HTTP/1.1 alone."""
    certificate = make_certificate(tmp_path)
    with serve("asked:app", *certificate.options, "--http2", "off") as server:
        context = certificate.client_context("h2", "http/1.1")
        with Http2Client(("localhost", server.port), tls=context) as client:
            assert client.socket.selected_alpn_protocol() == "http/1.1"


def test_100_connections_with_streams(place):
    with all_closed(connect(place, "h2") for _ in range(100)) as clients:
        for client in clients:
            client.start().send(get(1, b"/bytes?1000") + get(3, b"/bytes?2000"))
        for client in clients:
            assert len(client.response(3).body) == 2000
            assert len(client.response(1).body) == 1000
