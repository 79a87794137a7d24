"""The opening handshake (RFC 6455 §4.2), rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn.wire.errors import Refusal
from tricorn.wire.fields import Fields
from tricorn.wire.h1_response import DefaultFields, refusal_response
from tricorn.wire.ws_handshake import Handshake, answer_fields, read_connect, read_handshake

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")
GOOD: Fields = [(b"host", b"a"), KEY, VERSION]


def read(*fields: tuple[bytes, bytes], deflate: bool = True) -> Handshake:
    return read_handshake("GET", [*GOOD, *fields], False, deflate)


def refusal(
    fields: Fields, method: str = "GET", has_content: bool = False, deflate: bool = True
) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_handshake(method, fields, has_content, deflate)
    assert caught.value.reason.isascii()
    return caught.value


def offered(value: bytes, deflate: bool = True) -> bytes | None:
    """The answer to an offer of extensions."""
    terms = read((b"sec-websocket-extensions", value), deflate=deflate).deflate
    return None if terms is None else terms.response


class TestAccepted:
    def test_the_example_of_rfc_6455_1_3(self) -> None:
        assert read() == Handshake(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", [], None)

    def test_subprotocols_in_order_and_of_several_lines(self) -> None:
        name = b"sec-websocket-protocol"
        assert read((name, b"b, a ,C"), (name, b"d")).subprotocols == ["b", "a", "C", "d"]
        assert read((name, b", a,,b ,")).subprotocols == ["a", "b"]

    def test_other_fields_of_that_family_are_ignored(self) -> None:
        assert read((b"sec-websocket-accept", b"x"), (b"sec-websocket-key1", b"y")) == read()


class TestRefused:
    @pytest.mark.parametrize("method", ["POST", "HEAD", "get", "CONNECT"])
    def test_the_method_is_get(self, method: str) -> None:
        assert refusal(GOOD, method).status == 400

    def test_no_content(self) -> None:
        assert "content" in refusal(GOOD, has_content=True).reason

    @pytest.mark.parametrize(
        "key",
        [
            b"",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZ===",
            b"dGhlIHNhbXBsZSBub25jZQ==\n",
            b"dGhlIHNhbXBsZSBub25jZQ== ",
            b"dGhlIHNhbXBsZSBub25jZSE=",
            b"dGhlIHNhbXBsZSBub2==",
            b"dGhlIHNhbXBsZSBub25*ZQ==",
            b"dGhl IHNhbXBsZSBub25jZQ==",
        ],
    )
    def test_the_key_is_16_bytes_in_base64(self, key: bytes) -> None:
        wrong = refusal([VERSION, (b"sec-websocket-key", key)])
        assert (wrong.status, wrong.reason) == (400, "Sec-WebSocket-Key must be 16 bytes in base64")

    def test_there_is_one_key(self) -> None:
        assert refusal([VERSION]).reason == "the WebSocket handshake has no Sec-WebSocket-Key"
        assert "more than one" in refusal([VERSION, KEY, KEY]).reason

    @pytest.mark.parametrize("version", [b"12", b"8", b"14", b"013", b"13, 8", b"", b"1 3", b"+13"])
    def test_the_version_is_13(self, version: bytes) -> None:
        """RFC 6455 §4.4: the answer names the version that is spoken."""
        wrong = refusal([KEY, (b"sec-websocket-version", version)])
        assert wrong.status == 426
        assert wrong.fields == ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"))

    def test_there_is_one_version(self) -> None:
        assert refusal([KEY]).status == 426
        assert refusal([KEY, VERSION, VERSION]).status == 426

    @pytest.mark.parametrize("value", [b"", b" , ", b"a b", b"a,b/c", b'"a"', b"a;b", b"\xe9"])
    def test_subprotocols_are_tokens(self, value: bytes) -> None:
        """RFC 6455 §4.1."""
        wrong = refusal([*GOOD, (b"sec-websocket-protocol", value)])
        assert wrong.status == 400
        assert "Sec-WebSocket-Protocol" in wrong.reason

    def test_subprotocols_differ(self) -> None:
        """RFC 6455 §4.1: they MUST all be unique."""
        name = b"sec-websocket-protocol"
        assert "twice" in refusal([*GOOD, (name, b"a,b,a")]).reason
        assert "twice" in refusal([*GOOD, (name, b"a"), (name, b"a")]).reason

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b",",
            b"a b",
            b"a;",
            b"a; =1",
            b"a; b=",
            b"a; b=c d",
            b'a; b=""',
            b'a; b="c d"',
            b'a; b="c',
            b"a/b",
            b";a",
            b"a;;b",
            b"a; b=c=d",
        ],
    )
    @pytest.mark.parametrize("deflate", [True, False])
    def test_extensions_have_a_grammar(self, value: bytes, deflate: bool) -> None:
        """RFC 6455 §9.1."""
        wrong = refusal([*GOOD, (b"sec-websocket-extensions", value)], deflate=deflate)
        assert wrong.status == 400
        assert "Sec-WebSocket-Extensions" in wrong.reason

    def test_the_answer_to_another_version(self) -> None:
        wrong = refusal([KEY, (b"sec-websocket-version", b"8")])
        answer = refusal_response(
            wrong.status, wrong.reason, DefaultFields(None, [], False), wrong.fields
        )
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[0] == b"HTTP/1.1 426 Upgrade Required"
        assert b"\r\nsec-websocket-version: 13" in head
        assert b"\r\nupgrade: websocket" in head
        assert b"\r\nconnection: close, upgrade" in head
        assert body == b"the WebSocket version must be 13\n"


class TestDeflate:
    OURS = b"permessage-deflate; server_max_window_bits=12"

    @pytest.mark.parametrize(
        ("offer", "answer"),
        [
            (b"permessage-deflate", OURS),
            (b"permessage-deflate; client_max_window_bits", OURS + b"; client_max_window_bits=12"),
            (
                b"permessage-deflate; client_max_window_bits=10",
                OURS + b"; client_max_window_bits=10",
            ),
            (b"permessage-deflate; client_max_window_bits=8", OURS + b"; client_max_window_bits=8"),
            (
                b'permessage-deflate ;client_max_window_bits = "15"',
                OURS + b"; client_max_window_bits=12",
            ),
            (
                b"permessage-deflate; server_max_window_bits=9",
                b"permessage-deflate; server_max_window_bits=9",
            ),
            (b"permessage-deflate; server_max_window_bits=15", OURS),
            (
                b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
                b"; server_max_window_bits=12",
            ),
        ],
    )
    def test_what_is_agreed_to(self, offer: bytes, answer: bytes) -> None:
        """RFC 7692 §7.1."""
        assert offered(offer) == answer

    @pytest.mark.parametrize(
        "parameters",
        [
            b"server_max_window_bits",
            b"server_max_window_bits=8",  # zlib has no window of 256 bytes
            b"server_max_window_bits=7",
            b"server_max_window_bits=16",
            b"server_max_window_bits=09",
            b"server_max_window_bits=x",
            b"client_max_window_bits=7",
            b"client_max_window_bits=16",
            b"client_max_window_bits=010",
            b"client_max_window_bits; client_max_window_bits=10",
            b"server_no_context_takeover; server_no_context_takeover",
            b"server_no_context_takeover=1",
            b"client_no_context_takeover=true",
            b"level=9",
            b"Server_No_Context_Takeover",
        ],
    )
    def test_offers_that_are_declined(self, parameters: bytes) -> None:
        """RFC 7692 §7: an unknown parameter, a bad value or one given twice."""
        assert offered(b"permessage-deflate; " + parameters) is None
        rest = b", permessage-deflate; server_no_context_takeover"
        later = offered(b"permessage-deflate; " + parameters + rest)
        assert later == b"permessage-deflate; server_no_context_takeover; server_max_window_bits=12"

    def test_the_first_acceptable_offer_wins(self) -> None:
        """RFC 7692 §5.1: offers stand in the client's order of preference."""
        offers = b"x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=10"
        assert offered(offers + b", permessage-deflate") == (
            b"permessage-deflate; server_max_window_bits=10"
        )

    def test_offers_of_several_lines(self) -> None:
        name = b"sec-websocket-extensions"
        terms = read((name, b"x; y=z"), (name, b"permessage-deflate")).deflate
        assert terms is not None and terms.response == self.OURS

    def test_the_server_may_not_want_it(self) -> None:
        assert offered(b"permessage-deflate", deflate=False) is None

    def test_the_terms(self) -> None:
        terms = read((b"sec-websocket-extensions", b"permessage-deflate")).deflate
        assert terms is not None
        assert terms[:4] == (12, 15, True, True)


class TestConnect:
    """An extended CONNECT of HTTP/2 (RFC 8441 §5)."""

    VERSION = (b"sec-websocket-version", b"13")

    def test_needs_no_key(self) -> None:
        found = read_connect(b"websocket", [self.VERSION], False, False, True)
        assert found == (b"", [], None)

    def test_offers(self) -> None:
        offered = [
            (b"sec-websocket-protocol", b"a, b"),
            (b"sec-websocket-extensions", b"permessage-deflate"),
        ]
        found = read_connect(b"WebSocket", [self.VERSION, *offered], False, False, True)
        assert found.subprotocols == ["a", "b"]
        assert found.deflate is not None
        assert [name for name, _ in answer_fields(found, "a")] == [
            b"sec-websocket-protocol",
            b"sec-websocket-extensions",
        ]

    @pytest.mark.parametrize(
        ("protocol", "fields", "has_content", "ended", "status"),
        [
            (b"connect-udp", [VERSION], False, False, 501),
            (b"", [VERSION], False, False, 501),
            (b"websocket", [VERSION], True, False, 400),
            (b"websocket", [VERSION], False, True, 400),
            (b"websocket", [], False, False, 400),
            (b"websocket", [(b"sec-websocket-version", b"8")], False, False, 400),
            (b"websocket", [VERSION, VERSION], False, False, 400),
            (b"websocket", [VERSION, (b"sec-websocket-protocol", b"a b")], False, False, 400),
        ],
    )
    def test_what_is_refused(
        self, protocol: bytes, fields: Any, has_content: bool, ended: bool, status: int
    ) -> None:
        with pytest.raises(Refusal) as caught:
            read_connect(protocol, fields, has_content, ended, True)
        assert caught.value.status == status
