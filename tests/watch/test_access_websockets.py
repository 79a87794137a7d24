"""What the access log says of WebSockets."""

import io
import logging
from typing import Any

import pytest

from tricorn.watch.access import AccessLog
from tricorn.watch.logs import configure

CLIENT = ("127.0.0.1", 5000)


def three_lines(log: AccessLog) -> None:
    log.websocket_accepted(CLIENT, b"/chat?a=%20")
    log.websocket_denied(None, b"/", 403)
    log.websocket_closed(("::1", 6), b"/chat", 1001, 12.3456, (3, 40))
    log.flush()


@pytest.mark.parametrize("colors", [False, True])
def test_the_lines(config: Any, turns: Any, colors: bool) -> None:
    configure(config, use_colors=colors)
    three_lines(AccessLog(turns.call_soon))
    lines = config["handlers"]["access"]["stream"].getvalue().splitlines()
    bold, reset = ("\x1b[1m", "\x1b[0m") if colors else ("", "")
    texts = [line.partition("     ")[2] for line in lines]
    assert texts == [
        f'127.0.0.1:5000 - "{bold}WebSocket /chat?a=%20{reset}" [accepted]',
        f' - "{bold}WebSocket /{reset}" 403',
        f'::1:6 - "{bold}WebSocket /chat{reset}" [closed 1001, 12.346 s, 3 in, 40 out]',
    ]


def test_handlers_of_the_users_get_records_as_of_requests(config: Any, turns: Any) -> None:
    configure(config)
    records: list[logging.LogRecord] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logging.getLogger("tricorn.access").addHandler(Handler())
    three_lines(AccessLog(turns.call_soon))
    assert [record.args for record in records] == [
        ("127.0.0.1:5000", "WebSocket", "/chat?a=%20", "1.1", 101),
        ("", "WebSocket", "/", "1.1", 403),
        ("::1:6", "WebSocket", "/chat", "1.1", 1001),
    ]
    assert [vars(record)["websocket"] for record in records] == [
        "[accepted]",
        "403",
        "[closed 1001, 12.346 s, 3 in, 40 out]",
    ]
    assert records[0].getMessage() == '127.0.0.1:5000 - "WebSocket /chat?a=%20 HTTP/1.1" 101'


def test_order_among_requests(config: Any, turns: Any) -> None:
    configure(config)
    log = AccessLog(turns.call_soon)
    log.request(CLIENT, "GET", b"/before", "1.1", 200)
    log.websocket_accepted(CLIENT, b"/chat")
    log.request(CLIENT, "GET", b"/after", "1.1", 200)
    turns.end()
    lines = config["handlers"]["access"]["stream"].getvalue().splitlines()
    assert [line.split()[4] for line in lines] == ["/before", '/chat"', "/after"]


def test_a_target_can_forge_no_line(config: Any, turns: Any) -> None:
    configure(config)
    AccessLog(turns.call_soon).websocket_accepted(CLIENT, b'/" 200\x1b[2J\xff\n')
    out: io.StringIO = config["handlers"]["access"]["stream"]
    (line,) = out.getvalue().splitlines()
    assert line.isprintable()


def test_a_level_above_info_is_quiet(config: Any, turns: Any) -> None:
    config["loggers"]["tricorn.access"]["level"] = "WARNING"
    configure(config)
    three_lines(AccessLog(turns.call_soon))
    assert config["handlers"]["access"]["stream"].getvalue() == ""
