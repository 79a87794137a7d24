"""Lines are Uvicorn's, character for character, and arguments can't forge one."""

import logging
import sys
from typing import Any

import pytest
import uvicorn.logging

from tricorn.watch import formatters
from tricorn.watch.formatters import ACCESS_FORMAT, TRACE_LOG_LEVEL

DEFAULT_FORMAT = "%(levelprefix)s %(message)s"
LEVELS = [TRACE_LOG_LEVEL, 10, 20, 30, 40, 50]


def record(
    msg: str, *args: object, level: int = logging.INFO, exc: Any = None, **extra: object
) -> logging.LogRecord:
    made = logging.LogRecord("tricorn.error", level, __file__, 1, msg, args, exc)
    vars(made).update(extra)
    return made


def both(kind: str, fmt: str, colors: bool) -> tuple[logging.Formatter, logging.Formatter]:
    ours = getattr(formatters, kind)(fmt, use_colors=colors)
    theirs = getattr(uvicorn.logging, kind)(fmt, use_colors=colors)
    return ours, theirs


@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_default_lines_are_uvicorns(level: int, colors: bool) -> None:
    ours, theirs = both("DefaultFormatter", DEFAULT_FORMAT, colors)
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    for line in (
        record("Application startup complete.", level=level),
        record("Started server process [%d]", 7, level=level, color_message="Started [\x1b[36m%d"),
        record("%s is %5.1f %r", "x", 2.5, "y", level=level),
        record("%(a)s of %(b)d", {"a": "one", "b": 2}, level=level),
    ):
        assert ours.format(line) == theirs.format(line)


@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize("status", [100, 103, 200, 204, 299, 301, 304, 404, 418, 500, 503, 599])
def test_access_lines_are_uvicorns(status: int, colors: bool) -> None:
    ours, theirs = both("AccessFormatter", ACCESS_FORMAT, colors)
    for args in (
        ("127.0.0.1:5000", "GET", "/a?b=1", "1.1", status),
        ("::1:5000", "POST", "/%C3%A9", "1.0", status),
        ("", "OPTIONS", "%2A", "1.1", status),
    ):
        line = record('%s - "%s %s HTTP/%s" %d', *args)
        assert ours.format(line) == theirs.format(line)


def test_access_fields_in_another_layout() -> None:
    fmt = "%(asctime)s %(name)s %(status_code)s %(request_line)s %(client_addr)s %(levelprefix)s"
    ours, theirs = both("AccessFormatter", fmt, False)
    line = record('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/", "1.1", 200)
    assert ours.format(line) == theirs.format(line)


def test_text_that_is_no_access_line_is_still_printed() -> None:
    ours = formatters.AccessFormatter(ACCESS_FORMAT, use_colors=False)
    assert ours.format(record("cache %s", "warm")) == "INFO:     cache warm"


class Hostile:
    def __str__(self) -> str:
        return "a\nINFO:     \x1b[2J"


@pytest.mark.parametrize("value", ["a\nINFO:     \x1b[2J", Hostile(), ValueError("a\nb\x9b")])
def test_arguments_are_escaped(value: object) -> None:
    ours = formatters.DefaultFormatter(DEFAULT_FORMAT, use_colors=False)
    for line in (record("refused: %s", value), record("refused: %(why)s", {"why": value})):
        shown = ours.format(line)
        assert shown.startswith(r"INFO:     refused: a\n")
        assert shown.isprintable()


def test_the_text_of_the_program_itself_keeps_its_lines() -> None:
    ours = formatters.DefaultFormatter(DEFAULT_FORMAT, use_colors=False)
    assert ours.format(record("two\nlines")) == "INFO:     two\nlines"


def test_the_record_stays_for_other_handlers() -> None:
    line = record("%s", "a\nb")
    formatters.DefaultFormatter(DEFAULT_FORMAT, use_colors=True).format(line)
    assert line.args == ("a\nb",)
    assert "levelprefix" not in vars(line)


def test_tracebacks_have_lines_and_no_controls() -> None:
    try:
        raise ValueError("first\nINFO:     forged\x1b[2J\r")
    except ValueError:
        line = record("Exception in ASGI application\n", exc=sys.exc_info())
    logging.Formatter().format(line)  # leaves its own, raw text in the record
    shown = formatters.DefaultFormatter(DEFAULT_FORMAT, use_colors=False).format(line)
    assert "Traceback (most recent call last):\n  File " in shown
    assert shown.endswith("ValueError: first\n INFO:     forged\\x1b[2J\\r")


class Stream:
    def __init__(self, tty: bool) -> None:
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize("tty", [False, True])
def test_colours_by_the_stream_of_each_kind(monkeypatch: pytest.MonkeyPatch, tty: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Stream(tty))
    monkeypatch.setattr(sys, "stderr", Stream(not tty))
    assert formatters.AccessFormatter().use_colors is tty
    assert formatters.DefaultFormatter().use_colors is not tty
    assert formatters.AccessFormatter(use_colors=not tty).use_colors is not tty


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Stream(True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not formatters.AccessFormatter().use_colors
    assert formatters.AccessFormatter(use_colors=True).use_colors
    monkeypatch.setenv("NO_COLOR", "")  # empty is as unset
    assert formatters.AccessFormatter().use_colors


def test_a_process_without_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert not formatters.AccessFormatter().use_colors
