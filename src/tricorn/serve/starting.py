"""Health checks while the app is imported and starts.

Nobody accepts connections by then, so that no request is lost to a start that fails or takes
long. A load balancer that checks would run into its timeout. So a thread accepts, answers the
checks, and keeps whoever asks for anything else; the server takes those over once it serves.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Sequence
from typing import Final

from tricorn.net.health import starting_answer

# A check's head is shorter. Who sends more at first is kept.
_MOST: Final = 4096
_END: Final = b"\r\n\r\n"


class StartingChecks:
    """Answers `path` on listening sockets of this process, until `stop`.

    The sockets are non-blocking, and nobody else accepts from them meanwhile. At most so many
    connections as `most` are held; further ones wait in the backlog.
    """

    def __init__(self, sockets: Sequence[socket.socket], path: str, most: int) -> None:
        self._listening = set(sockets)
        self._heads = tuple(
            f"{method} {path}{end}".encode() for method in ("GET", "HEAD") for end in (" ", "?")
        )
        self._most = most
        # By connection, in the order of their coming: the socket that it came by.
        self._held: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="tricorn-starting", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        for sock in self._listening:
            self._selector.register(sock, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> list[tuple[socket.socket, socket.socket]]:
        """End, and return who is held: connections, each with the socket that it came by."""
        if self._thread.is_alive():
            self._waker.send(b"\0")
            self._thread.join()
        self._selector.close()
        self._wakeup.close()
        self._waker.close()
        held, self._held = self._held, {}
        return [(connection, listening) for connection, listening in held.items()]

    def _run(self) -> None:
        while not self._over:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._wakeup:
                    self._over = True
                elif sock in self._listening:
                    self._accept(sock)
                else:
                    self._look_at(sock)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError:
            # Out of descriptors, say: the server will meet it too, and tell.
            self._accept_no_more()
            return
        connection.setblocking(False)
        self._held[connection] = listening
        self._selector.register(connection, selectors.EVENT_READ)
        if len(self._held) >= self._most:
            self._accept_no_more()

    def _accept_no_more(self) -> None:
        for sock in self._listening:
            with contextlib.suppress(KeyError):  # it is no more watched
                self._selector.unregister(sock)

    def _look_at(self, connection: socket.socket) -> None:
        """Answer a check; leave what anybody else has sent where it is."""
        self._selector.unregister(connection)
        try:
            head = connection.recv(_MOST, socket.MSG_PEEK)
            if head.startswith(self._heads) and head.endswith(_END):
                connection.recv(len(head))
                connection.send(starting_answer(head.startswith(b"HEAD")))
            elif head:
                return
        except OSError:
            pass  # it has left
        del self._held[connection]
        connection.close()
