"""Chromium as a WebSocket client."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import BROWSER, DRIVER, open_browser
from tests.support.certificates import make_certificate
from tests.support.server import Server, serve

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium.webdriver")
pytestmark = [
    pytest.mark.slow_matrix,
    pytest.mark.xdist_group("websocket_browser"),
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]
# Opens a WebSocket, sends the messages one after the other as each comes back, and tells what
# came of it. A list of numbers is sent as bytes.
SCRIPT = """
const [url, protocols, messages, close, done] = arguments;
const bytes = (list) => new Uint8Array(list);
const got = [];
const socket = new WebSocket(url, protocols);
let extensions = null;
socket.binaryType = "arraybuffer";
const next = () => {
  if (got.length === messages.length) { if (close) socket.close(...close); return; }
  const message = messages[got.length];
  socket.send(Array.isArray(message) ? bytes(message) : message);
};
socket.onopen = () => { extensions = socket.extensions; next(); };
socket.onmessage = ({ data }) => {
  got.push(data instanceof ArrayBuffer ? [...bytes(data)] : data);
  next();
};
socket.onclose = ({ code, reason, wasClean }) =>
  done({ got, extensions, protocol: socket.protocol, code, reason, wasClean });
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    profile = tmp_path_factory.mktemp("chromium")
    with open_browser(profile, "--ignore-certificate-errors") as driver:
        yield driver


@pytest.fixture(scope="module", params=["deflate", "plain", "http2"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Over HTTP/2 Chromium opens WebSockets where it has loaded a page by it."""
    # The page's connection must still be there when a script opens its WebSocket.
    options: tuple[str, ...] = ("--timeout-keep-alive", "60")
    options = (*options, "--ws-per-message-deflate", str(request.param != "plain"))
    if request.param == "http2":
        options = (*options, *make_certificate(tmp_path_factory.mktemp("certificate")).options)
    with serve("sockets:app", *options) as server:
        yield server


def url_of(server: Server, scheme: str, target: str) -> str:
    """For `http` or `ws`, with an s where the server has a certificate."""
    secure = "s" if "--ssl-certfile" in server.process.args else ""
    return f"{scheme}{secure}://localhost:{server.port}{target}"


@pytest.fixture
def driver(browser: "Chrome", server: Server) -> "Chrome":
    # Chromium asks its user before a page from elsewhere may reach the local network.
    browser.get(url_of(server, "http", "/left"))
    return browser


def talk(
    driver: "Chrome",
    server: Server,
    target: str,
    messages: list[Any],
    protocols: list[str] | None = None,
    close: list[Any] | None = None,
) -> dict[str, Any]:
    url = url_of(server, "ws", target)
    found: dict[str, Any] = driver.execute_async_script(
        SCRIPT, url, protocols or [], messages, close
    )  # type: ignore[no-untyped-call]
    return found


def test_echo(driver: "Chrome", server: Server) -> None:
    sent = ["", "Ahoy, \u4f60\u597d \U0001f984", [], list(range(256)) * 300, "again and " * 30_000]
    found = talk(driver, server, "/", sent, close=[4321, "bye, \u4f60\u597d"])
    assert found["got"] == sent
    deflates = "True" in server.process.args
    assert found["extensions"].startswith("permessage-deflate") == deflates
    assert (found["code"], found["reason"], found["wasClean"]) == (4321, "", True)


def test_which_http(driver: "Chrome", server: Server) -> None:
    script = """
    const [url, done] = arguments;
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => { socket.close(); done(JSON.parse(data)); };
    """
    url = url_of(server, "ws", "/scope")
    shown = driver.execute_async_script(script, url)  # type: ignore[no-untyped-call]
    expected = ("2", "wss") if url.startswith("wss") else ("1.1", "ws")
    assert (shown["http_version"], shown["scheme"]) == expected


def test_subprotocol(driver: "Chrome", server: Server) -> None:
    found = talk(driver, server, "/subprotocol", ["hello"], ["mqtt", "chat.v2"], [1000])
    assert (found["protocol"], found["got"], found["code"]) == ("chat.v2", ["hello"], 1000)


def test_server_closes(driver: "Chrome", server: Server) -> None:
    found = talk(driver, server, "/close?4001,no-more", ["please"])
    assert (found["code"], found["reason"], found["wasClean"]) == (4001, "no-more", True)


def test_app_returns(driver: "Chrome", server: Server) -> None:
    found = talk(driver, server, "/return", ["not answered"])
    assert (found["code"], found["wasClean"]) == (1000, True)


@pytest.mark.parametrize("target", ["/refuse", "/deny"])
def test_refusal(driver: "Chrome", server: Server, target: str) -> None:
    """A browser tells a script no more than that it failed."""
    found = talk(driver, server, target, ["not sent"])
    assert (found["got"], found["code"], found["wasClean"]) == ([], 1006, False)


def test_stream(driver: "Chrome", server: Server) -> None:
    url = url_of(server, "ws", "/pour?200")
    script = """
    const [url, done] = arguments;
    const socket = new WebSocket(url);
    let size = 0;
    socket.onmessage = ({ data }) => { size += data.size; };
    socket.onclose = ({ code }) => done([size, code]);
    """
    assert driver.execute_async_script(script, url) == [200 * 65536, 1000]  # type: ignore[no-untyped-call]
