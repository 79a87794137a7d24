"""One call of a WSGI app: its thread on one side, its ASGI request on the other.

```
 loop     converse() ──submit──► …waits… ◄─ring─ look() ──► sends ──► …waits… ──► returns
                          │                  ▲                 │           ▲
 thread                   └─► run(): app ────┘ put, fetch      └─► goes on ┘ finished
```

The thread puts messages down and rings; only when many are under way does it wait for
the loop to have sent them. When it wants content it waits for the loop to bring it.
Each attribute is written by one side only, but for flags that one side sets and the
other clears; whoever waits sets its flag first and looks again before it sleeps.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, Final

from tricorn.asgi.wsgi_file import Region
from tricorn.asgi.wsgi_response import Response, WSGIApp
from tricorn.asgi.wsgi_threads import Doorbell, ThreadPool

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Close = Callable[[], object]

# Content put down and not yet sent, beyond which the thread waits: bytes, and messages.
_MOST_BYTES: Final = 65536
_MOST_MESSAGES: Final = 32

_NONE: Final[list[Any]] = []  # never added to
_NO_CONTENT: Final = (b"", False)


class Call:
    """A call of `app` in a thread of `pool`. `converse` is its life in the loop."""

    def __init__(
        self, app: WSGIApp, environ: dict[str, Any], pool: ThreadPool, doorbell: Doorbell
    ) -> None:
        self.app = app
        self.environ = environ
        self.pool = pool
        self.doorbell = doorbell
        self.context = contextvars.copy_context()
        self.sends_files = False
        # Written by the thread.
        self.started = False
        self.messages: list[Message] = []
        self.put_bytes = 0
        self.region: Region | None = None
        self.left_open: Close | None = None  # what is to be called when the file is sent
        self.closes: list[Close] = _NONE  # the same, for the first who takes it
        self.error: BaseException | None = None
        self.finished = False
        # Written by the loop.
        self.sent_bytes = 0
        self.gone = False  # nothing can be sent any more
        self.left = False  # the client has gone
        self.failure: BaseException | None = None  # why a message could not be sent
        self.waiter: asyncio.Future[None] | None = None
        self.content = _NO_CONTENT
        # Flags: the first three are set by the thread and cleared by the loop.
        self.rung = False
        self.wants_content = False
        self.sleeps = False
        self.mail: SimpleQueue[None] | None = None

    # In the thread

    def run(self) -> None:
        """Run the app; the second time, close what it returned. Called by the pool."""
        if self.started:
            self.context.run(self._close)
            return
        self.started = True
        self.context.run(self._run)
        if self.left_open is not None:
            # Not before the context is free for the thread that closes.
            self.closes = [self.left_open]
            if self.gone:
                self.context.run(self._close)  # nobody sends the file
            else:
                self._ring()

    def _run(self) -> None:
        try:
            response = Response(self, self.environ["REQUEST_METHOD"] == "HEAD")
            self.left_open = response.run(self.app, self.environ)
        except BaseException as error:
            self.error = _without_own_frames(error)
        if self.left_open is None:
            self.finished = True
            self._ring()

    def _close(self) -> None:
        """Call what is to be called when the file is sent; only once, whoever asks."""
        try:
            close = self.closes.pop()
        except IndexError:
            return
        try:
            close()
        except BaseException as error:
            self.error = _without_own_frames(error)
        self.finished = True
        self._ring()

    def _ring(self) -> None:
        if not self.rung:
            self.rung = True
            self.doorbell.ring(self)

    def _sleep_while(self, condition: Callable[[], bool]) -> None:
        if self.mail is None:
            self.mail = SimpleQueue()
        while condition():
            self.sleeps = True
            if condition():
                self.mail.get()

    def put_head(self, code: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Put down the head. It leaves with what follows."""
        self._check_way()
        self.messages.append({"type": "http.response.start", "status": code, "headers": fields})

    def put(self, content: bytes) -> None:
        """Put down a piece of content; wait while many are under way."""
        self._check_way()
        self.messages.append({"type": "http.response.body", "body": content, "more_body": True})
        self.put_bytes += len(content)
        self._ring()
        if self._is_full():
            self._sleep_while(self._is_full)

    def put_last(self, content: bytes) -> None:
        """Put down the last piece of content."""
        self._check_way()
        self.messages.append({"type": "http.response.body", "body": content})
        self.put_bytes += len(content)
        self._ring()

    def put_file(self, region: Region) -> None:
        """Put down a file as the rest of the content."""
        self._check_way()
        self.region = region

    def fetch(self) -> tuple[bytes, bool]:
        """Wait for the next piece of content; also say whether there is more.

        Raises ConnectionAbortedError when the client has gone before its content's end.
        """
        if not self.left and not self.gone:
            self.wants_content = True
            self._ring()
            self._sleep_while(self._lacks_content)
        if self.left or self.gone:
            raise ConnectionAbortedError("the client has gone before its content was complete")
        return self.content

    def _is_full(self) -> bool:
        pending = self.put_bytes - self.sent_bytes
        return not self.gone and (pending > _MOST_BYTES or len(self.messages) > _MOST_MESSAGES)

    def _lacks_content(self) -> bool:
        return self.wants_content and not self.gone

    def _check_way(self) -> None:
        if self.gone:
            raise ConnectionAbortedError("the client has gone")

    # In the loop

    def look(self) -> None:
        """The thread has rung."""
        self.rung = False
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def converse(self, receive: Receive, send: Send) -> None:
        """Have the app run, and carry messages both ways until it has ended.

        Raises what the app raised, unless that is due to the client's leaving.
        """
        self.pool.submit(self)
        try:
            while not self.finished or self.messages:
                if self.messages:
                    await self._send_messages(send)
                elif self.closes:
                    await self._send_file(send)
                elif self.wants_content:
                    await self._bring_content(receive)
                else:
                    self.waiter = self.doorbell.loop.create_future()
                    await self.waiter
        finally:
            self._leave()
        error, self.error = self.failure or self.error, None
        if error is not None and not self._is_due_to_client(error):
            raise error

    async def _send_messages(self, send: Send) -> None:
        messages = self.messages
        while messages:
            message = messages.pop(0)
            if not self.gone:
                try:
                    await send(message)
                except Exception as error:
                    self._fail(error)
            if "body" in message:
                self.sent_bytes += len(message["body"])
        if self.sleeps:
            self._wake()

    async def _send_file(self, send: Send) -> None:
        """Send the file without a thread, and have a thread close it."""
        region, self.region = self.region, None
        if region is not None:
            file, offset, size = region
            message = {"type": "http.response.zerocopysend", "file": file}
            try:
                if not self.gone:
                    await send({**message, "offset": offset, "count": size})
            except Exception as error:
                self._fail(error)
            finally:
                self.pool.submit(self)
        self.waiter = self.doorbell.loop.create_future()
        if not self.finished:
            await self.waiter

    def _fail(self, error: Exception) -> None:
        # An OSError says that the client has gone; anything else, that the app erred.
        if isinstance(error, OSError):
            self.left = True
        else:
            self.failure = error
        self._lose_way()

    async def _bring_content(self, receive: Receive) -> None:
        message = await receive()
        if message["type"] == "http.disconnect":
            self.left = True
        else:
            self.content = message.get("body", b""), bool(message.get("more_body", False))
        self.wants_content = False
        self._wake()

    def _leave(self) -> None:
        """Let the thread know that nobody listens any more."""
        self._lose_way()
        if self.region is not None and self.closes:
            self.pool.submit(self)

    def _lose_way(self) -> None:
        self.gone = True
        self._wake()

    def _wake(self) -> None:
        if self.sleeps:
            self.sleeps = False
            if self.mail is not None:
                self.mail.put(None)

    def _is_due_to_client(self, error: BaseException) -> bool:
        return error is not self.failure and self.left and isinstance(error, ConnectionError)


def _without_own_frames(error: BaseException) -> BaseException:
    """The error with a traceback that begins in the app, if it got that far."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        if not traceback.tb_frame.f_globals.get("__name__", "").startswith(__package__ + ".wsgi"):
            break
        traceback = traceback.tb_next
    return error.with_traceback(traceback)
