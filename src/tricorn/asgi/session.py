"""One WebSocket, as an ASGI app sees it.

The only place that knows what an app may receive and send on a WebSocket, in which order,
and what happens when it breaks the rules (ASGI WebSocket specification 2.5).

```
             websocket.accept         websocket.close
 CONNECTING ──────────────────► OPEN ─────────────────► CLOSED
     │  │        websocket.close (403), or the app fails (500)  ▲  ▲
     │  └───────────────────────────────────────────────────────┘  │
     │ websocket.http.response.start       last response.body      │
     └──────────────────────────► HELD ──► DENYING ────────────────┘
```

Beside the phase stands `gone`: the client has closed, was lost, or was closed by the
server. From then on nothing can be sent. What arrived before it is still received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

from tricorn.asgi.failure import (
    ClientDisconnected,
    drop_our_frames,
    tells_of_disconnect,
)
from tricorn.asgi.handover import Steps
from tricorn.asgi.inbox import Inbox
from tricorn.asgi.message import (
    Message,
    incomplete,
    mark_as_coroutine_function,
    plain_bytes,
    plain_fields,
    plain_message,
    plain_status,
    plain_str,
)
from tricorn.asgi.ready import READY, failed
from tricorn.asgi.step import bind
from tricorn.asgi.stream import FieldLines, SessionStream
from tricorn.asgi.task import TaskStarter
from tricorn.product import product_logger
from tricorn.wire.errors import ResponseError

logger = product_logger("error")

_CONNECTING: Final = 0
_OPEN: Final = 1
_HELD: Final = 2  # a denial's head, until its first body
_DENYING: Final = 3
_CLOSED: Final = 4

_SEND_KIND: Final = "websocket.send"
# The keys of an app's messages. Those in its code are these very objects.
_TYPE: Final = "type"
_TEXT: Final = "text"
_BYTES: Final = "bytes"
# The app's own string for the kind, once it has sent it: a string is compared with itself at once.
_send_met: str = _SEND_KIND
_READY: Final = READY
_DENIAL: Final = [(b"content-type", b"text/plain; charset=utf-8")]

NORMAL: Final = 1000
LOST: Final = 1006
INTERNAL_ERROR: Final = 1011
RESTARTING: Final = 1012


class Session(Inbox):
    """One call of the app. `receive` and `send` are what the app gets.

    `queue_limit` is the inbox's.
    """

    def __init__(
        self,
        stream: SessionStream,
        app: Any,
        scope: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        queue_limit: int,
    ) -> None:
        super().__init__(stream, loop, queue_limit)
        self.app = app
        self.scope = scope
        self.task = None
        self.ended = False
        self.phase = _CONNECTING
        self.gone = False
        self.status = 0  # of a denial whose head is held
        self.fields: FieldLines = ()

    # What the app calls

    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """Take the app's next message.

        What is wrong with it is raised when the result is awaited: RuntimeError for a
        message out of order, `ClientDisconnected` when the client is gone, TypeError or
        ValueError for a malformed one.
        """
        try:
            if type(message) is not dict:
                message = plain_message(message)
            self._take(message)
        except ResponseError as error:
            return failed(RuntimeError(str(error)))
        except KeyError as error:
            return failed(incomplete(message, error))
        except Exception as error:
            return failed(error)
        if self.stream.write_paused:
            return self.stream.drained()
        return _READY  # type: ignore[return-value]  # has the protocol, see Ready

    # The call

    def start(self, starter: TaskStarter) -> asyncio.Task[None] | None:
        """Call the app in a task of its own; return the task if it isn't done."""
        if starter.eager:
            self.steps = Steps(self, self.loop)
            task = starter.start(self.steps.first)
        else:
            task = starter.start(self.run())
        if self.ended:
            return None
        self.task = task
        if self.steps is not None:
            self.steps.task = task
        return task

    def begin(self) -> Awaitable[object]:
        """Call the app; return what is to be awaited."""
        awaitable: Awaitable[object] = self.app(self.scope, bind(_RECEIVE, self), bind(_SEND, self))
        return awaitable

    def _tell_end(self) -> None:
        self.stream.app_ended(self)

    # What the wire calls

    def disconnected(self, code: int, reason: str) -> None:
        """The client closed, was lost, or was closed by the server. Tell the app, once."""
        self.gone = True
        self.queue_end(code, reason)
        self.stream.wake_writers()

    # Sending

    def _take(self, message: Message) -> None:
        kind: Any = None
        text: Any = None
        data: Any = None
        # One look at each key costs less than asking for each that may be there.
        for key, value in message.items():
            if key is _TYPE:
                kind = value
            elif key is _TEXT:
                text = value
            elif key is _BYTES:
                data = value
            else:
                self._take_unusual(message)
                return
        if kind is _send_met and self.phase == _OPEN:
            self._take_send(text, data)
        else:
            self._take_unusual(message)

    def _take_unusual(self, message: Message) -> None:
        """Take a message of another kind, with other keys, or with strings not met before."""
        global _send_met
        kind = message["type"]
        if self.phase == _OPEN and kind == _SEND_KIND:
            if type(kind) is str:
                _send_met = kind
            self._take_send(message.get("text"), message.get("bytes"))
        else:
            self._take_other(kind, message)

    def _take_send(self, text: Any, data: Any) -> None:
        if self.gone:
            raise ClientDisconnected("the client has disconnected")
        if text is not None:
            if type(text) is not str:
                text = _plain_text(text)
            if data is not None:
                raise ValueError("'websocket.send' has both 'text' and 'bytes': send two messages")
            self.stream.send_text(text)
            return
        if data is None:
            raise ValueError("'websocket.send' needs 'text' or 'bytes'")
        if type(data) is not bytes:
            data = plain_bytes(data, "bytes")
        self.stream.send_binary(data)

    def _take_other(self, kind: str, message: Message) -> None:
        """Take what isn't a message to an open WebSocket."""
        if self.phase == _CLOSED:
            end = "its call had ended" if self.ended else "'websocket.close'"
            raise RuntimeError(f"the app sent {kind!r} after {end}")
        if self.phase == _CONNECTING and kind == "websocket.accept":
            self._refuse_if_gone()
            self._take_accept(message)
        elif kind == "websocket.close" and self.phase <= _OPEN:
            self._take_close(message)
        elif kind == "websocket.http.response.start" and self.phase == _CONNECTING:
            self._refuse_if_gone()
            self.status = plain_status(message["status"])
            self.fields = plain_fields(message.get("headers") or [])
            self.phase = _HELD
        elif kind == "websocket.http.response.body" and self.phase in (_HELD, _DENYING):
            self._refuse_if_gone()
            self._take_denial_body(message)
        else:
            raise self._out_of_order(kind)

    def _refuse_if_gone(self) -> None:
        if self.gone:
            raise ClientDisconnected("the client has disconnected")

    def _take_accept(self, message: Message) -> None:
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and not isinstance(subprotocol, str):
            raise TypeError(f"'subprotocol' must be a str, not {type(subprotocol).__name__}")
        if subprotocol and subprotocol not in self.scope.get("subprotocols", ()):
            # RFC 6455 §4.1: a client has to fail for one that it didn't offer.
            logger.warning("The client offered no subprotocol %r: accepted without.", subprotocol)
            subprotocol = None
        fields = plain_fields(message.get("headers") or [])
        self.phase = _OPEN
        try:
            self.stream.accept(plain_str(subprotocol) if subprotocol else None, fields)
        except BaseException:
            self.phase = _CONNECTING
            raise

    def _take_close(self, message: Message) -> None:
        code = message.get("code")
        code = NORMAL if code is None else code
        reason = message.get("reason") or ""
        if not isinstance(code, int) or isinstance(code, bool) or not isinstance(reason, str):
            raise TypeError("'code' must be an int and 'reason' a str")
        # Codes often are an enumeration's.
        code, reason = int(code), plain_str(reason)
        if self.phase == _CONNECTING:
            self._refuse_if_gone()
            self._deny(403)
        elif not self.gone:
            self.stream.close(code, reason)
            self.phase = _CLOSED
            self.queue_end(code, reason)
        else:
            # Both sides closed at once: what the app wanted has come true.
            self.phase = _CLOSED

    def _deny(self, status: int) -> None:
        """Refuse the handshake without a word of the app's."""
        body = b"Internal Server Error" if status == 500 else b""
        fields = [(b"content-length", str(len(body)).encode())]
        self.stream.deny(status, _DENIAL + fields if body else fields, body, False)
        self._denied()

    def _denied(self) -> None:
        self.phase = _CLOSED
        self.queue_end(LOST, "")

    def _take_denial_body(self, message: Message) -> None:
        body = message.get("body", b"")
        if type(body) is not bytes:
            body = plain_bytes(body, "body")
        more = bool(message.get("more_body", False))
        if self.phase == _HELD:
            # Stays held when HTTP forbids the head: a 500 can still be sent.
            self.stream.deny(self.status, self.fields, body, more)
            self.phase = _DENYING
        else:
            self.stream.deny_more(body, more)
        if not more:
            self._denied()

    def _out_of_order(self, kind: str) -> RuntimeError:
        if self.phase == _CONNECTING:
            if kind == _SEND_KIND:
                return RuntimeError("the app sent 'websocket.send' before 'websocket.accept'")
            return RuntimeError(
                f"the app sent {kind!r} in place of 'websocket.accept', 'websocket.close' or "
                "'websocket.http.response.start'"
            )
        if self.phase == _OPEN:
            return RuntimeError(
                f"the app sent {kind!r} in place of 'websocket.send' or 'websocket.close'"
            )
        return RuntimeError(f"the app sent {kind!r} in place of 'websocket.http.response.body'")

    # How the app's call ended

    def _app_failed(self, error: BaseException | None) -> None:
        """Tell the developer, and the client: 500, or 1011, or 1012 for a stopping server."""
        if error is not None and not (self.gone and tells_of_disconnect(error)):
            drop_our_frames(error)
            logger.error("Exception in ASGI application\n", exc_info=error)
        self._end(RESTARTING if error is None else INTERNAL_ERROR)

    def _app_returned(self, result: object) -> None:
        if result is not None:
            logger.error("ASGI callable should return None, but returned '%s'.", result)
        if not self.gone and self.phase == _CONNECTING:
            logger.error("ASGI callable returned without sending handshake.")
        elif not self.gone and self.phase in (_HELD, _DENYING):
            logger.error("ASGI callable returned without completing handshake.")
        self._end(NORMAL)

    def _end(self, code: int) -> None:
        if self.gone or self.phase == _CLOSED:
            self.phase = _CLOSED
            return
        if self.phase == _OPEN:
            self.phase = _CLOSED
            self.stream.close(code, "")
            # A task that the app has left behind may wait.
            self.queue_end(code, "")
        elif self.phase == _DENYING:
            self.phase = _CLOSED
            self.stream.abort()
        else:
            self._deny(500)


def _plain_text(text: Any) -> str:
    if isinstance(text, str):
        return plain_str(text)
    raise TypeError(f"'text' must be a str, not {type(text).__name__}")


# What `begin` binds: getting a bound method as an attribute costs three times as much.
_RECEIVE: Final[Any] = Session.receive
_SEND: Final[Any] = Session.send

mark_as_coroutine_function(_SEND)
