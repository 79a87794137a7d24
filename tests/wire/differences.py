"""Why tricorn reads some bytes in another way than h11 or httptools.

Each `Rule` names one difference, the words by which the refusing side shows it, evidence that is
looked for in the bytes themselves, and the clause that decides. A difference that no rule explains
is a bug, here or there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from tests.wire.comparing import CHUNK_LINE, Difference
from tricorn.wire import h1

ISOLATED = re.compile(rb"(?<!\r)\n|\r(?!\n)")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
METHODS_OF_HTTPTOOLS = frozenset(
    b"ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY "
    b"MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND "
    b"REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
REG_NAME = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*")
FORBIDDEN_IN_TRAILERS = (
    b"authorization|connection|content-encoding|content-length|content-range|content-type|cookie|"
    b"cache-control|expect|host|keep-alive|max-forwards|proxy-[a-z]+|range|set-cookie|te|trailer|"
    b"transfer-encoding|upgrade"
)


@dataclass(frozen=True)
class Rule:
    """One reason to read differently."""

    name: str
    kind: str
    peers: str
    says: str  # in the refusal of the side that refuses
    evidence: Callable[[Difference], bool]
    clause: str

    def explains(self, difference: Difference) -> bool:
        """Whether this rule is the reason."""
        return (
            difference.kind == self.kind
            and difference.peer in self.peers
            and self.says in difference.refusal
            and self.evidence(difference)
        )


def is_authority(value: bytes) -> bool:
    """uri-host [ ":" port ] by RFC 3986, with a host."""
    match = re.fullmatch(rb"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", value)
    if match is None or not match[1] or int(match[2] or 0) > 65535:
        return False
    if match[1].startswith(b"["):
        try:
            IPv6Address(match[1][1:-1].decode("latin-1"))
        except AddressValueError:
            return False
        return b"%" not in match[1]
    return REG_NAME.fullmatch(match[1]) is not None


def bad_length(difference: Difference) -> bool:
    values = difference.values(b"content-length")
    return len(values) != 1 or not re.fullmatch(rb"[0-9]{1,19}", values[0])


def has_host_in_question(difference: Difference) -> bool:
    values = difference.values(b"host")
    return any(value and not is_authority(value) for value in values)


def authority_in_question(difference: Difference) -> bool:
    match = re.match(rb"(?i)https?://([^/?]*)", difference.target)
    return match is not None and not is_authority(match[1])


def extension_bytes(difference: Difference) -> int:
    return sum(len(line.partition(b";")[2]) for line in difference.chunk_lines()[0])


def trailers(difference: Difference) -> bytes:
    return difference.chunk_lines()[1]


def http1_host_missing(difference: Difference) -> bool:
    return not difference.values(b"host") and not difference.line.endswith(b"/1.0")


BOTH = "h11 httptools"


def stricter(
    name: str,
    says: str,
    evidence: Callable[[Difference], bool],
    clause: str,
    peers: str = BOTH,
) -> Rule:
    """tricorn refuses, the peer reads."""
    return Rule(name, "stricter", peers, says, evidence, clause)


def laxer(
    name: str, says: str, evidence: Callable[[Difference], bool], clause: str, peers: str
) -> Rule:
    """tricorn reads, the peer refuses or waits: each of these the RFC tells a server to read."""
    return Rule(name, "laxer", peers, says, evidence, clause)


RULES = [
    # The request line
    stricter(
        "one space stands between the parts of a request line",
        "",
        lambda d: re.fullmatch(rb"[^ \t]+ [^ \t]+ [^ \t]+", d.line) is None,
        "RFC 9112 §3",
        "httptools",
    ),
    stricter(
        "only HTTP/1 is spoken",
        "only HTTP/1.0 and HTTP/1.1",
        lambda d: not re.search(rb" HTTP/1\.[0-9]\r?\Z", d.line),
        "RFC 9110 §15.6.6",
    ),
    stricter(
        "no CONNECT",
        "CONNECT",
        lambda d: d.line.startswith(b"CONNECT "),
        "RFC 9110 §9.3.6: a server may refuse to be a tunnel",
    ),
    stricter(
        "a target has no fragment",
        "not allowed",
        lambda d: b"#" in d.target,
        "RFC 9112 §3.2",
    ),
    stricter(
        "a target is a path, an http URI, or *",
        "must start with a slash",
        lambda d: re.match(rb"(?i)/|https?://|\*\Z", d.target) is None,
        "RFC 9112 §3.2",
    ),
    stricter(
        "* is for OPTIONS",
        "OPTIONS only",
        lambda d: d.target == b"*" and not d.line.startswith(b"OPTIONS "),
        "RFC 9112 §3.2.4",
    ),
    stricter(
        "an absolute target has a good authority",
        "authority",
        authority_in_question,
        "RFC 9110 §4.2.1, §4.2.4",
    ),
    stricter(
        "one empty line before a request",
        "",
        lambda d: re.match(rb"\r\n\r\n|\n|\r[^\n]|\r\n[\r\n]", d.rest) is not None,
        "RFC 9112 §2.2: at least one",
        "httptools",
    ),
    # Lines and fields
    stricter(
        "a line ends in CRLF",
        "",
        lambda d: ISOLATED.search(d.head + d.message[len(d.head) : len(d.head) + 4]) is not None,
        "RFC 9112 §2.2",
    ),
    stricter(
        "no control characters in a value",
        "control character",
        lambda d: CONTROL.search(d.head) is not None,
        "RFC 9110 §5.5",
        "h11",
    ),
    stricter(
        "no folded lines",
        "line folding",
        lambda d: re.search(rb"\n[ \t]", d.head) is not None,
        "RFC 9112 §5.2",
        "h11",
    ),
    stricter(
        "one Host",
        "more than one Host",
        lambda d: len(d.values(b"host")) > 1,
        "RFC 9112 §3.2",
        "httptools",
    ),
    stricter("a Host in HTTP/1.1 and above", "no Host", http1_host_missing, "RFC 9112 §3.2"),
    stricter("a Host by its grammar", "malformed Host", has_host_in_question, "RFC 9112 §3.2"),
    # Framing
    stricter(
        "one Content-Length of at most 19 digits",
        "Content-Length",
        bad_length,
        "RFC 9112 §6.3; 19 digits: Policy",
    ),
    stricter(
        "a Content-Length below 2^63",
        "Content-Length is too large",
        lambda d: int(d.values(b"content-length")[0]) >= 1 << 63,
        "RFC 9110 §8.6: prevent errors from integer overflow",
    ),
    stricter(
        "never Content-Length and Transfer-Encoding",
        "both Content-Length and Transfer-Encoding",
        lambda d: bool(d.values(b"content-length") and d.values(b"transfer-encoding")),
        "RFC 9112 §6.3",
    ),
    stricter(
        "no Transfer-Encoding in HTTP/1.0",
        "Transfer-Encoding in HTTP/1.0",
        lambda d: b" HTTP/1.0" in d.line and bool(d.values(b"transfer-encoding")),
        "RFC 9112 §6.1",
    ),
    stricter(
        "one Transfer-Encoding, and it is chunked",
        "",
        lambda d: [v.lower() for v in d.values(b"transfer-encoding")] not in ([], [b"chunked"]),
        "RFC 9112 §6.1, §6.3",
        "httptools",
    ),
    # Limits
    stricter(
        "a request line has a limit",
        "request line longer",
        lambda d: len(d.line) > 8192,
        "RFC 9112 §3: 8000 octets at least",
    ),
    stricter(
        "a method has a limit",
        "method longer",
        lambda d: len(d.line.split(b" ")[0]) > h1.METHOD_LIMIT,
        "RFC 9110 §15.6.2",
        "h11",
    ),
    stricter(
        "a field section has a limit",
        "field section longer",
        lambda d: len(d.head) > 65536,
        "RFC 6585 §5",
    ),
    stricter(
        "fields have a number",
        "fields",
        lambda d: d.head.count(b"\n") > 100,
        "RFC 6585 §5",
    ),
    stricter(
        "a chunk line has a limit",
        "longer than",
        lambda d: max(map(len, d.chunk_lines()[0])) > h1.CHUNK_LINE_LIMIT,
        "RFC 9112 §7.1.1: a recipient ought to limit the total length",
    ),
    stricter(
        "chunk extensions have a sum",
        "chunk extensions",
        lambda d: extension_bytes(d) + 64 > h1.CHUNK_EXTENSION_TOTAL,
        "RFC 9112 §7.1.1: a recipient ought to limit the total length",
    ),
    # Chunks
    stricter(
        "a chunk line by its grammar, CRLF at its end",
        "",
        lambda d: (
            bool(d.values(b"transfer-encoding"))
            and CHUNK_LINE.fullmatch(d.chunk_lines()[0][-1]) is None
        ),
        "RFC 9112 §7.1.1",
    ),
    stricter(
        "no framing, routing or authenticating field in the trailer section",
        "trailer field",
        lambda d: re.search(rb"(?im)^(" + FORBIDDEN_IN_TRAILERS + rb"):", trailers(d)) is not None,
        "RFC 9110 §6.5.1",
    ),
    stricter(
        "a trailer section of field lines that end in CRLF",
        "",
        lambda d: (
            re.search(rb"(?m)^[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", trailers(d)) is not None
            or ISOLATED.search(trailers(d)) is not None
        ),
        "RFC 9112 §7.1.2",
        "h11",
    ),
    # What they refuse and a server should read
    laxer(
        "h11 takes no empty line before a request",
        "no request line received",
        lambda d: d.rest.startswith(b"\r\n"),
        "RFC 9112 §2.2: a server should ignore at least one",
        "h11",
    ),
    laxer(
        "httptools has a list of methods",
        "",
        lambda d: (
            re.match(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ ", d.message) is not None
            and d.line.split(b" ")[0] not in METHODS_OF_HTTPTOOLS
        ),
        "RFC 9110 §9.1: any token",
        "httptools",
    ),
    laxer(
        "httptools knows no later minor version",
        "Invalid HTTP version",
        lambda d: re.search(rb" HTTP/1\.[2-9]\Z", d.line) is not None,
        "RFC 9110 §2.5: read as the highest minor version known",
        "httptools",
    ),
    laxer(
        "httptools counts white space behind chunked as part of it",
        "Transfer-Encoding",
        lambda d: (
            re.search(rb"(?i)\nTransfer-Encoding:[ \t]*chunked[ \t]+\r\n", d.message) is not None
        ),
        "RFC 9112 §5.1: OWS is no part of a value",
        "httptools",
    ),
    laxer(
        "they take no white space around the marks of a chunk extension",
        "chunk",
        lambda d: any(
            CHUNK_LINE.fullmatch(line) and re.search(rb"[ \t][;=]|[;=][ \t]", line)
            for line in d.chunk_lines()[0]
        ),
        "RFC 9112 §7.1.1: BWS is to be parsed",
        BOTH,
    ),
    # What both read, in two ways
    Rule(
        "the authority of an absolute target replaces Host",
        "differs",
        BOTH,
        "head",
        lambda d: re.match(rb"(?i)https?://", d.target) is not None and same_but_host(d),
        "RFC 9112 §3.2.2",
    ),
    Rule(
        "h11 gives Transfer-Encoding in lower case",
        "differs",
        "h11",
        "head",
        lambda d: [v.lower() for v in d.values(b"transfer-encoding")] == [b"chunked"],
        "RFC 9110 §5.5: a value is handed on as it came",
    ),
    Rule(
        "httptools leaves off at an upgrade, the content unread",
        "differs",
        "httptools",
        "content",
        lambda d: bool(d.values(b"upgrade")),
        "RFC 9110 §7.8: an offer that is not taken changes nothing",
    ),
    stricter(
        "httptools leaves off at an upgrade, the bad content unread",
        "",
        lambda d: d.ours is not None and bool(d.values(b"upgrade")),
        "RFC 9110 §7.8: an offer that is not taken changes nothing",
        "httptools",
    ),
    Rule(
        "httptools leaves off at an upgrade",
        "stops",
        "httptools",
        "",
        lambda d: bool(d.values(b"upgrade")),
        "RFC 9110 §7.8: an offer that is not taken changes nothing",
    ),
    Rule(
        "h11 closes after HTTP/1.0",
        "stops",
        "h11",
        "",
        lambda d: d.line.endswith(b" HTTP/1.0"),
        "RFC 9112 §9.3: keep-alive may be asked for",
    ),
]


def same_but_host(difference: Difference) -> bool:
    """The two heads are equal save for the value of Host."""
    ours, theirs = difference.ours, difference.theirs
    assert ours is not None
    assert theirs is not None
    mine = [field for field in ours.fields if field[0] != b"host"]
    others = [field for field in theirs.fields if field[0] != b"host"]
    return (ours.method, ours.target, mine) == (theirs.method, theirs.target, others)


def explanation(difference: Difference) -> Rule:
    """The first rule that explains the difference."""
    for rule in RULES:
        if rule.explains(difference):
            return rule
    raise AssertionError(f"nothing explains {difference}")
