"""How urgent a response is to its client (RFC 9218 §4), from a field or a frame."""

from __future__ import annotations

import re
from typing import Final

URGENCIES: Final = 8
DEFAULT_URGENCY: Final = 3

# The members of the dictionary (RFC 8941 §3.2) that RFC 9218 gives a meaning.
_URGENCY: Final = re.compile(rb"u=([0-7])(?:;[^,]*)?")
_INCREMENTAL: Final = re.compile(rb"i(?:=\?([01]))?(?:;[^,]*)?")
_MEMBER: Final = re.compile(rb"[a-z*][a-z0-9_.*-]*(?:=[^,;]+)?(?:;[^,]*)?")
# A longer one isn't read: it is a wish, and may be ignored.
_LONGEST: Final = 256


def read_priority(value: bytes) -> tuple[int, bool]:
    """Return the urgency, 0 (first) to 7, and whether the response is of use in pieces.

    What isn't said, or can't be read, is 3 and not (RFC 9218 §4: nothing in it is an error).
    """
    urgency, incremental = DEFAULT_URGENCY, False
    if not value or len(value) > _LONGEST:
        return urgency, incremental
    for member in value.split(b","):
        member = member.strip(b" \t")
        if found := _URGENCY.fullmatch(member):
            urgency = int(found[1])
        elif found := _INCREMENTAL.fullmatch(member):
            incremental = found[1] != b"0"
        elif _MEMBER.fullmatch(member) is None:
            return DEFAULT_URGENCY, False
    return urgency, incremental
