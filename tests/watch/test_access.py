"""The access log writes Uvicorn's lines, in batches while it may, through logging when it must."""

import io
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn.logging
from hypothesis import given
from hypothesis import strategies as st

from tricorn.watch.access import BATCH, KNOWN_CLIENTS, AccessLog, plain_handler
from tricorn.watch.logs import ACCESS_FORMAT, LOGGING_CONFIG, configure

CLIENT = ("127.0.0.1", 5000)
REQUESTS: list[tuple[Any, str, bytes, str, int]] = [
    (CLIENT, "GET", b"/", "1.1", 200),
    (CLIENT, "GET", b"/a?b=1", "1.1", 200),
    (CLIENT, "POST", b"/caf%C3%A9/x-y_z.~?q=%20+&&", "1.0", 201),
    (("::1", 6000), "DELETE", b"/x", "1.1", 204),
    (None, "HEAD", b"/x", "1.1", 304),
    (("10.0.0.7", 0), "M-SEARCH", b"/x", "2", 404),
    (CLIENT, "GET", b"/x", "1.1", 299),
    (CLIENT, "GET", b"/x", "1.1", 500),
    (CLIENT, "GET", b"/x", "1.1", 103),
]


@pytest.fixture
def out(config: dict[str, Any]) -> io.StringIO:
    configure(config)
    stream: io.StringIO = config["handlers"]["access"]["stream"]
    return stream


def logger() -> logging.Logger:
    return logging.getLogger("tricorn.access")


def uvicorns(request: tuple[Any, str, bytes, str, int], colors: bool) -> str:
    client, method, target, version, status = request
    host = "" if client is None else f"{client[0]}:{client[1]}"
    args = (host, method, target.decode(), version, status)
    msg = '%s - "%s %s HTTP/%s" %d'
    record = logging.LogRecord("uvicorn.access", logging.INFO, __file__, 1, msg, args, None)
    formatter = uvicorn.logging.AccessFormatter(ACCESS_FORMAT, use_colors=colors)
    return formatter.format(record) + "\n"


@pytest.mark.parametrize("colors", [False, True])
@pytest.mark.parametrize("plain", [True, False])
def test_lines_are_uvicorns(config: Any, turns: Any, colors: bool, plain: bool) -> None:
    configure(config, use_colors=colors)
    if not plain:
        logger().addFilter(lambda record: True)
    log = AccessLog(turns.call_soon)
    assert (plain_handler(logger()) is not None) is plain
    for request in REQUESTS * 2:  # the second time from what is remembered
        log.request(*request)
    turns.end()
    out = config["handlers"]["access"]["stream"].getvalue()
    assert out == "".join(uvicorns(request, colors) for request in REQUESTS) * 2


def test_a_turn_of_the_loop_is_one_write(config: Any, turns: Any) -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    config["handlers"]["access"]["stream"] = out = Counting()
    configure(config)
    log = AccessLog(turns.call_soon)
    for _ in range(10):
        log.request(*REQUESTS[0])
    assert out.getvalue() == ""
    assert len(turns.calls) == 1
    turns.end()
    assert (out.writes, out.getvalue().count("\n")) == (1, 10)
    log.request(*REQUESTS[0])
    assert len(turns.calls) == 1


def test_a_write_is_whole_lines_and_fits_a_pipe(config: Any, turns: Any) -> None:
    class Keeping(io.StringIO):
        writes: list[str] = []  # noqa: RUF012

        def write(self, text: str) -> int:
            self.writes.append(text)
            return len(text)

    config["handlers"]["access"]["stream"] = out = Keeping()
    configure(config)
    log = AccessLog(turns.call_soon)
    targets = [b"/" + b"x" * (length * 37 % 3000) for length in range(200)]
    targets[100] = b"/" + b"y" * BATCH  # longer than a batch by itself
    for target in targets:
        log.request(CLIENT, "GET", target, "1.1", 200)
    log.flush()
    assert [line.split(" ")[-4] for line in "".join(out.writes).splitlines()] == [
        target.decode() for target in targets
    ]
    assert all(write.endswith("\n") for write in out.writes)
    assert [write.count("\n") for write in out.writes if len(write) > BATCH] == [1]


def test_flush_writes_at_once_and_only_once(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    log.flush()
    turns.end()
    log.flush()
    assert out.getvalue() == uvicorns(REQUESTS[0], False)


def records_of(log: AccessLog) -> list[logging.LogRecord]:
    kept: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = kept.append  # type: ignore[method-assign]
    logger().addHandler(handler)
    for request in REQUESTS:
        log.request(*request)
    return kept


def test_a_handler_of_the_users_gets_records_with_five_arguments(
    out: io.StringIO, turns: Any
) -> None:
    kept = records_of(AccessLog(turns.call_soon))
    assert kept[1].args == ("127.0.0.1:5000", "GET", "/a?b=1", "1.1", 200)
    assert kept[4].args == ("", "HEAD", "/x", "1.1", 304)
    assert out.getvalue().count("\n") == len(REQUESTS)  # and tricorn's own handler its lines


def drop_health_checks(record: logging.LogRecord) -> bool:
    args: Any = record.args
    return bool(args[2] != "/health")


def on_logger() -> None:
    logger().addFilter(drop_health_checks)


def on_handler() -> None:
    logger().handlers[0].addFilter(drop_health_checks)


@pytest.mark.parametrize("add", [on_logger, on_handler])
def test_a_filter_counts_from_the_next_turn(
    out: io.StringIO, turns: Any, add: Callable[[], None]
) -> None:
    log = AccessLog(turns.call_soon)
    log.request(CLIENT, "GET", b"/health", "1.1", 200)
    turns.end()
    add()
    log.request(CLIENT, "GET", b"/health", "1.1", 200)
    log.request(CLIENT, "GET", b"/", "1.1", 200)
    turns.end()
    assert [line.split()[4] for line in out.getvalue().splitlines()] == ["/health", "/"]


def set_formatter() -> None:
    logger().handlers[0].setFormatter(logging.Formatter("mine %(name)s"))


def replace_handlers() -> None:
    handler = logging.StreamHandler(logger().handlers[0].stream)  # type: ignore[attr-defined]
    handler.setFormatter(logging.Formatter("mine %(name)s"))
    logger().handlers = [handler]


@pytest.mark.parametrize("change", [set_formatter, replace_handlers])
def test_a_formatter_of_the_users_is_used(
    out: io.StringIO, turns: Any, change: Callable[[], None]
) -> None:
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    turns.end()
    change()
    log.request(*REQUESTS[0])
    turns.end()
    assert out.getvalue() == uvicorns(REQUESTS[0], False) + "mine tricorn.access\n"


class Other(logging.StreamHandler[Any]):
    pass


def subclassed(handler: Any) -> None:
    logger().handlers = [Other(handler.stream)]
    logger().handlers[0].setFormatter(handler.formatter)


def propagating(_: Any) -> None:
    logger().propagate = True


def terminated(handler: Any) -> None:
    handler.terminator = "\0"


def demanding(handler: Any) -> None:
    handler.setLevel(logging.WARNING)


def laid_out(handler: Any) -> None:
    handler.formatter._style._fmt = "%(client_addr)s"


@pytest.mark.parametrize("change", [subclassed, propagating, terminated, demanding, laid_out])
def test_what_makes_a_handler_not_plain(
    out: io.StringIO, change: Callable[[logging.Handler], None]
) -> None:
    handler = plain_handler(logger())
    assert handler is not None
    change(handler)
    assert plain_handler(logger()) is None


def test_a_patched_logger_gets_its_records(
    out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        raise NotImplementedError

    with monkeypatch.context() as patch:
        patch.setattr(logging.Logger, "callHandlers", call_handlers)
        assert plain_handler(logger()) is None
    assert plain_handler(logger()) is not None
    monkeypatch.setattr(logging, "_logRecordFactory", lambda *a, **k: logging.LogRecord(*a, **k))
    assert plain_handler(logger()) is None


def test_a_log_file_is_plain_once_it_is_open(config: Any, turns: Any, tmp_path: Any) -> None:
    path = tmp_path / "access.log"
    config["handlers"]["access"] = {
        "class": "logging.FileHandler",
        "formatter": "access",
        "filename": str(path),
        "delay": True,
    }
    configure(config)
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])  # opens it
    log.request(*REQUESTS[1])
    turns.end()
    logger().handlers[0].close()
    assert path.read_text() == uvicorns(REQUESTS[0], False) + uvicorns(REQUESTS[1], False)


def test_enabled_follows_the_logger(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    assert log.enabled
    logger().setLevel(logging.WARNING)
    log.request(*REQUESTS[0])
    turns.end()
    assert not log.enabled
    logger().setLevel(logging.INFO)
    log.refresh()
    assert log.enabled
    logger().handlers = []
    log.refresh()
    assert not log.enabled
    assert out.getvalue() == ""


def test_no_access_log_is_not_enabled(config: Any, turns: Any) -> None:
    configure(config, access_log=False)
    assert not AccessLog(turns.call_soon).enabled


def test_lines_wait_for_the_handler_they_were_made_for(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    other = io.StringIO()
    logger().handlers = [logging.StreamHandler(other)]
    log.refresh()
    assert out.getvalue() == uvicorns(REQUESTS[0], False)
    assert other.getvalue() == ""


def test_a_stream_set_later_is_written_to(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    later = io.StringIO()
    logger().handlers[0].setStream(later)  # type: ignore[attr-defined]
    turns.end()
    assert later.getvalue() == uvicorns(REQUESTS[0], False)


@pytest.mark.parametrize("raise_exceptions", [True, False])
def test_a_closed_stream_is_told_once(
    config: Any,
    turns: Any,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
    raise_exceptions: bool,
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", raise_exceptions)
    out = config["handlers"]["access"]["stream"]
    configure(config)
    log = AccessLog(turns.call_soon)
    out.close()
    for _ in range(3):
        log.request(*REQUESTS[0])
        turns.end()
    told = "tricorn: the access log can't be written: I/O operation on closed file\n"
    assert capsys.readouterr().err == (told if raise_exceptions else "")


def test_a_reader_that_went_away(config: Any, turns: Any, capsys: Any) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w")  # noqa: SIM115 - closing it fails, which is looked at below
    config["handlers"]["access"]["stream"] = stream
    configure(config)
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    turns.end()
    assert "Broken pipe" in capsys.readouterr().err
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_failing_stream_and_no_stderr(
    config: Any, turns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(config)
    log = AccessLog(turns.call_soon)
    config["handlers"]["access"]["stream"].close()
    monkeypatch.setattr(sys, "stderr", None)
    log.request(*REQUESTS[0])
    turns.end()


def test_writes_take_the_handlers_lock(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    log.request(*REQUESTS[0])
    with logger().handlers[0].lock:  # type: ignore[union-attr]
        thread = threading.Thread(target=log.flush)
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
        assert out.getvalue() == ""
    thread.join(10)
    assert out.getvalue() == uvicorns(REQUESTS[0], False)


def test_more_clients_than_are_remembered(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    ports = range(1, 2 * KNOWN_CLIENTS + 10)
    for port in ports:
        log.request(("10.0.0.1", port), "GET", b"/", "1.1", 200)
    turns.end()
    lines = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == [f"10.0.0.1:{port}" for port in ports]


HOSTILE = b'/\r\nINFO:     \x1b[2J\x00\x9b\xff\xe2\x80\xae\xe2\x80\xa8" 200 OK'


@pytest.mark.parametrize("plain", [True, False])
def test_a_hostile_request_is_one_printable_line(out: io.StringIO, turns: Any, plain: bool) -> None:
    if not plain:
        on_logger()
    log = AccessLog(turns.call_soon)
    log.request(("\x1b\n", 1), "G\r\nT\x1b", HOSTILE, "1.1", 404)
    turns.end()
    line = out.getvalue()
    assert line[-1] == "\n"
    assert line[:-1].isprintable()
    assert line.count('"') == 2
    assert r"%0D%0AINFO:     %1B[2J%00%9B%FF%E2%80%AE%E2%80%A8%22 200 OK" in line


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (b'/a"b', "/a%22b"),  # or it would end the request line early
        (b"/\xe9", "/%E9"),
        (b"/\x9b", "/%9B"),
        (b"/\n", "/%0A"),
    ],
)
def test_each_kind_of_octet_that_is_escaped(
    out: io.StringIO, turns: Any, target: bytes, shown: str
) -> None:
    log = AccessLog(turns.call_soon)
    log.request(CLIENT, "GET", target, "1.1", 200)
    turns.end()
    assert out.getvalue() == f'INFO:     127.0.0.1:5000 - "GET {shown} HTTP/1.1" 200 OK\n'


def test_records_are_escaped_for_formatters_of_the_users(out: io.StringIO, turns: Any) -> None:
    log = AccessLog(turns.call_soon)
    kept = records_of(log)
    log.request(CLIENT, "GET", HOSTILE, "1.1", 404)
    assert kept[-1].getMessage().isprintable()


@given(st.binary(max_size=40), st.text(max_size=5), st.text(max_size=5))
def test_any_bytes_are_one_printable_line(target: bytes, method: str, host: str) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    before = logger().handlers
    config = {**LOGGING_CONFIG, "handlers": {**LOGGING_CONFIG["handlers"]}}
    try:
        configure(config)
        handler.setFormatter(logger().handlers[0].formatter)
        logger().handlers = [handler]
        log = AccessLog(lambda call: None)
        log.request((host, 1), method, target, "1.1", 200)
        log.flush()
    finally:
        logger().handlers = before
    assert out.getvalue().endswith("\n")
    assert out.getvalue()[:-1].isprintable()
