"""The access log: one line a request, at a price that lets it stay on.

While the product's access logger is as tricorn configures it, a line is put together from parts
that were made before, and the lines of one turn of the loop leave in one write. As soon as
somebody has added a handler, a filter, a formatter or a record factory of their own, each request
becomes a `LogRecord`, with the five arguments that Uvicorn gives it.

What is written can't be forged: the target is escaped (see `escape.py`), in records too.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from tricorn.product import logger_name
from tricorn.watch.escape import printable, printable_target
from tricorn.watch.formatters import ACCESS_FORMAT, AccessFormatter

__all__ = ["AccessLog"]

INFO = logging.INFO
_RECORD = '%s - "%s %s HTTP/%s" %d'

# POSIX writes this much to a pipe whole (PIPE_BUF is 4096 on Linux, 512 on macOS), so worker
# processes that share one don't cut into each other's lines. It bounds the memory, too.
BATCH = 4096

# A new client port comes with every connection, so what is known of clients is thrown away in whole
# when it has grown this long.
KNOWN_CLIENTS = 1024


class AccessLog:
    """Writes a line for each request it is told of.

    `call_soon` is the loop's: it runs a function once, in the next turn. `enabled` says whether
    anybody would read a line; while it is False the caller may skip `request`. It follows changes
    of the logger when `refresh` is called, which the owner does every second or so.

    Not thread-safe: one loop calls it. Its writes respect the handler's lock.
    """

    def __init__(self, call_soon: Callable[..., object]) -> None:
        self._call_soon = call_soon
        self._logger = logging.getLogger(logger_name("access"))
        self._handler: Any = None
        self._formatter: Any = None
        self._lines: list[str] = []
        self._size = 0
        self._scheduled = False
        self._failing = False
        self._heads: dict[object, str] = {}
        self._tails: dict[str, dict[int, str]] = {}
        self._before_client = ""
        self._before_request = ""
        self.enabled = False
        self.refresh()

    def request(self, client: Any, method: str, target: bytes, version: str, status: int) -> None:
        """Log a request as its response starts.

        `client` is (host, port), or None for a Unix peer; `target` the request target as it came;
        `version` as in "1.1".
        """
        if not self._scheduled and not self._unchanged():
            self.refresh()
        text = target.decode("latin-1")
        if not (text.isprintable() and text.isascii()) or '"' in text:
            text = printable_target(target)
        if not method.isalpha():
            method = printable(method)
        if self._handler is None:
            self._record(client, method, text, version, status)
            return
        head = self._heads.get(client)
        if head is None:
            head = self._new_head(client)
        tails = self._tails.get(version)
        tail = None if tails is None else tails.get(status)
        if tail is None:
            tail = self._new_tail(version, status)
        self._append(f"{head}{method} {text}{tail}")

    def websocket_accepted(self, client: Any, target: bytes) -> None:
        """Log that a WebSocket is open."""
        self._websocket(client, target, 101, "[accepted]")

    def websocket_denied(self, client: Any, target: bytes, status: int) -> None:
        """Log the HTTP status that a WebSocket handshake was answered with."""
        self._websocket(client, target, status, str(status))

    def websocket_closed(
        self, client: Any, target: bytes, code: int, seconds: float, counts: tuple[int, int]
    ) -> None:
        """Log the end of a WebSocket: its close code (RFC 6455 §7.4), how long it was open, and
        how many messages came in and went out.
        """
        received, sent = counts
        state = f"[closed {code}, {seconds:.3f} s, {received} in, {sent} out]"
        self._websocket(client, target, code, state)

    def _websocket(self, client: Any, target: bytes, number: int, state: str) -> None:
        """Make a record with the arguments of a request's: formatters and filters know those.

        `state` is what our own formatter writes at the end; see `AccessFormatter`.
        """
        self.flush()
        path = printable_target(target)
        arguments = (address(client), "WebSocket", path, "1.1", number)
        self._logger.info(_RECORD, *arguments, extra={"websocket": state})

    def _append(self, line: str) -> None:
        self._size += len(line)
        if self._size > BATCH:
            self.flush()
            self._size = len(line)
        self._lines.append(line)
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self._turn_ended)

    def _turn_ended(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Write the gathered lines. Never raises: a server outlives the reader of its log."""
        if not self._lines:
            return
        text = "".join(self._lines)
        self._lines.clear()
        self._size = 0
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(text)
            handler.stream.flush()
            self._failing = False
        except Exception as error:  # a stream is anybody's code: sys.stdout is often replaced
            self._failed(error)
        finally:
            handler.release()

    def _failed(self, error: Exception) -> None:
        """Say once that lines are being lost, in place of a traceback for each of them."""
        if self._failing or not logging.raiseExceptions:
            return
        self._failing = True
        reason = printable(str(error) or type(error).__name__)
        try:
            sys.stderr.write(f"tricorn: the access log can't be written: {reason}\n")
        except Exception:  # stderr is None, closed or broken: there is nobody left to tell
            pass

    def refresh(self) -> None:
        """Look at the logger afresh: is it enabled, and is it still as tricorn configures it?"""
        self.flush()
        logger = self._logger
        self.enabled = logger.isEnabledFor(INFO) and logger.hasHandlers()
        self._handler = handler = plain_handler(logger)
        self._formatter = None if handler is None else handler.formatter
        self._heads = {}
        self._tails = {}
        if handler is not None:
            self._use(handler.formatter)

    def _use(self, formatter: AccessFormatter) -> None:
        """Take the parts of a line from the formatter itself, so that both write the same."""
        self._before_client = formatter.level_prefix("INFO", INFO) + " "
        self._before_request, _, _ = formatter.request_line("\0", "", "").partition("\0")

    def _unchanged(self) -> bool:
        """Cheap, as it runs in each turn of the loop; `refresh` finds the rarer changes."""
        logger = self._logger
        handler = self._handler
        if handler is None:
            return False
        handlers = logger.handlers
        return (
            len(handlers) == 1
            and handlers[0] is handler
            and handler.formatter is self._formatter
            and not handler.filters
            and not logger.filters
            and not logger.propagate
            and logger.isEnabledFor(INFO)
        )

    def _new_head(self, client: Any) -> str:
        head = f'{self._before_client}{address(client)} - "{self._before_request}'
        if len(self._heads) >= KNOWN_CLIENTS:
            self._heads.clear()
        self._heads[client] = head
        return head

    def _new_tail(self, version: str, status: int) -> str:
        formatter = self._formatter
        _, _, after = formatter.request_line("\0", "\0", printable(version)).rpartition("\0")
        tail = f'{after}" {formatter.get_status_code(status)}\n'
        self._tails.setdefault(version, {})[status] = tail
        return tail

    def _record(self, client: Any, method: str, path: str, version: str, status: int) -> None:
        self._logger.info(_RECORD, address(client), method, path, version, status)


def address(client: Any) -> str:
    """`host:port`, IPv6 without brackets as in Uvicorn's lines, and nothing for None."""
    if not client:
        return ""
    return printable(f"{client[0]}:{client[1]}")


def plain_handler(logger: logging.Logger) -> Any:
    """The one handler of `logger`, if all that logging would do is write to its stream."""
    handlers = _effective_handlers(logger)
    if len(handlers) != 1 or logger.filters or not logger.isEnabledFor(INFO) or _is_patched(logger):
        return None
    handler = handlers[0]
    if type(handler) not in (logging.StreamHandler, logging.FileHandler):
        return None
    if handler.level > INFO or handler.filters or handler.terminator != "\n":
        return None
    # A FileHandler with `delay` opens its file at the first record. Let it.
    return handler if handler.stream is not None and _is_plain(handler.formatter) else None


def _is_plain(formatter: Any) -> bool:
    return (
        type(formatter) is AccessFormatter
        and type(formatter._style) is logging.PercentStyle
        and formatter._style._fmt == ACCESS_FORMAT
    )


def _is_patched(logger: logging.Logger) -> bool:
    """Whether someone takes part in how records are made or handed round.

    Error trackers replace `Logger.callHandlers`, and tracers set a record factory.
    """
    call = type(logger).callHandlers
    return (
        type(logger) is not logging.Logger
        or type(call) is not FunctionType
        or call.__globals__ is not vars(logging)
        or logging.getLogRecordFactory() is not logging.LogRecord
    )


def _effective_handlers(logger: logging.Logger) -> list[Any]:
    handlers: list[Any] = []
    current: logging.Logger | None = logger
    while current is not None:
        handlers += current.handlers
        current = current.parent if current.propagate else None
    return handlers
