"""HPACK's tables (RFC 7541 §2.3): the static one, and the dynamic one of either direction."""

from __future__ import annotations

from typing import Any, Final

from tricorn.wire.fields import CONNECTION_SPECIFIC

Pair = tuple[bytes, bytes]

# RFC 7541 §4.1: what an entry costs beyond its name and value.
ENTRY_ROOM: Final = 32
# SETTINGS_HEADER_TABLE_SIZE until somebody says otherwise (RFC 9113 §6.5.2).
DEFAULT_SIZE: Final = 4096
STATIC_ENTRIES: Final = 61
_FIELD: Final = ENTRY_ROOM  # an integer of C when compiled, which nobody can import
# Entries that have gone and still have a place in the list, before it is cut.
_GONE: Final = 64

# Appendix A. Indexes begin with 1, so the first entry stands for none.
STATIC: Final[tuple[Pair, ...]] = (
    (b"", b""),
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)


class Entry:
    """A pair with what is known of it."""

    def __init__(self, pair: Pair, malformed: bool = False) -> None:
        self.pair = pair
        self.size = size_of(pair)
        self.malformed = malformed


def size_of(pair: Pair) -> int:
    """Return what an entry costs (RFC 7541 §4.1)."""
    name, value = pair
    return len(name) + len(value) + _FIELD


# A field about the connection is malformed (RFC 9113 §8.2.2), though the table has one.
ENTRIES: Final[tuple[Entry, ...]] = tuple(
    Entry(pair, pair[0] in CONNECTION_SPECIFIC) for pair in STATIC
)


class DynamicTable:
    """Entries by age, of at most `most` bytes.

    Each has a number that stays its own: the first one ever is 0, the last `newest`.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        # The oldest stands at `first`; before it is None for those that have gone.
        self.entries: list[Any] = []
        self.first = 0
        self.cut = 0  # entries that have been cut off the list
        self.newest = -1

    def insert(self, entry: Entry) -> None:
        """Add the newest entry, and let go of the oldest ones for it (RFC 7541 §4.4).

        One that is larger than the table empties it, and isn't added.
        """
        size = entry.size
        self._shrink(self.most - size)
        if size <= self.most:
            self.entries.append(entry)
            self.used += size
            self.newest += 1

    def resize(self, most: int) -> None:
        """Have another maximum of bytes (RFC 7541 §4.3)."""
        self.most = most
        self._shrink(most)

    def _shrink(self, most: int) -> None:
        """Let go of the oldest entries until the rest has so many bytes or is none."""
        if self.used <= most:
            return
        while self.used and self.used > most:
            entry = self.entries[self.first]
            self.entries[self.first] = None
            self.used -= entry.size
            self.gone(entry.pair, self.cut + self.first)
            self.first += 1
        if self.first >= _GONE and self.first * 2 >= len(self.entries):
            del self.entries[: self.first]
            self.cut += self.first
            self.first = 0

    def gone(self, pair: Pair, number: int) -> None:
        """Hear that an entry has gone."""
