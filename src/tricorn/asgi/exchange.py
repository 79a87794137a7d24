"""One HTTP request and its response, as an ASGI app sees them.

The only place that knows what an app may receive and send, in which order, and what
happens when it breaks the rules (ASGI HTTP specification 2.5). The order is drawn in
`phase.py`; what the specification's extensions add is in `extensions.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from tricorn.asgi.call import AppCall
from tricorn.asgi.extensions import take_extension
from tricorn.asgi.failure import (
    ClientDisconnected,
    drop_our_frames,
    tells_of_disconnect,
)
from tricorn.asgi.message import (
    Message,
    incomplete,
    mark_as_coroutine_function,
    plain_bytes,
    plain_fields,
    plain_kind,
    plain_message,
    plain_status,
)
from tricorn.asgi.phase import BODY, COMPLETE, EXPECT_START, HELD, TRAILERS, out_of_order
from tricorn.asgi.ready import READY, WakeUp, failed
from tricorn.asgi.step import bind
from tricorn.asgi.stream import FieldLines, Stream
from tricorn.product import product_logger
from tricorn.wire.errors import ResponseError

Scope = dict[str, Any]
App = Callable[..., Awaitable[object]]

logger = product_logger("error")

# A piece of content of so many bytes is a message of its own: joining it costs more.
_NOT_JOINED: Final = 16384

_START_KIND: Final = "http.response.start"
_BODY_KIND: Final = "http.response.body"
_CONTENT: Final[Message] = {"type": "http.request", "body": b"", "more_body": True}
_LAST_CONTENT: Final[Message] = {"type": "http.request", "body": b"", "more_body": False}
_DISCONNECT: Final = "http.disconnect"

# The app's own strings for the two kinds of message, once it has sent them: a string is
# compared with itself at once.
_start_met: str = _START_KIND
_body_met: str = _BODY_KIND

_INTERNAL_ERROR: Final = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"connection", b"close"),
]


class Exchange(AppCall):
    """One call of the app. `receive` and `send` are what the app gets."""

    def __init__(self, stream: Stream, app: App, scope: Scope, has_content: bool) -> None:
        self.prepare(stream, app, scope, has_content)

    def prepare(self, stream: Stream, app: App, scope: Scope, has_content: bool) -> None:
        """Do what `__init__` does."""
        self.stream = stream
        self.app = app
        self.scope = scope
        self.task = None
        self.ended = False
        self.phase = EXPECT_START
        self.status = 0
        self.fields: FieldLines = ()
        self.promises_trailers = False
        # Content that has arrived and that the app hasn't received.
        self.content: list[bytes] | None = None
        self.content_size = 0
        self.content_ended = not has_content
        self.end_received = False
        self.gone = False
        self.half_gone = False
        self.wants_content = False
        self.wake_up: WakeUp | None = None

    # What the app calls

    async def receive(self) -> Message:
        """Return the next `http.request` or `http.disconnect` message."""
        while True:
            if self.content or (self.content_ended and not self.end_received):
                if not self.gone or self.content_ended:
                    return self._next_content()
            if self.gone or self.half_gone or self.phase == COMPLETE:
                return {"type": _DISCONNECT}
            if not self.content_ended:
                self.wants_content = True
                self.stream.want_content()
                if self.content or self.content_ended or self.gone:
                    continue
            if self.wake_up is None:
                self.wake_up = WakeUp()
            await self.wake_up.wait()

    def send(self, message: Message) -> Coroutine[Any, Any, None]:
        """Take the next message of the response.

        What is wrong with it is raised when the result is awaited: RuntimeError for
        a message out of order or against HTTP, `ClientDisconnected` when the client
        is gone, TypeError or ValueError for a malformed one.
        """
        try:
            if type(message) is not dict:
                message = plain_message(message)
            awaitable = self._take(message)
        except ResponseError as error:
            return failed(RuntimeError(str(error)))
        except KeyError as error:
            return failed(incomplete(message, error))
        except Exception as error:
            return failed(error)
        if self.stream.write_paused and awaitable is READY:
            return self.stream.drained()
        return awaitable  # type: ignore[no-any-return]

    # The call

    def begin(self) -> Awaitable[object]:
        """Call the app; return what is to be awaited."""
        return self.app(self.scope, bind(_RECEIVE, self), bind(_SEND, self))

    def returned(self, result: object) -> None:
        """The app has returned."""
        if result is None and self.phase == COMPLETE and self.task is None:
            self.ended = True
            return
        AppCall.returned(self, result)

    def _tell_end(self) -> None:
        self.stream.app_ended(self)

    # What the wire calls

    def feed(self, data: bytes) -> None:
        """Take a piece of content."""
        if self.content is None:
            self.content = [data]
        else:
            self.content.append(data)
        self.content_size += len(data)
        if self.wake_up is not None:
            self.wake_up.wake()

    def feed_end(self) -> None:
        """The content is complete."""
        self.content_ended = True
        if self.wake_up is not None:
            self.wake_up.wake()

    def disconnected(self) -> None:
        """The client is gone."""
        self.gone = True
        if self.wake_up is not None:
            self.wake_up.wake()

    def end_of_client(self) -> None:
        """The client sends no more and has not been heard of since.

        The app is told that it is gone, but may send: it may only have ended its
        side of the connection.
        """
        self.half_gone = True
        if self.wake_up is not None:
            self.wake_up.wake()

    @property
    def complete(self) -> bool:
        """Whether the whole response has been sent."""
        return self.phase == COMPLETE

    @property
    def started(self) -> bool:
        """Whether a byte of the response has been sent."""
        return self.phase >= BODY

    # Receiving

    def _next_content(self) -> Message:
        content = self.content
        ended = self.content_ended
        if not content:
            body = b""
        elif len(content) == 1 or len(content[0]) < _NOT_JOINED:
            body = content[0] if len(content) == 1 else b"".join(content)
            self.content = None
            self.content_size = 0
        else:
            body = content.pop(0)
            self.content_size -= len(body)
            ended = False
        self.wants_content = False
        # A copy with all keys in place costs less than filling an empty dict.
        if ended:
            self.end_received = True
            message = _LAST_CONTENT.copy()
        else:
            message = _CONTENT.copy()
        message["body"] = body
        return message

    # Sending

    def _take(self, message: Message) -> Any:
        """Take a message; return what `send()` returns unless the client is slow."""
        kind = message["type"]
        if kind is _body_met:
            self._take_body(message)
        elif kind is _start_met:
            self._take_start(message)
        else:
            return self._take_unusual(kind, message)
        return READY

    def _take_unusual(self, kind: Any, message: Message) -> Any:
        """Take a message of another kind, or whose kind is a string not met before."""
        global _body_met, _start_met
        if type(kind) is not str:
            kind = plain_kind(kind)
        if kind == _START_KIND:
            _start_met = kind
            self._take_start(message)
        elif kind == _BODY_KIND:
            _body_met = kind
            self._take_body(message)
        else:
            return take_extension(self, kind, message)
        return READY

    def _take_start(self, message: Message) -> None:
        status = message["status"]
        fields = message.get("headers")
        if self.phase != EXPECT_START:
            raise RuntimeError("the app sent 'http.response.start' twice")
        if self.gone:
            raise ClientDisconnected("the client has disconnected")
        if type(status) is not int:
            status = plain_status(status)
        self.status = status
        if type(fields) is not list:
            fields = [] if fields is None else plain_fields(fields)
        self.fields = fields
        # Most messages have no fourth key, so that it needn't be looked for.
        if (len(message) > 3 or not fields) and message.get("trailers", False):
            self.promises_trailers = True
        self.phase = HELD

    def _take_body(self, message: Message) -> None:
        phase = self.phase
        if phase != HELD and phase != BODY:
            raise out_of_order(phase, _BODY_KIND)
        if self.gone:
            raise ClientDisconnected("the client has disconnected")
        body = message.get("body", b"")
        if type(body) is not bytes:
            body = plain_bytes(body, "body")
        # Where content is all there is beside the kind, nothing needs to be looked for.
        more = (len(message) > 2 or not body) and bool(message.get("more_body", False))
        keep_open = more or self.promises_trailers
        if phase == HELD:
            # Stays held when HTTP forbids the head: a 500 can still be sent.
            self.stream.start(self.status, self.fields, body, keep_open)
            self.head_sent()
        elif body or not keep_open:
            self.stream.write(body, keep_open)
        if not more:
            self.content_sent()

    # What an extension calls too

    def head_sent(self) -> None:
        """The head is on its way."""
        self.phase = BODY
        self.fields = ()  # from here on those of the trailer section

    def content_sent(self) -> None:
        """So is the last content."""
        if self.promises_trailers:
            self.phase = TRAILERS
        else:
            self.completed()

    def completed(self) -> None:
        """So is the whole response."""
        self.phase = COMPLETE
        if self.wake_up is not None:
            self.wake_up.wake()

    # How the app's call ended

    def _app_failed(self, error: BaseException | None) -> None:
        """Tell the developer, and the client: 500, or a response cut short."""
        if error is not None and not (self.gone and tells_of_disconnect(error)):
            drop_our_frames(error)
            logger.error("Exception in ASGI application\n", exc_info=error)
        self._end_broken()

    def _app_returned(self, result: object) -> None:
        if result is not None:
            logger.error("ASGI callable should return None, but returned '%s'.", result)
        if self.phase == COMPLETE or self.gone:
            return
        if self.phase <= HELD:
            missing = "starting" if self.phase == EXPECT_START else "completing"
            logger.error("ASGI callable returned without %s response.", missing)
        else:
            logger.error("ASGI callable returned without completing response.")
        self._end_broken()

    def _end_broken(self) -> None:
        if self.phase == COMPLETE or self.gone:
            return
        if self.phase <= HELD:
            body = b"Internal Server Error"
            fields = [*_INTERNAL_ERROR, (b"content-length", str(len(body)).encode())]
            self.stream.start(500, fields, body, False)
            self.completed()
        else:
            self.stream.abort()


def open_exchange(stream: Stream, app: App, scope: Scope, has_content: bool) -> Exchange:
    """Make an exchange, for less than calling the class costs."""
    exchange = Exchange.__new__(Exchange)
    exchange.prepare(stream, app, scope, has_content)
    return exchange


# What `begin` binds: getting a bound method as an attribute costs three times as much.
_RECEIVE: Final[Any] = Exchange.receive
_SEND: Final[Any] = Exchange.send

mark_as_coroutine_function(_RECEIVE)
mark_as_coroutine_function(_SEND)
