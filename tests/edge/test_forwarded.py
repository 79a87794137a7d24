"""What a scope says behind trusted proxies, and what it never says."""

import asyncio
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware as Uvicorns

from tricorn.edge.forwarded import (
    FORWARDING_FIELDS,
    KNOWN_CLAIMS,
    Forwarding,
    ProxyHeadersMiddleware,
    TrustedPeers,
)

PROXY = ("127.0.0.1", 5000)
LOCAL = "127.0.0.1,10.0.0.0/8,2001:db8:aaaa::/48"

Fields = list[tuple[bytes, bytes]]


def scope_of(fields: Iterable[tuple[bytes, bytes]], **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "http",
        "client": PROXY,
        "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"inner:8000"), *fields],
        **more,
    }


def applied(fields: Fields, trusted: str = LOCAL, hops: int | None = None, **more: Any) -> Any:
    """The scope after `apply`, twice over, as the second time comes from what is remembered."""
    forwarding = Forwarding(TrustedPeers(trusted), hops)
    one, two = scope_of(fields, **more), scope_of(fields, **more)
    forwarding.apply(one)
    forwarding.apply(two)
    assert one == two
    return one


def client_of(x_forwarded_for: str, trusted: str = LOCAL, hops: int | None = None) -> Any:
    return applied([(b"x-forwarded-for", x_forwarded_for.encode("latin-1"))], trusted, hops)[
        "client"
    ]


@pytest.mark.parametrize(
    ("field", "client"),
    [
        ("203.0.113.9", ("203.0.113.9", 0)),
        ("203.0.113.9:77", ("203.0.113.9", 77)),
        ("[2001:db8::9]:77", ("2001:db8::9", 77)),
        ("2001:DB8::9", ("2001:db8::9", 0)),
        ("::ffff:203.0.113.9", ("203.0.113.9", 0)),
        ("6.6.6.6, 203.0.113.9", ("203.0.113.9", 0)),  # the left one is the client's own claim
        ("6.6.6.6, 203.0.113.9, 10.0.0.2", ("203.0.113.9", 0)),
        ("203.0.113.9, ::ffff:10.0.0.3, [2001:db8:aaaa::1]:5", ("203.0.113.9", 0)),
        ("10.0.0.4, 10.0.0.3", ("10.0.0.4", 0)),  # all trusted: the leftmost
        ("6.6.6.6, garbage, 10.0.0.3", ("10.0.0.3", 0)),  # the last good one
        ("6.6.6.6, unknown", PROXY),
        ("garbage", PROXY),
        ("", PROXY),
        (" , ,", PROXY),
        (",203.0.113.9,, ", ("203.0.113.9", 0)),
        ("fe80::1%\x1b[2J", PROXY),
    ],
)
def test_the_walk_from_the_right(field: str, client: tuple[str, int]) -> None:
    assert client_of(field) == client


@pytest.mark.parametrize(
    ("trusted", "hops", "client"),
    [
        (LOCAL, None, "203.0.113.9"),
        (LOCAL, 1, "10.0.0.2"),
        (LOCAL, 2, "10.0.0.3"),
        (LOCAL, 3, "203.0.113.9"),
        (LOCAL, 9, "203.0.113.9"),  # never past an address that isn't trusted
        ("*", None, "10.0.0.2"),
        ("*", 1, "10.0.0.2"),
        ("*", 3, "203.0.113.9"),
        ("*", 4, "6.6.6.6"),
        ("*", 99, "6.6.6.6"),
        ("unix", None, "10.0.0.2"),
        ("0.0.0.0/0", None, "6.6.6.6"),
    ],
)
def test_hops_bound_the_walk(trusted: str, hops: int | None, client: str) -> None:
    assert client_of("6.6.6.6, 203.0.113.9, 10.0.0.3, 10.0.0.2", trusted, hops) == (client, 0)


def test_lines_are_one_list() -> None:
    fields = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9, 10.0.0.2")]
    assert applied(fields)["client"] == ("203.0.113.9", 0)


@pytest.mark.parametrize(
    ("kind", "proto", "scheme"),
    [
        ("http", b"https", "https"),
        ("http", b"http", "http"),
        ("http", b"wss", "https"),
        ("http", b"HTTPS", "https"),
        ("http", b"http, https", "https"),
        ("http", b"https, http", "http"),
        ("http", b"https, ftp", "http"),
        ("http", b"", "http"),
        ("websocket", b"https", "wss"),
        ("websocket", b"wss", "wss"),
        ("websocket", b"http", "ws"),
        ("websocket", b"gopher", "http"),
    ],
)
def test_the_scheme(kind: str, proto: bytes, scheme: str) -> None:
    assert applied([(b"x-forwarded-proto", proto)], type=kind)["scheme"] == scheme


@pytest.mark.parametrize(
    ("fields", "host", "server"),
    [
        ([(b"x-forwarded-host", b"shop.example")], b"shop.example", ("shop.example", 80)),
        ([(b"x-forwarded-host", b"a, b:81")], b"b:81", ("b", 81)),
        ([(b"x-forwarded-host", b"[2001:db8::7]:81")], b"[2001:db8::7]:81", ("2001:db8::7", 81)),
        (
            [(b"x-forwarded-host", b"a"), (b"x-forwarded-proto", b"https")],
            b"a",
            ("a", 443),
        ),
        ([(b"x-forwarded-host", b"a"), (b"x-forwarded-port", b"1, 8443")], b"a", ("a", 8443)),
        ([(b"x-forwarded-host", b"a:81"), (b"x-forwarded-port", b"82")], b"a:81", ("a", 81)),
        ([(b"x-forwarded-port", b"8443")], b"inner:8000", ("127.0.0.1", 8443)),
        ([(b"x-forwarded-port", b"0")], b"inner:8000", ("127.0.0.1", 8000)),
        ([(b"x-forwarded-port", b"https")], b"inner:8000", ("127.0.0.1", 8000)),
        ([(b"x-forwarded-host", b"a/b")], b"inner:8000", ("127.0.0.1", 8000)),
        ([(b"x-forwarded-host", b"good, bad@x")], b"inner:8000", ("127.0.0.1", 8000)),
    ],
)
def test_host_and_port(fields: Fields, host: bytes, server: tuple[str, int]) -> None:
    scope = applied(fields)
    assert [value for name, value in scope["headers"] if name == b"host"] == [host]
    assert [field for field in scope["headers"] if field[0] != b"host"] == fields
    assert scope["server"] == server


def test_a_host_where_there_was_none() -> None:
    scope = {**scope_of([]), "headers": [(b"x-forwarded-host", b"a")]}
    Forwarding(TrustedPeers("*")).apply(scope)
    assert scope["headers"] == [(b"host", b"a"), (b"x-forwarded-host", b"a")]


@pytest.mark.parametrize("server", [("/run/app.sock", None), None])
def test_a_port_without_an_address_to_go_with(server: Any) -> None:
    assert applied([(b"x-forwarded-port", b"443")], server=server)["server"] == server


@pytest.mark.parametrize(
    ("field", "client", "scheme", "host"),
    [
        ("for=203.0.113.9", "203.0.113.9", "http", b"inner:8000"),
        ("for=203.0.113.9;proto=https;host=a.example;by=_x", "203.0.113.9", "https", b"a.example"),
        ('For="[2001:db8::9]:77";Host="a:81"', "2001:db8::9", "http", b"a:81"),
        ("for=6.6.6.6, for=203.0.113.9", "203.0.113.9", "http", b"inner:8000"),
        # Scheme and host of the outermost element that a trusted proxy wrote.
        (
            "for=6.6.6.6;host=evil, for=203.0.113.9;proto=https;host=a, for=10.0.0.2;proto=http",
            "203.0.113.9",
            "https",
            b"a",
        ),
        ("for=203.0.113.9, for=10.0.0.2;proto=https", "203.0.113.9", "https", b"inner:8000"),
        ("for=6.6.6.6, for=_hidden;proto=https", PROXY[0], "https", b"inner:8000"),
        ("for=6.6.6.6, for=unknown", PROXY[0], "http", b"inner:8000"),
        ("for=6.6.6.6, proto=https", PROXY[0], "https", b"inner:8000"),
        ("for=6.6.6.6, for=a;for=b", PROXY[0], "http", b"inner:8000"),
        ("for=203.0.113.9;host=a/b", PROXY[0], "http", b"inner:8000"),  # not in quotes
        ('for="6.6.6.6, for=203.0.113.9', "203.0.113.9", "http", b"inner:8000"),
        ('for=203.0.113.9;host="a/b";proto=ftp', "203.0.113.9", "http", b"inner:8000"),
        ("", PROXY[0], "http", b"inner:8000"),
    ],
)
def test_forwarded(field: str, client: str, scheme: str, host: bytes) -> None:
    scope = applied([(b"forwarded", field.encode("latin-1"))])
    assert (scope["client"][0], scope["scheme"]) == (client, scheme)
    assert dict(scope["headers"])[b"host"] == host


def test_forwarded_under_a_star_is_one_hop() -> None:
    field = [(b"forwarded", b"for=6.6.6.6, for=203.0.113.9, for=10.0.0.2")]
    assert applied(field, "*")["client"] == ("10.0.0.2", 0)
    assert applied(field, "*", 2)["client"] == ("203.0.113.9", 0)


@pytest.mark.parametrize(
    ("x_forwarded", "forwarded", "client", "scheme", "host"),
    [
        # Both say the same, or one says what the other is silent about.
        ("203.0.113.9", b"for=203.0.113.9;proto=https", ("203.0.113.9", 0), "https", b"x"),
        ("203.0.113.9:7", b'for="203.0.113.9:8";host=x', ("203.0.113.9", 7), "https", b"x"),
        ("", b"for=203.0.113.9", ("203.0.113.9", 0), "https", b"x"),
        ("203.0.113.9", b"for=_hidden", ("203.0.113.9", 0), "https", b"x"),
        # They differ: the client is nobody, the rest is as it came.
        ("203.0.113.9", b"for=6.6.6.6;host=x", None, "https", b"x"),
        ("6.6.6.6", b"for=203.0.113.9;proto=http", None, "http", b"x"),
        ("203.0.113.9", b"for=127.0.0.1", None, "https", b"x"),
        ("203.0.113.9", b"for=203.0.113.9;host=evil", ("203.0.113.9", 0), "https", b"inner:8000"),
    ],
)
def test_both_families(
    x_forwarded: str, forwarded: bytes, client: Any, scheme: str, host: bytes
) -> None:
    fields = [
        (b"x-forwarded-for", x_forwarded.encode()),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"x"),
        (b"forwarded", forwarded),
    ]
    scope = applied(fields)
    assert (scope["client"], scope["scheme"]) == (client, scheme)
    assert dict(scope["headers"])[b"host"] == host


def test_only_the_fields_that_are_asked_for() -> None:
    forwarding = Forwarding(TrustedPeers("*"), fields=[b"forwarded"])
    scope = scope_of([(b"x-forwarded-for", b"6.6.6.6"), (b"forwarded", b"for=203.0.113.9")])
    forwarding.apply(scope)
    assert scope["client"] == ("203.0.113.9", 0)


@pytest.mark.parametrize("bad", [{"hops": 0}, {"hops": -1}, {"fields": [b"x-real-ip"]}])
def test_bad_arguments_are_one_line(bad: Any) -> None:
    with pytest.raises(ValueError) as caught:
        Forwarding(TrustedPeers("*"), **bad)
    assert str(caught.value).isprintable()


def test_the_list_of_fields_is_replaced_and_not_changed() -> None:
    scope = scope_of([(b"x-forwarded-host", b"a")])
    fields = scope["headers"]
    kept = list(fields)
    Forwarding(TrustedPeers("*")).apply(scope)
    assert fields == kept
    assert scope["headers"] is not fields


@pytest.mark.parametrize(
    ("trusted", "client", "trusts"),
    [
        ("127.0.0.1", PROXY, True),
        ("127.0.0.1", ("::ffff:127.0.0.1", 1), True),
        ("127.0.0.1", ("10.0.0.1", 1), False),
        ("127.0.0.1", None, False),
        ("unix", None, True),
        ("unix", PROXY, False),
        ("*", None, True),
    ],
)
def test_trusts(trusted: str, client: Any, trusts: bool) -> None:
    assert Forwarding(TrustedPeers(trusted)).trusts(client) is trusts


NAMES = st.sampled_from([*sorted(FORWARDING_FIELDS), b"host", b"accept"])
ADDRESSES = st.sampled_from(
    ["6.6.6.6", "10.0.0.2", "::ffff:10.0.0.3", "[2001:db8::9]:1", "_x", "x"]
)
PIECES = st.sampled_from([b"for=", b"proto=", b"host=", b'"', b"\\", b",", b";", b":", b"[", b" "])
VALUES = st.one_of(
    st.binary(),
    st.lists(ADDRESSES).map(lambda many: ", ".join(many).encode()),
    st.lists(st.one_of(PIECES, ADDRESSES.map(str.encode))).map(b"".join),
)


@given(
    st.lists(st.tuples(NAMES, VALUES)),
    st.sampled_from(["*", "unix", "", LOCAL, "0.0.0.0/0,::/0"]),
    st.sampled_from([None, 1, 2, 50]),
    st.sampled_from(["http", "websocket"]),
)
def test_any_fields_are_read_without_an_error(
    fields: Fields, trusted: str, hops: int | None, kind: str
) -> None:
    scope = applied(fields, trusted, hops, type=kind)
    client = scope["client"]
    assert client is None or (str(ip_address(client[0])) == client[0] and 0 <= client[1] < 65536)
    assert scope["scheme"] in (("http", "https") if kind == "http" else ("http", "ws", "wss"))
    assert scope["server"][0].isprintable()


@given(
    st.lists(
        st.one_of(ADDRESSES, st.text(st.characters(max_codepoint=255, exclude_characters=",")))
    ),
    st.lists(st.integers(1, 254).map(lambda last: f"10.0.0.{last}"), max_size=4),
    st.sampled_from(["203.0.113.9", "2001:db8::9"]),
    st.booleans(),
)
def test_nothing_left_of_the_trusted_chain_is_believed(
    claimed: list[str], proxies: list[str], client: str, rfc7239: bool
) -> None:
    chain = [client, *proxies]
    if rfc7239:
        chain = [f'for="[{each}]";host="a, b"' if ":" in each else f"for={each}" for each in chain]
        name = b"forwarded"
    else:
        name = b"x-forwarded-for"
    field = ",".join([*claimed, *chain]).encode("latin-1")
    assert applied([(name, field)])["client"] == (client, 0)


@pytest.mark.parametrize(
    "unit",
    [
        b",",
        b'"',
        b"a,",
        b'="',
        b'\\"',
        b'for="\\',
        b"for=1.1.1.1,",
        b"1.1.1.1,",
        b"a=b;",
        b" ",
        b"[",
    ],
)
@pytest.mark.parametrize("name", sorted(FORWARDING_FIELDS))
def test_long_fields_cost_in_proportion(name: bytes, unit: bytes) -> None:
    forwarding = Forwarding(TrustedPeers("0.0.0.0/0"), 10**9)
    scope = scope_of([(name, unit * (1_000_000 // len(unit)))])
    start = time.process_time()
    forwarding.apply(scope)
    # A quadratic reader needs minutes for a megabyte, a linear one some milliseconds.
    assert time.process_time() - start < 1.0


def test_what_is_remembered_is_bounded() -> None:
    forwarding = Forwarding(TrustedPeers("*"))
    for number in range(2 * KNOWN_CLAIMS + 5):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        scope = scope_of([(b"x-forwarded-for", address.encode())])
        forwarding.apply(scope)
        assert scope["client"] == (address, 0)
    assert len(forwarding._known) <= KNOWN_CLAIMS
    before = len(forwarding._known)
    forwarding.apply(scope_of([(b"x-forwarded-for", b"1.1.1.1," * 500)]))
    assert len(forwarding._known) == before


def through(middleware: Any, scope: dict[str, Any], **options: Any) -> Any:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    asyncio.run(middleware(app, **options)(scope, None, None))
    return seen[0]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_middleware(kind: str) -> None:
    fields = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope = through(ProxyHeadersMiddleware, scope_of(fields, type=kind))
    assert scope["client"] == ("203.0.113.9", 0)
    assert scope["scheme"] == ("https" if kind == "http" else "wss")


@pytest.mark.parametrize("client", [("10.0.0.1", 1), None])
def test_the_middleware_believes_nobody_else(client: Any) -> None:
    fields = [(name, b"203.0.113.9") for name in sorted(FORWARDING_FIELDS)]
    scope = scope_of(fields, client=client)
    assert through(ProxyHeadersMiddleware, dict(scope)) == scope


def test_the_middleware_and_unix_peers() -> None:
    scope = scope_of([(b"x-forwarded-for", b"203.0.113.9")], client=None)
    scope = through(ProxyHeadersMiddleware, scope, trusted_hosts=["unix"])
    assert scope["client"] == ("203.0.113.9", 0)


def test_the_middleware_leaves_lifespan_alone() -> None:
    scope = {"type": "lifespan"}
    assert through(ProxyHeadersMiddleware, scope, trusted_hosts="*") is scope


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.1,10.0.0.0/8", "10.0.0.1", "", ["::1"]])
@pytest.mark.parametrize("proto", [b"http", b"https", b"ftp", b" https "])
@pytest.mark.parametrize(
    "addresses",
    [
        b"203.0.113.9",
        b"6.6.6.6, 203.0.113.9",
        b"6.6.6.6, 203.0.113.9:77, 10.0.0.2",
        b"[2001:db8::9]:77,10.0.0.2",
        b"10.0.0.4, 10.0.0.3",
        b"",
    ],
)
def test_what_well_behaved_proxies_send_means_what_it_means_to_uvicorn(
    kind: str, trusted: Any, proto: bytes, addresses: bytes
) -> None:
    fields = [(b"x-forwarded-for", addresses), (b"x-forwarded-proto", proto)]
    ours, theirs = scope_of(fields, type=kind), scope_of(fields, type=kind)
    through(ProxyHeadersMiddleware, ours, trusted_hosts=trusted)
    through(Uvicorns, theirs, trusted_hosts=trusted)
    assert ours == theirs
