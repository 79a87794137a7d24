"""Chromium over HTTP/2: the demo page with its chat."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.clients.http2_servers import Place, http2_server
from tests.support.browser import BROWSER, DRIVER, open_browser
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium.webdriver")
pytestmark = [
    pytest.mark.xdist_group("http2_browser"),
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]
LOADED = """
const pages = performance.getEntriesByType("navigation");
return [...pages, ...performance.getEntriesByType("resource")].map((one) => one.nextHopProtocol);
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("certificates")
    options = ("--timeout-keep-alive", "60")  # the chat is to be a stream of the page's connection
    with http2_server("tricorn.demo:app", True, folder, *options) as place:
        yield place


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    profile = tmp_path_factory.mktemp("chromium")
    with open_browser(profile, "--ignore-certificate-errors") as driver:
        yield driver


@pytest.fixture
def page(driver: "Chrome", place: Place) -> "Chrome":
    driver.get(place.url + "/")
    return driver


def wait_text(page: "Chrome", selector: str, pattern: str) -> None:
    def text() -> str:
        return str(page.find_element("css selector", selector).text)

    wait_for(lambda: re.search(pattern, text()), what=f"{selector} with {pattern!r}")


def test_the_page_comes_over_http_2(page: "Chrome", place: Place) -> None:
    wait_text(page, "#inspector-line", r"^GET /inspect HTTP/2")
    assert set(page.execute_script(LOADED)) == {"h2"}  # type: ignore[no-untyped-call]


def test_the_chat_works(page: "Chrome", place: Place) -> None:
    """Its WebSocket is a stream of the page's connection (RFC 8441): the client is the same."""
    field = page.find_element("css selector", "#chat-join [name=name]")
    field.clear()
    field.send_keys("Anna")
    page.find_element("css selector", "#chat-join button").click()
    wait_text(page, "#chat-state", "^joined as Anna$")
    page.find_element("css selector", "#chat-say [name=text]").send_keys("Ahoy, \u4f60\u597d")
    page.find_element("css selector", "#chat-say [type=submit]").click()
    wait_text(page, "#chat-log", "Anna Ahoy, \u4f60\u597d")
    output = place.server.wait_output('"WebSocket /chat?name=Anna" [accepted]')
    (client,) = re.findall(r'(127\.0\.0\.1:\d+) - "WebSocket /chat\?name=Anna"', output)[:1]
    assert f'{client} - "GET / HTTP/2" 200 OK' in output


def test_a_large_upload(page: "Chrome") -> None:
    script = """
    const done = arguments[0];
    fetch("inspect", { method: "POST", body: new Uint8Array(3000000) })
      .then((answer) => answer.json()).then((facts) => done(facts.http_version));
    """
    assert page.execute_async_script(script) == "2"  # type: ignore[no-untyped-call]
