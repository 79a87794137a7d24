"""The examples of RFC 7541, appendix C: facts, each a row of blocks over one table."""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """A section's blocks in hexadecimal, the list of each, and the table's maximum."""

    section: str
    blocks: list[str]
    lists: list[list[tuple[bytes, bytes]]]
    table: int = 4096

    def __str__(self) -> str:
        return self.section


REQUEST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]
AUTHORITY = (b":authority", b"www.example.com")
REQUESTS = [
    [*REQUEST, AUTHORITY],
    [*REQUEST, AUTHORITY, (b"cache-control", b"no-cache")],
    [
        *((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"), AUTHORITY),
        (b"custom-key", b"custom-value"),
    ],
]
DATES = [b"Mon, 21 Oct 2013 20:13:21 GMT", b"Mon, 21 Oct 2013 20:13:22 GMT"]
COOKIE = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
RESPONSE = [
    (b"cache-control", b"private"),
    (b"date", DATES[0]),
    (b"location", b"https://www.example.com"),
]
RESPONSES = [
    [(b":status", b"302"), *RESPONSE],
    [(b":status", b"307"), *RESPONSE],
    [
        *((b":status", b"200"), RESPONSE[0], (b"date", DATES[1]), RESPONSE[2]),
        (b"content-encoding", b"gzip"),
        (b"set-cookie", COOKIE),
    ],
]

EXAMPLES = [
    Example(
        "C.2.1",
        ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
        [[(b"custom-key", b"custom-header")]],
    ),
    Example("C.2.2", ["040c2f73616d706c652f70617468"], [[(b":path", b"/sample/path")]]),
    Example("C.2.3", ["100870617373776f726406736563726574"], [[(b"password", b"secret")]]),
    Example("C.2.4", ["82"], [[(b":method", b"GET")]]),
    Example(
        "C.3",
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        REQUESTS,
    ),
    Example(
        "C.4",
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
        REQUESTS,
    ),
    Example(
        "C.5",
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120"
            "474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738"
            "666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d33"
            "3630303b2076657273696f6e3d31",
        ],
        RESPONSES,
        256,
    ),
    Example(
        "C.6",
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad1718"
            "63c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7"
            "b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
        RESPONSES,
        256,
    ),
]
