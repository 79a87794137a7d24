"""The formatters of log lines: Uvicorn's text and colours, with what clients send escaped.

The arguments of a log call are data and are escaped whole; the message itself is the program's
own text and stays. So log what a client sent as an argument (`logger.warning("%s", reason)`),
never inside the message.
"""

from __future__ import annotations

import http
import logging
import os
import sys
from collections.abc import Callable, Mapping
from copy import copy
from numbers import Number
from typing import Any, ClassVar, Literal

from tricorn.watch.escape import printable, printable_lines

__all__ = [
    "ACCESS_FORMAT",
    "TRACE_LOG_LEVEL",
    "AccessFormatter",
    "ColourizedFormatter",
    "DefaultFormatter",
    "wants_colors",
]

ACCESS_FORMAT = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'
"""The layout of an access line, unless a configuration gives another."""

TRACE_LOG_LEVEL = 5
"""The level below DEBUG, named TRACE."""

_RESET = "\033[0m"
_BOLD = "\033[1m"


def _in_colour(code: int) -> Callable[[object], str]:
    """A function that puts the SGR colour `code` around its argument (ECMA-48, 8.3.117)."""
    return lambda text: f"\033[{code}m{text}{_RESET}"


class ColourizedFormatter(logging.Formatter):
    """Adds the field `levelprefix`: the level and a colon, padded so that text starts at column 10.

    With colours on, `extra={"color_message": ...}` of a log call replaces its message.

    `use_colors=None` decides by the stream: colours on a terminal, unless the environment variable
    NO_COLOR is set (https://no-color.org).
    """

    level_name_colors: ClassVar[dict[int, Callable[[object], str]]] = {
        TRACE_LOG_LEVEL: _in_colour(34),
        logging.DEBUG: _in_colour(36),
        logging.INFO: _in_colour(32),
        logging.WARNING: _in_colour(33),
        logging.ERROR: _in_colour(31),
        logging.CRITICAL: _in_colour(91),
    }
    usual_stream = "stdout"

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
        *,
        validate: bool = True,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(fmt, datefmt, style, validate, defaults=defaults)
        # A formatter can't see its handler. Until `configure` tells it, it goes by the stream
        # that the default configuration gives to its kind.
        self.colors_by_stream = use_colors is None
        if use_colors is None:
            use_colors = wants_colors(getattr(sys, self.usual_stream))
        self.use_colors = use_colors

    def color_level_name(self, level_name: str, level_no: int) -> str:
        """`level_name` in the colour of its level."""
        return self.level_name_colors.get(level_no, str)(level_name)

    def level_prefix(self, level_name: str, level_no: int) -> str:
        """The value of the field `levelprefix`."""
        padding = " " * (8 - len(level_name))
        if self.use_colors:
            level_name = self.color_level_name(level_name, level_no)
        return f"{level_name}:{padding}"

    def format(self, record: logging.LogRecord) -> str:
        """The record as text. The record itself stays as it is, for other handlers."""
        return super().format(_escaped_record(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record = copy(record)
        color_message = record.__dict__.get("color_message")
        if self.use_colors and color_message is not None:
            record.msg = color_message
            record.message = record.getMessage()
        record.__dict__["levelprefix"] = self.level_prefix(record.levelname, record.levelno)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return printable_lines(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return printable_lines(super().formatStack(stack_info))


class DefaultFormatter(ColourizedFormatter):
    """The formatter of everything but access lines."""

    usual_stream = "stderr"


class AccessFormatter(ColourizedFormatter):
    """Adds `client_addr`, `request_line` and `status_code` from a record's five arguments.

    The arguments are (client_addr, method, full_path, http_version, status). Lines about a
    WebSocket have the method "WebSocket", what it is doing in the record's `websocket`, and
    the status 101, that of a denial, or the close code.
    """

    status_code_colours: ClassVar[dict[int, Callable[[object], str]]] = {
        1: _in_colour(97),
        2: _in_colour(32),
        3: _in_colour(33),
        4: _in_colour(31),
        5: _in_colour(91),
    }

    def get_status_code(self, status_code: int) -> str:
        """The status with its reason phrase, which is empty for a status nobody registered."""
        try:
            phrase = http.HTTPStatus(status_code).phrase
        except ValueError:
            phrase = ""
        text = f"{int(status_code)} {phrase}"
        if not self.use_colors:
            return text
        return self.status_code_colours.get(status_code // 100, str)(text)

    def request_line(self, method: str, full_path: str, http_version: str) -> str:
        """The value of the field `request_line`."""
        text = f"{method} {full_path} HTTP/{http_version}"
        return f"{_BOLD}{text}{_RESET}" if self.use_colors else text

    def websocket_line(self, full_path: str) -> str:
        """The value of the field `request_line` for a WebSocket."""
        text = f"WebSocket {full_path}"
        return f"{_BOLD}{text}{_RESET}" if self.use_colors else text

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        args = record.args
        if not isinstance(args, tuple) or len(args) != 5:  # somebody's own text, no access line
            return f"{self.level_prefix(record.levelname, record.levelno)} {record.getMessage()}"
        client_addr, method, full_path, http_version, status = args
        record = copy(record)
        state = getattr(record, "websocket", None)
        if state is None:
            line = self.request_line(str(method), str(full_path), str(http_version))
            state = self.get_status_code(int(status))  # type: ignore[call-overload]
        else:
            line = self.websocket_line(str(full_path))
        record.__dict__.update(client_addr=client_addr, request_line=line, status_code=state)
        return super().formatMessage(record)


def wants_colors(stream: object) -> bool:
    """Whether text written to `stream` is read on a terminal by someone who likes colours."""
    if os.environ.get("NO_COLOR"):
        return False
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):  # no stream at all (pythonw), or a closed one
        return False


class _Shown:
    """An argument that isn't text or a number, escaped once something asks for its text."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __str__(self) -> str:
        return printable(str(self.value))

    def __repr__(self) -> str:
        return printable(repr(self.value))


def _escaped_argument(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, Number):
        return value
    return _Shown(value)


def _escaped_record(record: logging.LogRecord) -> logging.LogRecord:
    record = copy(record)
    args = record.args
    if isinstance(args, tuple):
        record.args = tuple([_escaped_argument(value) for value in args])
    elif isinstance(args, Mapping):
        record.args = {key: _escaped_argument(value) for key, value in args.items()}
    if record.exc_info:
        record.exc_text = None  # another formatter's text may be cached here, unescaped
    elif record.exc_text:
        record.exc_text = printable_lines(record.exc_text)
    return record
