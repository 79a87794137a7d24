"""One plain connection in a hub's epoll set: an `asyncio.Transport` of our own.

It keeps the interface of `asyncio.Transport`, so a protocol class can't tell the
difference.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, BinaryIO, Final

from tricorn.net import sysio
from tricorn.net.send_queue import SendQueue
from tricorn.net.sysio import Poller, monotonic, receive, receive_much
from tricorn.net.sysio import close as close_descriptor

_READABLE: Final = sysio.READABLE
_WRITABLE: Final = sysio.WRITABLE
_FILE_PIECE: Final = 1 << 20
# Seconds that answers wait for others that are to leave with them, beside the app that then runs.
SEND_WITHIN: Final = 0.001
# Received at once: worth an object of its own, that the system fills.
_MUCH: Final = 32768


class TransportSet:
    """The connections of one epoll set, and what they have in common."""

    def prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin without a connection."""
        self.loop = loop
        self.poller = Poller()
        self.transports: list[HubTransport | None] = []  # by descriptor
        self.lost: list[HubTransport] = []
        self.unsent: list[HubTransport] = []
        self.running = False  # events are being handled
        self.send_within = SEND_WITHIN
        self.sent_at = 0.0  # when all was sent, or this batch began

    def add(self, transport: HubTransport) -> None:
        """Have a transport told of its descriptor's events."""
        transports = self.transports
        while len(transports) <= transport.fd:
            transports.append(None)
        transports[transport.fd] = transport

    def send_all(self) -> None:
        """Send what the connections wrote while events were handled."""
        if self.unsent:
            unsent, self.unsent = self.unsent, []
            for transport in unsent:
                transport.send_queue()

    def add_lost(self, transport: HubTransport) -> None:
        """Have `connection_lost` called soon, outside the protocol's own calls."""
        self.lost.append(transport)
        if not self.running and len(self.lost) == 1:
            self.loop.call_soon(self.tell_lost)

    def tell_lost(self) -> None:
        """Call `connection_lost` for the connections closed meanwhile."""
        while self.lost:
            lost, self.lost = self.lost, []
            for transport in lost:
                transport.tell_lost()


class HubTransport(SendQueue):
    """One plain connection: an `asyncio.Transport` in all but ancestry."""

    def prepare(self, hub: TransportSet, fd: int, peer: Any, listener: Any) -> None:
        """Be the connection of a descriptor, which hasn't begun."""
        self.begin_queue(fd)
        self.hub = hub
        self.peer = peer
        self.listener = listener  # knows the address that the connection came to
        self.protocol: Any = None
        self.data_received: Any = None
        self.sock: socket.socket | None = None
        self.events = -1  # what epoll watches for; -1 before the first time
        self.reading = True
        self.closing = False
        self.end_read = False
        self.expects_much = False
        self.end_wanted = False  # write_eof() was called
        self.sent_at = 0.0  # without the batch
        self.file_left = 0  # of a file, while its client reads too slowly
        self.protocol_paused = False
        self.writable: asyncio.Future[None] | None = None
        self.error: BaseException | None = None

    def begin(self, protocol: Any) -> None:
        """Connect the protocol and read at once: most clients have spoken by now."""
        self.set_protocol(protocol)
        self.hub.add(self)
        protocol.connection_made(self)
        if self.fd >= 0:
            if self.reading:
                self._read()
            # A request that was answered and closed never gets into the set. While its
            # answer waits for the others, that shows when it has been sent.
            if self.fd >= 0 and not (self.pending_size and self.hub.running):
                self._watch()

    # Called by the hub

    def on_events(self, events: int) -> None:
        """Handle readiness; the events are hints, the calls tell the truth."""
        if events == _READABLE and self.reading and not self.closing:
            self._read()
            return
        if self.closing and events & _READABLE:
            # Bytes left unread at the close would reset what has just been sent.
            self._read()
        if events & _WRITABLE and (self.pending_size or self.writable is not None):
            self.send_queue()
        if self.fd >= 0 and events & ~_WRITABLE:
            if not self.reading and not self.end_read and events & ~_READABLE & ~_WRITABLE == 0:
                return
            self._read()

    def tell_lost(self) -> None:
        """Tell the protocol that this connection is over."""
        protocol = self.protocol
        self.protocol = self.data_received = None
        if protocol is not None:
            protocol.connection_lost(self.error)

    def _read(self) -> None:
        try:
            data = receive_much(self.fd) if self.expects_much else receive(self.fd)
        except OSError as error:
            self._break(error)
            return
        if data is None:
            return
        if data:
            # In the middle of an upload the next piece is as large.
            self.expects_much = len(data) >= _MUCH
            if not self.closing:
                self.data_received(data)
            return
        if self.end_read:
            # Hung up in both directions while the end was already known.
            self._break(None)
            return
        self.end_read = True
        if self.closing or not self.protocol.eof_received():
            if not self.closing:
                self.close()
            elif not self.pending_size:
                self._break(None)
        if self.fd >= 0:
            self._watch()

    def _watch(self) -> None:
        """Have epoll watch for what is wanted now."""
        events = _READABLE if self.reading and not self.end_read else 0
        if self.pending_size or self.writable is not None:
            events |= _WRITABLE
        if events != self.events:
            if self.events < 0:
                self.hub.poller.add(self.fd, events)
            else:
                self.hub.poller.modify(self.fd, events)
            self.events = events

    def read_now(self) -> None:
        """Receive what waits without being told that something does."""
        if self.reading and not self.closing and not self.end_read:
            self._read()

    # asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Whether data is being received."""
        return self.reading and not self.closing

    def pause_reading(self) -> None:
        """Leave what arrives in the system's buffers."""
        if self.reading and not self.closing:
            self.reading = False
            self._watch()

    def resume_reading(self) -> None:
        """Receive again."""
        if not self.reading and not self.closing:
            self.reading = True
            self._watch()

    # asyncio.WriteTransport

    def write(self, data: Any) -> None:
        """Send now what the system takes, and the rest when it can."""
        if self.fd < 0 or not data or self.end_wanted:
            return
        idle = not self.pending_size
        size = len(data)
        if idle and self.hub.running and size <= self.high and type(data) is bytes:
            # Most answers. What follows does the same, for less.
            self.current = data
            self.pending_size = size
            self.hub.unsent.append(self)
            return
        self.enqueue(data)
        self._send_soon(idle)

    def writelines(self, pieces: Any) -> None:
        """Send several pieces in order, in one call where that costs less than a copy."""
        if self.fd < 0 or self.end_wanted:
            return
        idle = not self.pending_size
        self.enqueue_all(pieces)
        if self.pending_size:
            self._send_soon(idle)

    def _send_soon(self, idle: bool) -> None:
        """Send with the batch that is handled, or now; if not `idle`, others are due before."""
        if self.hub.running:
            if self.pending_size > self.high:
                self.send_queue()
            elif idle:
                self.hub.unsent.append(self)
        elif idle:
            self.send_queue()
        if self.pending_size > self.high and not self.protocol_paused:
            self.protocol_paused = True
            self.protocol.pause_writing()

    def is_due(self) -> bool:
        """Whether what is queued has waited long enough for the batch."""
        hub = self.hub
        return monotonic() - max(hub.sent_at, self.sent_at) > hub.send_within

    def send_now(self) -> None:
        """Send what is queued, without the batch."""
        self.sent_at = monotonic()
        self.send_queue()

    def send_queue(self) -> None:
        """Send what is queued, as far as the system takes it."""
        if self.fd < 0:
            return
        try:
            self.transmit_queued()
        except OSError as error:
            self._break(error)
            return
        if not self.pending_size and self.events == _READABLE:
            # Nobody waited for it, as mostly.
            if not (self.protocol_paused or self.closing or self.end_wanted):
                return
        self._sent()

    def _sent(self) -> None:
        """Tell those who waited for what has just been sent."""
        if self.writable is not None and not self.pending_size and not self.writable.done():
            self.writable.set_result(None)
            self.writable = None
        if self.protocol_paused and self.pending_size <= self.low:
            self.protocol_paused = False
            self.protocol.resume_writing()
        if self.fd >= 0 and not self.pending_size:
            if self.end_wanted:
                self._shut_write()
            if self.closing:
                self._break(None)
                return
        if self.fd >= 0:
            self._watch()

    def can_write_eof(self) -> bool:
        """Whether `write_eof` works; it does."""
        return True

    def write_eof(self) -> None:
        """End our side of the stream behind what was written."""
        if not self.end_wanted and self.fd >= 0:
            self.end_wanted = True
            if not self.pending_size:
                self._shut_write()

    def _shut_write(self) -> None:
        try:
            self.socket().shutdown(socket.SHUT_WR)
        except OSError as error:
            self._break(error)

    def get_write_buffer_size(self) -> int:
        """Bytes written and not yet taken by the system."""
        return self.pending_size + self.file_left

    async def send_file(self, file: BinaryIO, offset: int, count: int) -> int:
        """Have the system copy `count` bytes of `file` to the peer (sendfile(2)).

        Returns how many there were: a file may be cut meanwhile. Waits for what was
        written before. Raises ConnectionError when the connection is lost.
        """
        left = count
        source = file.fileno()
        while left:
            if self.pending_size:
                await self._until_writable(left)
            if self.fd < 0:
                raise ConnectionResetError("the connection is lost")
            try:
                sent = os.sendfile(self.fd, source, offset, min(left, _FILE_PIECE))
            except BlockingIOError:
                await self._until_writable(left)
                continue
            except OSError as error:
                self._break(error)
                raise
            if sent == 0:
                break
            offset += sent
            left -= sent
            # A fast reader must not keep the loop for the length of the file.
            await asyncio.sleep(0)
        return count - left

    async def _until_writable(self, left: int) -> None:
        """Wait to send `left` bytes of a file. The protocol sees that nothing moves."""
        if self.fd < 0:
            raise ConnectionResetError("the connection is lost")
        if self.writable is None:
            self.writable = self.hub.loop.create_future()
            self._watch()
        self.file_left = left
        if not self.protocol_paused:
            self.protocol_paused = True
            self.protocol.pause_writing()
        await asyncio.shield(self.writable)
        self.file_left = 0

    # asyncio.BaseTransport

    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called, or the connection is lost."""
        return self.closing

    def close(self) -> None:
        """Close when everything written has been sent."""
        if not self.closing:
            self.closing = True
            if not self.pending_size:
                self._break(None)

    def abort(self) -> None:
        """Close now; what wasn't sent is lost."""
        self.closing = True
        self._break(None)

    def detach(self) -> int:
        """Give the open descriptor away; the protocol is told that the connection is over.

        Returns -1, and does nothing, where something is still to be sent or was read to its end.
        """
        if self.closing or self.pending_size or self.end_read:
            return -1
        # While the copy is open, closing the original wouldn't take it out of the epoll set.
        fd = os.dup(self.fd)
        self.hub.poller.remove(self.fd)
        self._break(None)
        return fd

    def fail(self, error: BaseException) -> None:
        """Give up a connection whose protocol is broken."""
        self._break(error)

    def _break(self, error: BaseException | None) -> None:
        """Close the descriptor and have the protocol told."""
        fd = self.fd
        if fd < 0:
            return
        self.fd = -1
        self.closing = True
        self.error = error
        hub = self.hub
        if fd < len(hub.transports):  # it may never have begun
            hub.transports[fd] = None
        self.drop_queue()
        # Closing takes it out of the epoll set.
        if self.sock is not None:
            self.sock.close()
        else:
            close_descriptor(fd)
        if self.writable is not None and not self.writable.done():
            self.writable.set_result(None)
            self.writable = None
        hub.add_lost(self)

    def set_protocol(self, protocol: Any) -> None:
        """Have another protocol served from here on."""
        self.protocol = protocol
        self.data_received = protocol.data_received

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self.protocol

    def socket(self) -> socket.socket:
        """Return the connection as a socket object, made when first asked for."""
        if self.sock is None:
            self.sock = socket.socket(fileno=self.fd)
        return self.sock

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername`, `sockname` or `socket`; `default` for other names."""
        if name == "peername":
            return self.peer
        if name == "sockname":
            if self.listener.is_wildcard and self.fd >= 0:
                return self.socket().getsockname()
            return self.listener.sockname
        if name == "socket" and self.fd >= 0:
            return self.socket()
        return default


def open_transport(hub: TransportSet, fd: int, peer: Any, listener: Any) -> HubTransport:
    """Make a transport, for less than calling the class costs."""
    transport = HubTransport.__new__(HubTransport)
    transport.prepare(hub, fd, peer, listener)
    return transport
