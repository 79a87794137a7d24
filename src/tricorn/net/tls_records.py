"""TLS records to content and back, by OpenSSL between two buffers in memory.

No transport and no protocol: `TlsTransport` puts what has come into one buffer, and sends what is
in the other.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

# A record of content by its first byte, the size of its head, and the most content that it may
# have (RFC 8446 §5.1).
_CONTENT: Final = 0x17
_RECORD_HEAD: Final = 5
RECORD: Final = 16384
_RECORD: Final = RECORD


class TlsRecords:
    """One side's session, and what is known of the records that have come."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        # Of what it wraps, so that no call goes through a function of Python that only passes it
        # on. A class of the program's own is asked itself.
        plain = type(self.ssl) is ssl.SSLObject
        session = getattr(self.ssl, "_sslobj", self.ssl) if plain else self.ssl
        self.decrypt = session.read
        self.encrypt = session.write
        self.put_in = self.incoming.write
        self.take_out = self.outgoing.read
        self.end_decrypted = False  # behind what is to be handed on first
        self.some_left = False  # of what has come hasn't been decrypted, or may not have been

    def _fail(self, what: str, error: Exception) -> None:
        """Give up on a client that breaks the rules of TLS."""
        raise NotImplementedError

    def _decrypt(self, most: int) -> bytes | None:
        """The content of the next record; empty at the client's close_notify, None without one.

        `most` is no less than what it may hold.
        """
        try:
            data: bytes = self.decrypt(most)
        except ssl.SSLWantReadError:
            return None
        except OSError as error:
            self._fail("TLS", error)
            return None
        return data

    def _decrypt_on(self, data: bytes) -> bytes:
        """Put the records that have come with the first, `data`, to it.

        What they are handed to has a cost of its own for each time, above that of a copy.
        """
        pieces = [data]
        while self.incoming.pending:
            more = self._decrypt(_RECORD)
            if not more:
                self.some_left = True
                # The next call tells the end of the client again.
                self.end_decrypted = more is not None
                break
            pieces.append(more)
        return b"".join(pieces) if len(pieces) > 1 else data

    def _encrypt(self, data: Any) -> None:
        # An empty write is an error to OpenSSL.
        size = len(data)
        done = 0
        while done < size:
            done += self.encrypt(data[done:] if done else data)


def is_one_record(data: object) -> bool:
    """Whether this is exactly one record of content, and whole."""
    return type(data) is bytes and len(data) > _RECORD_HEAD and _is_content(data)


def _is_content(data: bytes) -> bool:
    """The same by a record's head: its kind, two bytes of version, two of length."""
    return data[0] == _CONTENT and (data[3] << 8 | data[4]) + _RECORD_HEAD == len(data)
