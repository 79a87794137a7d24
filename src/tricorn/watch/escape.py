"""Make text from outside safe to print: one line stays one line, and a terminal obeys nobody.

A log line that repeats what a client sent can be forged with CR and LF, and can drive the
terminal of whoever reads it with ESC, C1 controls or bidirectional overrides (CVE-2020-7694 was
this fault in Uvicorn). Here each such character becomes a visible escape.
"""

from __future__ import annotations

import re

__all__ = ["printable", "printable_lines", "printable_target"]

_UNSAFE_IN_LINES = re.compile(r"[^\n\t]+")
_LOOKS_LIKE_A_RECORD = re.compile(r"^(?=(?:TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):)", re.M)

# A request target has an escape of its own, so that is the one to use. The double quote ends the
# request line in an access line and is no character of a URI (RFC 3986, section 2).
_TARGET_OCTETS = tuple(
    chr(octet) if 0x20 <= octet <= 0x7E and octet != 0x22 else f"%{octet:02X}"
    for octet in range(256)
)


def printable(text: str) -> str:
    """`text` with everything unprintable written as a Python escape (`\\x1b`, `\\n`, `\\u202e`).

    Unprintable is what Unicode calls control, format, surrogate, private use, unassigned or a
    separator other than the space: CR, LF, ESC, NUL, C1 controls, line separators, bidirectional
    controls and the lone surrogates that stand for broken UTF-8. A backslash stays as it is.
    """
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else _escaped(c) for c in text])


def printable_lines(text: str) -> str:
    """The same for text that is meant to have lines, such as a traceback: LF and TAB stay.

    A line that starts as a log record does (`INFO:`) is moved one column to the right, so that the
    message of an exception can't pass for a record.
    """
    text = _UNSAFE_IN_LINES.sub(lambda match: printable(match[0]), text)
    return _LOOKS_LIKE_A_RECORD.sub(" ", text)


def printable_target(target: bytes) -> str:
    """A request target as text, with octets that aren't printable ASCII, and `"`, as `%XX`."""
    return "".join([_TARGET_OCTETS[octet] for octet in target])


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
