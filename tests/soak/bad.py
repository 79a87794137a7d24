"""Requests that a server has to refuse, with a 4xx, and close behind."""

from __future__ import annotations

HOST = b"Host: soak\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /upload HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# Each is refused as a whole; nothing of it depends on what comes behind.
REQUESTS: dict[str, bytes] = {
    "no request line": b"\x00\x01\x02\xff\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "two empty lines": b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two words": b"GET /\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad method": b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad version": b"GET / HTTP/1.x\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "long target": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: soak\n\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": GET + HOST + b"\r\n",
    "bad Host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "no colon": GET + b"nothing\r\n\r\n",
    "space before the colon": GET + b"x : y\r\n\r\n",
    "folded line": GET + b"x: y\r\n z\r\n\r\n",
    "NUL in a value": GET + b"x: \0\r\n\r\n",
    "CR in a value": GET + b"x: a\rb\r\n\r\n",
    "empty name": GET + b": y\r\n\r\n",
    "many fields": GET + b"x: y\r\n" * 101 + b"\r\n",
    "long field": GET + b"x: " + b"y" * 70000 + b"\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative length": POST + b"Content-Length: -1\r\n\r\n",
    "length in words": POST + b"Content-Length: ten\r\n\r\n",
    "length and chunked": POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /upload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size": CHUNKED + b"zz\r\n",
    "huge chunk size": CHUNKED + b"f" * 17 + b"\r\n",
    "chunk without end": CHUNKED + b"1\r\nabc\r\n",
    "long extension": CHUNKED + b"1;" + b"a" * 5000 + b"\r\na\r\n",
    "bad trailer": CHUNKED + b"0\r\nx y\r\n\r\n",
    "garbage behind a request": GET + b"\r\n" + b"\x00\x01garbage\r\n\r\n",
}
# How many answers come before the refusal.
GOOD_BEFORE = {"garbage behind a request": 1}
