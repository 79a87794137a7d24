"""A connection that begins with the PROXY protocol: who must, what is believed, how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.net.rig import GET, FakeTransport, Rig, answer, hello
from tests.wire.proxy_headers import header_of
from tricorn.edge.forwarded import Forwarding
from tricorn.edge.trust import TrustedPeers
from tricorn.net.http1 import Http1Connection
from tricorn.net.proxied import ProxiedConnection, ProxyProtocol

LINE = b"PROXY TCP4 203.0.113.7 192.0.2.9 4444 443\r\n"
PEER = "192.0.2.1"


async def tells(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, repr((scope["client"], scope["server"], scope["scheme"])).encode())


class ProxiedRig(Rig):
    """One connection of a peer that is a proxy, if `trusted` has it."""

    def __init__(self, loop: Any, app: Any, **options: Any) -> None:
        self.expected = ProxyProtocol(TrustedPeers(options.pop("trusted", [PEER])).trusts)
        super().__init__(loop, app, **options)

    def connect(self) -> tuple[FakeTransport, Any]:
        transport = FakeTransport(self.loop, self.extra)
        connection = ProxiedConnection(
            self.service, self.expected, lambda header: Http1Connection(self.service, header)
        )
        transport.protocol = connection
        self.transports.append(transport)
        self.call(connection.connection_made, transport)
        return transport, connection  # type: ignore[return-value]


@pytest.fixture
def rig(maker_of: Any) -> Any:
    with maker_of(ProxiedRig) as make:
        yield make


def bodies(made: Rig) -> list[bytes]:
    return [got.body for got in made.answers()]


def said(client: Any, server: Any = ("192.0.2.9", 443), scheme: str = "http") -> list[bytes]:
    return [repr((client, server, scheme)).encode()]


class TestProxies:
    def test_the_request_may_come_with_the_header_or_later(self, rig: Any) -> None:
        for pieces in ([LINE + GET], [LINE, GET], [bytes([one]) for one in LINE + GET]):
            made = rig(tells)
            made.receive(*pieces)
            assert bodies(made) == said(("203.0.113.7", 4444))
            assert len(made.service.connections) == 1

    def test_version_2_with_tls_at_the_proxy(self, rig: Any) -> None:
        made = rig(tells)
        ssl = b"\x20\x00\x05\x01\0\0\0\0"
        made.receive(header_of(("2001:db8::7", 9), ("2001:db8::1", 443), [ssl], True) + GET)
        assert bodies(made) == said(("2001:db8::7", 9), ("2001:db8::1", 443), "https")

    def test_unknown_keeps_the_connections_own_addresses(self, rig: Any) -> None:
        made = rig(tells)
        made.receive(b"PROXY UNKNOWN\r\n" + GET)
        assert bodies(made) == said((PEER, 4000), ("192.0.2.9", 80))

    def test_a_later_request_has_the_same_client(self, rig: Any) -> None:
        made = rig(tells)
        made.receive(LINE + GET + GET, GET)
        assert bodies(made) == 3 * said(("203.0.113.7", 4444))

    def test_a_second_header_is_a_bad_request(self, rig: Any) -> None:
        made = rig(tells)
        made.receive(LINE + LINE + GET)
        assert [got.status for got in made.answers()] == [400]

    @pytest.mark.parametrize(
        ("trusted", "client"),
        [([PEER], ("203.0.113.7", 4444)), ([PEER, "203.0.113.7"], ("198.51.100.3", 0))],
    )
    def test_forwarding_fields_count_for_the_address_in_the_header(
        self, rig: Any, trusted: list[str], client: Any
    ) -> None:
        made = rig(tells, trusted=trusted, forwarder=Forwarding(TrustedPeers(trusted)))
        made.receive(LINE + b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.3\r\n\r\n")
        assert bodies(made) == said(client)

    def test_it_is_not_handed_to_another_process(self, rig: Any) -> None:
        made = rig(tells)
        made.transport.detach = lambda: 7
        assert made.call(made.protocol.detach) == 7
        made.receive(LINE[:5])
        assert made.call(made.protocol.detach) == -1
        made.receive(LINE[5:])
        assert made.call(made.protocol.detach) == -1


class TestOthers:
    def test_they_are_ordinary_clients(self, rig: Any) -> None:
        made = rig(tells, trusted=["198.51.100.1"])
        made.receive(GET)
        assert bodies(made) == said((PEER, 4000), ("192.0.2.9", 80))

    @pytest.mark.parametrize("header", [LINE, header_of(("192.0.2.7", 1), ("192.0.2.8", 2))])
    def test_their_header_is_a_bad_request(self, rig: Any, header: bytes) -> None:
        made = rig(tells, trusted=["unix"])
        made.receive(header + GET)
        assert [got.status for got in made.answers()] == [400]

    def test_a_unix_peer_is_one_when_unix_is_trusted(self, rig: Any) -> None:
        made = rig(tells, trusted=["unix"], extra={"peername": "", "sockname": "/s"})
        made.receive(LINE + GET)
        assert bodies(made) == said(("203.0.113.7", 4444))


class TestEnds:
    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            (GET, "it sent no header"),
            (b"PROXY TCP4 x y 1 2\r\n", "an address that isn't IPv4"),
            (LINE[:20], "the connection ended within its header"),
        ],
    )
    def test_without_a_header_the_connection_is_closed_with_a_line(
        self, rig: Any, sent: bytes, reason: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = rig(hello)
        made.receive(sent)
        made.end_of_client()
        assert not made.open
        assert made.transport.written == b""
        (record,) = caplog.records
        assert record.levelname == "WARNING"
        assert f"from {PEER}:4000: " in record.getMessage()
        assert reason in record.getMessage()
        assert not made.service.connections

    def test_who_connects_and_leaves_is_not_told_of(
        self, rig: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = rig(hello)
        assert len(made.service.connections) == 1
        made.end_of_client()
        assert not made.open
        assert not caplog.records
        assert not made.service.connections

    def test_who_says_nothing_is_closed_without_a_word(
        self, rig: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = rig(hello)
        made.later(29.5)
        assert made.open
        made.later(1)
        assert not made.open
        assert not caplog.records

    def test_a_header_has_the_time_of_a_head(
        self, rig: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = rig(hello, limits={"head": 10.0})
        for byte in LINE[:15]:
            made.receive(bytes([byte]))
            made.later(1)
        assert not made.open
        (record,) = caplog.records
        assert "took over 10 s" in record.getMessage()

    def test_a_stopping_server_waits_for_those_who_have_begun(self, rig: Any) -> None:
        silent, begun = rig(tells), rig(tells)
        begun.receive(LINE[:9])
        for made in (silent, begun):
            made.service.draining = True
            made.call(made.service.shut_connections, 1.0)
        assert not silent.open
        begun.receive(LINE[9:] + GET)
        assert bodies(begun) == said(("203.0.113.7", 4444))
        assert not begun.open
