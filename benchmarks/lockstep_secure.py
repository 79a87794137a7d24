"""The lockstep's clients over TLS and with HTTP/2: each step is taken when it is asked for."""

import socket
import ssl

from ngh2 import (
    Configuration,
    Connection,
    DataReceived,
    ResponseReceived,
    Role,
    Setting,
    StreamClosed,
)

RECEIVE = 1 << 20
# As h2load has them by default, so that no window is ever in the way.
WINDOW = (1 << 30) - 1


class SecureSocket:
    """TLS on a connected socket, in the two steps of a client's handshake."""

    def __init__(self, sock: socket.socket, protocol: str) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the certificate is the benchmark's own
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        self.ssl = context.wrap_bio(self.incoming, self.outgoing)
        try:
            self.ssl.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(self.outgoing.read())

    def end_handshake(self) -> None:
        """Take the server's part; our last message leaves with the first request, as it may."""
        while True:
            self.incoming.write(self.sock.recv(RECEIVE))
            try:
                self.ssl.do_handshake()
            except ssl.SSLWantReadError:
                continue
            return

    def sendall(self, data: bytes) -> None:
        """Encrypt and send."""
        self.ssl.write(data)
        self.sock.sendall(self.outgoing.read())

    def recv(self, size: int) -> bytes:
        """Receive and decrypt some; empty at the end."""
        while True:
            try:
                return self.ssl.read(size)
            except ssl.SSLWantReadError:
                pass
            received = self.sock.recv(size)
            if not received:
                return b""
            self.incoming.write(received)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class Http2Client:
    """One connection, which asks for so many things at a time."""

    def __init__(self, sock: socket.socket | SecureSocket, streams: int) -> None:
        self.sock = sock
        self.streams = streams
        self.engine = Connection(Role.CLIENT, Configuration())
        self.engine.initiate_connection({Setting.INITIAL_WINDOW_SIZE: WINDOW})
        self.engine.set_local_window_size(WINDOW)

    def ask(self, method: str, fields: tuple[tuple[str, str], ...]) -> None:
        """Send the requests of a batch."""
        head = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", b"127.0.0.1"),
            (b":path", b"/"),
            *((name.lower().encode(), value.encode()) for name, value in fields),
        ]
        for _ in range(self.streams):
            self.engine.send_request(head, end_stream=True)
        self.sock.sendall(self.engine.data_to_send())

    def answers(self) -> bytes:
        """Read all answers of the batch; return their content. Asserts that each is a 200."""
        open_streams = self.streams
        content = b""
        while open_streams:
            received = self.sock.recv(RECEIVE)
            assert received, "the server closed the connection"
            self.engine.receive_data(received)
            for event in self.engine.events():
                if isinstance(event, ResponseReceived):
                    assert (b":status", b"200") in event.headers
                elif isinstance(event, DataReceived):
                    content += event.data
                elif isinstance(event, StreamClosed):
                    assert event.error_code == 0
                    open_streams -= 1
        return content
