"""Ending our side of a connection while the client's stays open, for as long as it is read on."""

from typing import Any


def half_close(transport: Any) -> None:
    """End our side, behind what is written, or all where a transport can't end one side alone.

    Whoever calls this reads on for a while. Closing with unread bytes would reset the connection,
    and the reset could overtake what was written last (RFC 9112 §9.6).
    """
    if not transport.can_write_eof():
        transport.close()
        return
    try:
        transport.write_eof()
    except OSError:
        # asyncio's own lets pass what shutdown(2) says where the client has reset the connection.
        transport.abort()
