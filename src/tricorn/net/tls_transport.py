"""TLS over the hub's connections: a protocol to the plain transport, a transport to its own.

The loop's TLS would bring the loop's transports with it, which cost as much again as TLS does
(docs/performance.md). `ssl.SSLObject` between two buffers in memory does the same work.

```
             handshake done              close, or close_notify sent
 HANDSHAKE ─────────────────► OPEN ─────────────────────────────────► ENDED
     │ deadline, no TLS, failed                                         ▲
     └──────────────────────────────────────────────────────────────────┘
```

Until the handshake is done this stands among the service's connections itself.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final

from tricorn.net.address import client_name
from tricorn.net.service import Service
from tricorn.net.tls_records import RECORD, TlsRecords, is_one_record
from tricorn.product import product_logger
from tricorn.wire.h1_response import refusal_response

logger = product_logger("error")

_HANDSHAKE: Final = 0
_OPEN: Final = 1
_ENDED: Final = 2

# Seconds for a handshake at most, and for one that goes on when the server stops.
_PATIENCE: Final = 60.0
_LATE: Final = 1.5
# The first byte of a TLS record that opens a connection (RFC 8446 §5.1).
_TLS_HANDSHAKE: Final = 0x16
_RECORD: Final = RECORD
_PIECE: Final = 65536


class TlsTransport(TlsRecords):
    """One connection that speaks TLS: an `asyncio.Transport` in all but ancestry.

    `factory` makes the protocol that is served over it, once the handshake is done.
    """

    def __init__(
        self, service: Service, context: ssl.SSLContext, factory: Callable[[], Any]
    ) -> None:
        self.service = service
        super().__init__(context)
        self.factory = factory
        self.protocol: Any = None
        self.transport: Any = None  # the plain one, under its name in all connections
        self.transport_write: Any = None
        self.state = _HANDSHAKE
        self.deadline = 0.0
        self.reading = True
        self.heard = False
        self.asked = False  # something has come over TLS
        self.no_more = False  # the plain transport has seen the end
        self.end_seen = False
        self.in_read = False

    # Called by the plain transport

    def connection_made(self, transport: Any) -> None:
        """Take the plain transport of a new connection."""
        service = self.service
        self.transport = transport
        self.transport_write = transport.write
        self.deadline = service.now + min(service.limits.idle, _PATIENCE)
        service.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.state == _ENDED:
            return
        if not self.heard:
            self.heard = True
            if data[0] != _TLS_HANDSHAKE:
                self._answer_plain_text()
                return
        self.put_in(data)
        if self.state == _HANDSHAKE:
            self._handshake()
        elif self.some_left or self.in_read or not self.reading or not is_one_record(data):
            self.some_left = True
            self._read()
        else:
            self._read_record(len(data))

    def eof_received(self) -> bool:
        """The client sends no more."""
        self.no_more = True
        if self.state == _OPEN:
            self._read()
        else:
            self.close()
        # What follows is decided here, and not by the plain transport.
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        self.state = _ENDED
        protocol = self.protocol
        self.protocol = None
        if protocol is None:
            self.service.remove(self)
        else:
            protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """The client doesn't read what was written."""
        if self.protocol is not None:
            self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.protocol is not None:
            self.protocol.resume_writing()

    # The handshake

    def _handshake(self) -> None:
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except (OSError, ValueError) as error:
            self._fail("TLS handshake", error)
            return
        self._flush()
        self.state = _OPEN
        service = self.service
        self.protocol = self.factory()
        self.protocol.connection_made(self)
        # Only now, so that their number never falls below what it is.
        service.remove(self)
        if service.draining and self.protocol is not None:
            self.protocol.shutdown()
        if self.incoming.pending:
            self.some_left = True
            if self.state == _OPEN:
                self._read()

    def _answer_plain_text(self) -> None:
        """Tell who doesn't speak TLS, in the words of HTTP."""
        logger.debug("%s spoke plain text to the TLS port.", self._peer())
        reason = "this port speaks TLS: use https:// or wss://"
        self.state = _ENDED
        self.transport.write(refusal_response(400, reason, self.service.defaults))
        self.transport.close()

    def _fail(self, what: str, error: Exception) -> None:
        """Give up on a client that breaks the rules of TLS; scanners do."""
        reason = getattr(error, "reason", None) or error
        logger.debug("%s with %s failed: %s", what, self._peer(), reason)
        self.state = _ENDED
        self._flush()  # the alert
        self.transport.close()

    def _peer(self) -> str:
        name = self.transport.get_extra_info("peername")
        return client_name(name[:2] if isinstance(name, tuple) else None)

    # Reading

    def _read_record(self, size: int) -> None:
        """Hand on what a record holds that has come whole and alone, as small requests do.

        So it is known what there is, where `_read` has to ask.
        """
        data = self._decrypt(size)
        if data:
            self.asked = True
            self.in_read = True
            try:
                self.protocol.data_received(data)
            finally:
                self.in_read = False
            if not self.some_left and not self.no_more:
                return
        # It was of TLS itself, or the end, or more has come meanwhile.
        self.some_left = True
        self._read()

    def _read(self) -> None:
        """Hand on what can be decrypted, as long as it is wanted."""
        if self.in_read:
            return
        self.in_read = True
        try:
            while self.reading and self.state == _OPEN:
                data = self._decrypt(_RECORD)
                if data is None:
                    break
                if not data:
                    self._end_of_client()
                    break
                self.asked = True
                # Not to be told by an error each time that there is no more. A read takes a
                # record whole, so none waits half read.
                self.some_left = False
                if self.incoming.pending:
                    data = self._decrypt_on(data)
                self.protocol.data_received(data)
                if not self.incoming.pending and not self.end_decrypted:
                    break
        finally:
            self.in_read = False
        if self.outgoing.pending:
            self._flush()  # an answer of TLS itself, as to a change of keys
        if self.no_more and self.reading and self.state == _OPEN:
            self._end_of_client()

    def _read_on(self) -> None:
        if self.state == _OPEN:
            self._read()

    def _end_of_client(self) -> None:
        if not self.end_seen:
            self.end_seen = True
            if not self.protocol.eof_received():
                self.close()

    def read_now(self) -> None:
        """Receive what waits without being told that something does."""
        self.transport.read_now()

    def is_reading(self) -> bool:
        """Whether data is being received."""
        return self.reading and self.state == _OPEN

    def pause_reading(self) -> None:
        """Leave what arrives in the system's buffers."""
        self.reading = False
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again, first what is here already."""
        if not self.reading:
            self.reading = True
            self.transport.resume_reading()
            if self.incoming.pending or self.end_decrypted or self.no_more:
                self.service.loop.call_soon(self._read_on)

    # Writing

    def write(self, data: Any) -> None:
        """Encrypt and send now what the system takes, and the rest when it can."""
        if self.state != _OPEN:
            return
        if len(data) <= _PIECE:
            self._encrypt(data)
            self.transport_write(self.take_out())
            return
        # A large one in pieces: it mustn't stand in the buffer as a whole besides.
        view = memoryview(data)
        pieces = []
        for at in range(0, len(view), _PIECE):
            self._encrypt(view[at : at + _PIECE])
            pieces.append(self.take_out())
        self.transport.writelines(pieces)

    def writelines(self, pieces: Any) -> None:
        """Send several pieces in order, small ones in one record."""
        pieces = list(pieces)
        if sum([len(piece) for piece in pieces]) <= _RECORD:
            self.write(b"".join(pieces))
        else:
            for piece in pieces:
                self.write(piece)

    def _flush(self) -> None:
        data = self.take_out()
        if data:
            self.transport_write(data)

    def is_due(self) -> bool:
        """Whether what is queued has waited long enough for the batch."""
        due: bool = self.transport.is_due()
        return due

    def send_now(self) -> None:
        """Send what is queued, without the batch."""
        self.transport.send_now()

    def can_write_eof(self) -> bool:
        """Whether `write_eof` works; it does."""
        return True

    def write_eof(self) -> None:
        """End our side behind what was written; nothing that comes is handed on any more."""
        if self.state == _OPEN:
            self._say_goodbye()
            self.transport.write_eof()

    def _say_goodbye(self) -> None:
        """Send close_notify (RFC 8446 §6.1), so that the client knows the end for one."""
        self.state = _ENDED
        try:
            self.ssl.unwrap()
        except (OSError, ValueError):
            pass  # the client's own isn't waited for
        self._flush()

    def get_write_buffer_size(self) -> int:
        """Bytes written and not yet taken by the system."""
        size: int = self.transport.get_write_buffer_size()
        return size

    def get_write_buffer_limits(self) -> Any:
        """Return the low and high water marks in bytes."""
        return self.transport.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks at which the protocol is paused and resumed, in bytes."""
        self.transport.set_write_buffer_limits(high, low)

    # The end

    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called, or the connection is lost."""
        closing: bool = self.transport.is_closing()
        return closing

    def close(self) -> None:
        """Close when everything written has been sent."""
        if self.state == _OPEN:
            self._say_goodbye()
        self.state = _ENDED
        self.transport.close()

    def abort(self) -> None:
        """Close now; what wasn't sent is lost."""
        self.state = _ENDED
        self.transport.abort()

    # As one of the service's connections, until the handshake is done

    def tick(self, now: float) -> None:
        """Look at the deadline; called about twice a second."""
        if now >= self.deadline:
            logger.debug("TLS handshake with %s took too long.", self._peer())
            self.abort()

    def shutdown(self) -> None:
        """The server stops: a handshake may still end."""
        self.deadline = min(self.deadline, self.service.now + _LATE)

    def is_awaited(self) -> bool:
        """Whether a client still says hello, or may be about to ask for the first time."""
        return not self.asked and self.state != _ENDED

    def detach(self) -> int:
        """Return -1: TLS can't be handed to another process."""
        return -1

    # asyncio.BaseTransport

    def set_protocol(self, protocol: Any) -> None:
        """Have another protocol served from here on."""
        self.protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self.protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `sslcontext`, `ssl_object`, `peercert`, `cipher`, or what the plain one knows."""
        if name == "ssl_object":
            return self.ssl
        if name == "sslcontext":
            return self.context
        if name == "peercert":
            return self.ssl.getpeercert()
        if name == "cipher":
            return self.ssl.cipher()
        return self.transport.get_extra_info(name, default)
