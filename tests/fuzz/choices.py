"""Turns the bytes of a fuzzer into decisions. When they run out, every answer is the smallest."""

from __future__ import annotations


class Choices:
    """Reads decisions from the front of `data`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """0 to 255."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def below(self, limit: int) -> int:
        """0 to `limit` - 1; a limit of at most 256."""
        return self.byte() % limit

    def flag(self) -> bool:
        """Yes or no."""
        return self.byte() % 2 == 1

    def text(self) -> bytes:
        """Up to 255 bytes of any kind."""
        size = self.byte()
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def content(self) -> bytes:
        """Content of any size, from none to what a writer doesn't copy."""
        return self.text() * (1 if self.flag() else 10)

    def rest(self) -> bytes:
        """All that is left."""
        taken = self._data[self._at :]
        self._at = len(self._data)
        return taken

    @property
    def left(self) -> bool:
        """Whether there is anything to decide from."""
        return self._at < len(self._data)
