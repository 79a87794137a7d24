"""What is measured: each scenario is one request, or one WebSocket message, sent again and again,
and its one answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from benchmarks import apps

# What a desktop browser sends with a navigation. wrk adds Host, which makes twelve.
BROWSER_FIELDS = (
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
    ("Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
)


class Talk(NamedTuple):
    """How WebSocket clients behave: a mode of wsload.c, and whether they ask for
    permessage-deflate."""

    mode: str
    deflate: bool


class Multiplexed(NamedTuple):
    """HTTP/2: h2load asks, over `Scenario.connections`, so many requests at a time on each."""

    streams: int


@dataclass(frozen=True)
class Scenario:
    """One request and the answer it must get, or, with `talk`, the text of a WebSocket message that
    must come back.

    `fields` are sent besides Host (and Content-Length, where `content_size`, in bytes, isn't 0).
    `connections` overrides the number given on the command line. `closes` says that each request
    has a connection of its own, `tls` that it is over TLS, `http2` that it is HTTP/2 (in cleartext
    with prior knowledge).
    """

    key: str
    title: str
    app: str
    answer: bytes
    method: str = "GET"
    fields: tuple[tuple[str, str], ...] = ()
    content_size: int = 0
    connections: int | None = None
    interface: str = "asgi"
    access_log: bool = False
    closes: bool = False
    talk: Talk | None = None
    tls: bool = False
    http2: Multiplexed | None = None

    @property
    def content(self) -> bytes:
        """The content of the request, the same bytes as load.lua makes."""
        return b"x" * self.content_size


PLAIN = "benchmarks.apps:plain"
BINARY = (("Content-Type", "application/octet-stream"),)


def message(size: int) -> bytes:
    """The text of a WebSocket message: JSON as a chat would send it, cut to `size` bytes.

    It compresses as such text does, to about a fifth where there is enough of it.
    """
    random = Random(size)
    words = ("the", "and", "from", "you", "that", "hello", "with", "are", "this", "have", "now")
    text = '{"type": "messages", "list": ['
    while len(text) < size:
        said = " ".join(random.choice(words) for _ in range(random.randrange(3, 12)))
        text += f'{{"id": {random.randrange(10**6)}, "from": "user{random.randrange(50)}", '
        text += f'"text": "{said}"}}, '
    return text[:size].encode("ascii")


# Key, title, bytes.
SIZES = (("32", "32 B", 32), ("1k", "1 KB", 1024), ("64k", "64 KB", 65536))
ECHO = "benchmarks.apps:websocket_echo"
BROADCAST = "benchmarks.apps:websocket_broadcast"


def _talks() -> Iterator[Scenario]:
    for deflate in (False, True):
        suffix, note = ("-deflate", ", deflate") if deflate else ("", "")
        for key, size, length in SIZES:
            for connections in (1, 100):
                plural = "s" if connections > 1 else ""
                yield Scenario(
                    f"ws-{key}-{connections}{suffix}",
                    f"WebSocket echo of {size}, {connections} connection{plural}{note}",
                    ECHO,
                    message(length),
                    connections=connections,
                    talk=Talk("echo", deflate),
                )
        yield Scenario(
            f"ws-fanout{suffix}",
            f"One WebSocket message of 1 KB to 1000 clients{note}",
            BROADCAST,
            message(1024),
            connections=1000,
            talk=Talk("fanout", deflate),
        )
        yield Scenario(
            f"ws-idle{suffix}",
            f"5000 idle WebSocket connections{note}",
            ECHO,
            message(32),
            connections=5000,
            talk=Talk("idle", deflate),
        )


def _http2() -> Iterator[Scenario]:
    """Each in cleartext and over TLS, so that what TLS costs can be told."""
    ten, megabyte = "benchmarks.apps:ten_kilobytes", "benchmarks.apps:megabyte"
    for prefix, over, tls in (("h2c", "cleartext", False), ("h2", "TLS", True)):
        few, many = Multiplexed(16), Multiplexed(100)
        plain = f"HTTP/2 over {over}, small GET, "
        yield Scenario(
            f"{prefix}-8x16",
            plain + "8 connections of 16 streams",
            PLAIN,
            apps.HELLO,
            connections=8,
            tls=tls,
            http2=few,
        )
        yield Scenario(
            f"{prefix}-1x100",
            plain + "1 connection of 100 streams",
            PLAIN,
            apps.HELLO,
            connections=1,
            tls=tls,
            http2=many,
        )
        yield Scenario(
            f"{prefix}-10kb",
            f"HTTP/2 over {over}, 10 KB response",
            ten,
            apps.TEN_KILOBYTES,
            connections=8,
            tls=tls,
            http2=few,
        )
        yield Scenario(
            f"{prefix}-down",
            f"HTTP/2 over {over}, 1 MB response",
            megabyte,
            apps.MEGABYTE,
            connections=4,
            tls=tls,
            http2=Multiplexed(1),
        )
        yield Scenario(
            f"{prefix}-up",
            f"HTTP/2 over {over}, 1 MB upload",
            "benchmarks.apps:count",
            b"1048576",
            connections=4,
            tls=tls,
            http2=Multiplexed(1),
            fields=BINARY,
            method="POST",
            content_size=1048576,
        )
    yield Scenario("tls", "HTTP/1.1 over TLS, small GET", PLAIN, apps.HELLO, tls=True)
    yield Scenario(
        "tls-close",
        "HTTP/1.1 over TLS, a new connection each",
        PLAIN,
        apps.HELLO,
        fields=(("Connection", "close"),),
        connections=16,
        closes=True,
        tls=True,
    )


SCENARIOS = (
    Scenario("get", "Small GET", PLAIN, apps.HELLO),
    Scenario("browser", "GET with a browser's 12 fields", PLAIN, apps.HELLO, fields=BROWSER_FIELDS),
    Scenario("10kb", "10 KB response", "benchmarks.apps:ten_kilobytes", apps.TEN_KILOBYTES),
    Scenario(
        "stream",
        "Streamed response, ten chunks of 1 KB",
        "benchmarks.apps:streamed",
        apps.CHUNK * apps.CHUNKS,
    ),
    Scenario(
        "post",
        "1 KB POST, echoed",
        "benchmarks.apps:echo",
        b"x" * 1024,
        method="POST",
        fields=BINARY,
        content_size=1024,
    ),
    Scenario(
        "upload",
        "1 MB upload, 8 connections",
        "benchmarks.apps:count",
        b"1048576",
        method="POST",
        fields=BINARY,
        content_size=1048576,
        connections=8,
    ),
    Scenario("1000", "Small GET, 1000 connections", PLAIN, apps.HELLO, connections=1000),
    Scenario(
        "close",
        "Small GET, a new connection each",
        PLAIN,
        apps.HELLO,
        fields=(("Connection", "close"),),
        closes=True,
    ),
    Scenario("log", "Small GET, access log on", PLAIN, apps.HELLO, access_log=True),
    Scenario(
        "fastapi", "FastAPI, JSON", "benchmarks.fastapi_app:app", b'{"message":"Hello, world!"}'
    ),
    Scenario("wsgi", "Plain WSGI app", "benchmarks.apps:wsgi", apps.HELLO, interface="wsgi"),
    *_talks(),
    *_http2(),
)

# Names for several scenarios on the command line.
GROUPS = {
    "http": tuple(one.key for one in SCENARIOS if not (one.talk or one.tls or one.http2)),
    "http2": tuple(one.key for one in SCENARIOS if one.http2),
    "tls": tuple(one.key for one in SCENARIOS if one.tls and not one.http2),
    "ws": tuple(one.key for one in SCENARIOS if one.talk),
}
DEFLATED = tuple(one.key for one in SCENARIOS if one.talk and one.talk.deflate)
