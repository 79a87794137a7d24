"""Ending our side: what becomes of the transport."""

import errno
from typing import Any

from tricorn.net.half_close import half_close


class Transport:
    """Notes what is asked of it."""

    def __init__(self, can: bool = True, error: OSError | None = None) -> None:
        self.can = can
        self.error = error
        self.calls: list[str] = []

    def can_write_eof(self) -> bool:
        return self.can

    def write_eof(self) -> None:
        self.calls.append("write_eof")
        if self.error is not None:
            raise self.error

    def __getattr__(self, name: str) -> Any:
        return lambda: self.calls.append(name)


def calls(transport: Transport) -> list[str]:
    half_close(transport)
    return transport.calls


def test_one_side() -> None:
    assert calls(Transport()) == ["write_eof"]


def test_both_where_one_cannot_end_alone() -> None:
    assert calls(Transport(can=False)) == ["close"]


def test_of_a_connection_that_the_client_has_reset() -> None:
    """Nobody else would be told: the error must not reach who only wants to end."""
    error = OSError(errno.ENOTCONN, "Transport endpoint is not connected")
    assert calls(Transport(error=error)) == ["write_eof", "abort"]
