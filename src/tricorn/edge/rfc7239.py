"""The `Forwarded` field (RFC 7239), read from the right.

Each proxy adds its element at the right end, so that end is what our own proxy wrote and the left
end may be anything: an unclosed quote there must not hide the element that counts. A quoted string
can be found backwards without doubt, since `="` opens one and can't occur inside one, where the
quote would have to be `\\"`. Linear in the length of the field, of which a bounded part is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["LONGEST_CHAIN", "elements_from_right", "parse_element"]

# Room for more than fifty proxies. What is further left is the client's to fill.
LONGEST_CHAIN = 4096

_MARK = re.compile(r'[",]')
# The value of an unquoted address with a port, or of IPv6, isn't a token; many proxies write it all
# the same, and it can't be taken for anything else.
_PAIR = re.compile(
    r"[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r"(?:(?P<token>[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]+)"
    r'|"(?P<quoted>(?:[^"\\]|\\.)*)")[ \t]*(?:;|\Z)'
)
_ESCAPED = re.compile(r"\\(.)")
_EMPTY = re.compile(r"[ \t]*;")


def elements_from_right(value: str) -> Iterator[str]:
    """The comma-separated elements of a field value, last first; empty ones are left out.

    Where a quoted string doesn't open, the rest of the field is one malformed element.
    """
    cut = len(value) > LONGEST_CHAIN
    value = value[-LONGEST_CHAIN:]
    end = len(value)
    opens_at = end  # marks at or behind this belong to a quoted string already passed
    for mark in reversed([match.start() for match in _MARK.finditer(value)]):
        if mark >= opens_at:
            continue
        if value[mark] == ",":
            if element := value[mark + 1 : end].strip(" \t"):
                yield element
            end = mark
        else:
            opens_at = value.rfind('="', 0, mark) + 1
            if opens_at == 0:
                break
    if not cut and (element := value[:end].strip(" \t")):
        yield element


def parse_element(element: str) -> dict[str, str] | None:
    """The parameters of an element, names in lower case, quoted strings as what they mean.

    None for what the grammar doesn't allow, a repeated parameter among it.
    """
    parameters: dict[str, str] = {}
    position = 0
    while position < len(element):
        if empty := _EMPTY.match(element, position):
            position = empty.end()
            continue
        pair = _PAIR.match(element, position)
        if pair is None or (name := pair["name"].lower()) in parameters:
            return None
        quoted = pair["quoted"]
        parameters[name] = pair["token"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        position = pair.end()
    return parameters
