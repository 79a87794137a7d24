"""Hypothesis strategies that write HTTP/1.1 requests from the RFCs' grammar.

They give bytes, and never look at tricorn: what is generated here is valid because RFC 9110 and
9112 say so.
"""

from __future__ import annotations

import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# A slow machine is no fault of the reader's: what is too slow is for test_h1_cost.py to say.
patient = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PCHAR = "abcXYZ019-._~!$&'()*+,;=:@"
# Fields that HTTP/1.1 acts on; a random field must not be one of them by chance.
ACTING = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
}

# Most alternatives are whole words and not single characters: hypothesis draws them ten times
# as fast, and what a character may be is tested by the case files.
ows = st.sampled_from([b" ", b"", b"\t", b" \t "])
tokens = st.one_of(
    st.sampled_from([b"x", b"X-Long-Name", b"!#$%&'*+-.^_`|~09azAZ", b"a_b", b"1"]),
    st.text(TCHAR, min_size=1, max_size=8).map(str.encode),
)
KNOWN_METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS"])
methods = st.one_of(KNOWN_METHODS, tokens.filter(lambda token: token != b"CONNECT"))
segments = st.one_of(
    st.sampled_from(["", "a", "a%20b", "%c3%A9", "%FF", "..", "x;y=1", "~!$&'()*+,;=:@"]),
    st.text(PCHAR, max_size=6),
)
paths = st.lists(segments, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
queries = st.sampled_from(["", "", "?", "?a=b", "?a?b/c%20d"])
origin_form = st.builds(lambda path, query: (path + query).encode(), paths, queries)
hosts = st.sampled_from([b"example.com", b"a", b"127.0.0.1:8000", b"[::1]", b"[2001:db8::1]:80"])
absolute_form = st.builds(
    lambda scheme, host, rest: scheme + b"://" + host + rest,
    st.sampled_from([b"http", b"https", b"HTTP"]),
    hosts,
    st.one_of(st.just(b""), origin_form),
)
targets = st.one_of(origin_form, origin_form, origin_form, absolute_form)

# Every byte that is no control; those are replaced and not filtered away.
AS_TEXT = bytes(byte if byte > 0x1F and byte != 0x7F else 0x40 + byte % 32 for byte in range(256))
words = st.one_of(
    st.sampled_from([b"", b"text/html", b"a b\tc", b"caf\xc3\xa9", b"\xa0\x85", b'"q;,"', b":"]),
    st.binary(max_size=12).map(lambda data: data.translate(AS_TEXT)),
)
values = words.map(lambda word: word.strip(b" \t"))
names = tokens.filter(lambda token: token.decode().lower() not in ACTING)
field_lines = st.builds(
    lambda name, before, value, after: name + b":" + before + value + after + b"\r\n",
    names,
    ows,
    values,
    ows,
)
trailer_names = st.sampled_from([b"X-Sum", b"ETag", b"x", b"Server-Timing"])
trailer_lines = st.builds(lambda name, value: name + b": " + value + b"\r\n", trailer_names, values)

extensions = st.sampled_from(
    [b"", b"", b"", b";a", b";a=b", b';a="b;c"', b';a="\\""', b" ;a", b"; a = b ;c", b';a=""']
)
contents = st.binary(max_size=60)


def chunk(data: bytes, zeros: int, extension: bytes) -> bytes:
    """One chunk, its size with zeros in front."""
    return b"0" * zeros + b"%x" % len(data) + extension + b"\r\n" + data + b"\r\n"


chunks = st.builds(chunk, st.binary(min_size=1, max_size=30), st.integers(0, 3), extensions)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """Chunks, the last chunk, and at times a trailer section."""
    body = b"".join(draw(st.lists(chunks, max_size=3)))
    trailers = b"".join(draw(st.lists(trailer_lines, max_size=2)))
    return body + b"0" + draw(extensions) + b"\r\n" + trailers + b"\r\n"


@st.composite
def requests(
    draw: st.DrawFn, last: bool = False, method: st.SearchStrategy[bytes] = methods
) -> bytes:
    """One valid HTTP/1.1 request; only the `last` of several may ask to close."""
    lines = [b"Host: " + draw(hosts) + b"\r\n", *draw(st.lists(field_lines, max_size=3))]
    framing = draw(st.sampled_from(["none", "none", "length", "chunked"]))
    body = b""
    if framing == "length":
        body = draw(contents)
        lines.append(b"Content-Length: %d\r\n" % len(body))
    elif framing == "chunked":
        body = draw(chunked_bodies())
        lines.append(b"Transfer-Encoding: chunked\r\n")
    options = [b"", b"Connection: keep-alive\r\n", b"Connection: x, y\r\n"]
    lines.append(draw(st.sampled_from([*options, b"Connection: close\r\n"] if last else options)))
    first = draw(st.integers(0, len(lines) - 1))
    lines = lines[first:] + lines[:first]
    line: bytes = draw(method) + b" " + draw(targets) + b" HTTP/1.1\r\n"
    return line + b"".join(lines) + b"\r\n" + body


@st.composite
def streams(
    draw: st.DrawFn, method: st.SearchStrategy[bytes] = methods, empty_lines: bool = True
) -> bytes:
    """One to three valid requests behind one another, an empty line between some."""
    count = draw(st.integers(1, 3))
    parts = []
    for index in range(count):
        parts.append(draw(st.sampled_from([b"", b"", b"\r\n"])) if empty_lines else b"")
        parts.append(draw(requests(last=index == count - 1, method=method)))
    return b"".join(parts)


# Pieces that a mutation puts in: what smuggling and parser bugs are made of.
TROUBLE = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\x00",
    b" ",
    b"\t",
    b"\x0b",
    b"\x7f",
    b"\x85",
    b"\xa0",
    b":",
    b",",
    b";",
    b"0",
    b"-1",
    b"#",
    b"?",
    b"%",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"0\r\n\r\n",
    b"ffffffffffffffff",
    b"99999999999999999999",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Host: b\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b" folded\r\n",
    b"CONNECT ",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
]


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[bytes] | None = None) -> bytes:
    """A valid stream with a few bytes put in, taken out or overwritten."""
    data = bytearray(draw(streams() if valid is None else valid))
    for _ in range(draw(st.integers(1, 3))):
        # Anywhere, or where the framing is: around a line's end.
        edges = [match.start() for match in re.finditer(rb"\r?\n|:|;", data)] or [0]
        at = draw(st.one_of(st.integers(0, len(data)), st.sampled_from(edges)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 5]))
        data[at : at + gone] = draw(
            st.one_of(st.sampled_from(TROUBLE), st.binary(max_size=3), st.just(b""))
        )
    return bytes(data)


wild = st.lists(
    st.one_of(st.sampled_from([*TROUBLE, b"GET ", b"/", b" HTTP/1.1\r\n"]), st.binary(max_size=8)),
    max_size=12,
).map(b"".join)
