"""What is measured: each scenario is one request, sent again and again, and its one answer."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Scenario:
    """One request and the answer it must get.

    `fields` are sent besides Host (and Content-Length, where `content_size`, in bytes, isn't 0).
    `connections` overrides the number given on the command line. `closes` says that each request
    has a connection of its own.
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

    @property
    def content(self) -> bytes:
        """The content of the request, the same bytes as load.lua makes."""
        return b"x" * self.content_size


PLAIN = "benchmarks.apps:plain"
BINARY = (("Content-Type", "application/octet-stream"),)

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
)
