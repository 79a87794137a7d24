"""Chromium as a WebSocket client."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import BROWSER, DRIVER, open_browser
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
    with open_browser(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="module", params=["true", "false"], ids=["deflate", "plain"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serve("sockets:app", "--ws-per-message-deflate", request.param) as server:
        yield server


@pytest.fixture
def driver(browser: "Chrome", server: Server) -> "Chrome":
    # Chromium asks its user before a page from elsewhere may reach the local network.
    browser.get(f"{server.url}/left")
    return browser


def talk(
    driver: "Chrome",
    server: Server,
    target: str,
    messages: list[Any],
    protocols: list[str] | None = None,
    close: list[Any] | None = None,
) -> dict[str, Any]:
    url = server.url.replace("http", "ws") + target
    found: dict[str, Any] = driver.execute_async_script(
        SCRIPT, url, protocols or [], messages, close
    )  # type: ignore[no-untyped-call]
    return found


def test_echo(driver: "Chrome", server: Server) -> None:
    sent = ["", "Ahoy, \u4f60\u597d \U0001f984", [], list(range(256)) * 300, "again and " * 30_000]
    found = talk(driver, server, "/", sent, close=[4321, "bye, \u4f60\u597d"])
    assert found["got"] == sent
    deflates = "true" in server.process.args
    assert found["extensions"].startswith("permessage-deflate") == deflates
    assert (found["code"], found["reason"], found["wasClean"]) == (4321, "", True)


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
    url = server.url.replace("http", "ws") + "/pour?200"
    script = """
    const [url, done] = arguments;
    const socket = new WebSocket(url);
    let size = 0;
    socket.onmessage = ({ data }) => { size += data.size; };
    socket.onclose = ({ code }) => done([size, code]);
    """
    assert driver.execute_async_script(script, url) == [200 * 65536, 1000]  # type: ignore[no-untyped-call]
