"""The field list of an HTTP/2 response (RFC 9113 §8.3.2), from an app's fields and the server's.

An app's responses are mostly alike, so what its fields came to last is remembered: they are
compared before they are checked and converted.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.fields import Fields
from tricorn.wire.h1_response import DefaultFields, FieldLines
from tricorn.wire.scan import are_same_fields, list_fields

# Bytes of names and values; more isn't remembered.
_REMEMBERED: Final = 1024


class ResponseHead:
    """A whole field list, and what it was made of. Nobody changes `lines`."""

    def __init__(
        self, status: tuple[bytes, bytes], size: int, defaults: DefaultFields, of: AppFields
    ) -> None:
        self.status = status
        self.size = size
        self.defaults = defaults
        self.date = defaults.date_pair
        self.lines: Fields = [status, *of.lines]
        if size >= 0:
            self.lines.append((b"content-length", b"%d" % size))
        defaults.add_to(self.lines, of.flags)


class AppFields:
    """An app's fields as HTTP/2 has them, in `lines`.

    `flags` are the HAS_ flags of `fields.py`, `length` is the Content-Length or -1, `given` what
    the app gave, if that may be remembered.
    """

    def __init__(self, given: Fields | None, lines: Fields, flags: int, length: int) -> None:
        self.given = given
        self.lines = lines
        self.flags = flags
        self.length = length
        self.last: ResponseHead | None = None

    def head(self, status: tuple[bytes, bytes], size: int, defaults: DefaultFields) -> Fields:
        """Return a response's field list, which isn't to be changed.

        `status` is the pair of `:status`, `size` the length to tell, or -1 for none.
        """
        last = self.last
        if (
            last is None
            or last.status is not status
            or last.size != size
            or last.date is not defaults.date_pair
            or last.defaults is not defaults
        ):
            # One object, so that another thread finds it whole or not at all.
            last = self.last = ResponseHead(status, size, defaults, self)
        return last.lines

    def without_length(self) -> AppFields:
        """Return the same without a Content-Length."""
        lines = [pair for pair in self.lines if pair[0] != b"content-length"]
        return AppFields(None, lines, self.flags, -1)


_last = AppFields([], [], 0, -1)


def read_app_fields(fields: FieldLines) -> AppFields:
    """Check and convert an app's fields. Raises `wire.errors.ResponseError`."""
    global _last
    known = _last
    if type(fields) is list:
        if known.given is not None and are_same_fields(fields, known.given, -1):
            return known
        # What is remembered must be what was read, whoever changes the list meanwhile.
        fields = fields[:]
    lines: Fields = []
    flags, length = list_fields(fields, lines)
    if type(fields) is not list or not _may_be_kept(fields):
        return AppFields(None, lines, flags, length)
    known = AppFields(fields, lines, flags, length)
    _last = known
    return known


def _may_be_kept(fields: Fields) -> bool:
    """Whether these are few, and pairs that nobody can change."""
    size = 0
    for pair in fields:
        if type(pair) is not tuple or len(pair) != 2:
            return False
        name, value = pair
        if type(name) is not bytes or type(value) is not bytes:
            return False
        size += len(name) + len(value)
    return size <= _REMEMBERED
