"""The page in a real Chromium, against a real server.

Skipped where Chromium, its driver or selenium is missing (Debian: chromium, chromium-driver).
"""

import re
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.support.browser import BROWSER, DRIVER, open_browser
from tests.support.server import Server, serve
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytest.importorskip("selenium.webdriver")
pytestmark = [
    pytest.mark.xdist_group("browser"),  # one browser for all
    pytest.mark.slow_matrix,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]
DEADLINE = 30.0  # seconds, on a machine that other tests keep busy


class Tab:
    """One browser tab, seen through the page's element ids."""

    def __init__(self, driver: "Chrome") -> None:
        self.driver = driver

    def find(self, selector: str) -> "WebElement":
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def wait_text(self, selector: str, pattern: str) -> re.Match[str]:
        """Wait until the element's text matches; the match."""
        try:
            found = wait_for(lambda: re.search(pattern, self.text(selector)), DEADLINE)
        except TimeoutError as error:
            message = f"{selector} shows {self.text(selector)!r}, not {pattern!r}"
            raise AssertionError(message) from error
        assert found is not None
        return found

    def fields(self) -> dict[str, str]:
        """The rows of the inspector's table."""
        rows = self.driver.execute_script(
            "return [...document.querySelectorAll('#inspector-fields tr')]"
            ".map((row) => [...row.children].map((cell) => cell.textContent))"
        )
        return dict(rows)

    def complaints(self) -> list[str]:
        """What the browser's console has: policy violations, errors, failed loads."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    with open_browser(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("tricorn.demo:app") as server:
        yield server


@pytest.fixture
def tab(driver: "Chrome", server: Server) -> Iterator[Tab]:
    driver.get(f"{server.url}/")
    tab = Tab(driver)
    yield tab
    complaints = tab.complaints()
    driver.get("about:blank")
    assert complaints == []


def test_the_inspector_shows_the_browser(tab: Tab, server: Server) -> None:
    tab.wait_text("#inspector-line", r"^GET /inspect HTTP/1\.1$")
    fields = tab.fields()
    assert fields["host"] == f"127.0.0.1:{server.port}"
    assert fields["user-agent"] == tab.driver.execute_script("return navigator.userAgent")


def test_the_inspector_sends_what_it_is_told(tab: Tab) -> None:
    tab.wait_text("#inspector-line", "HTTP/1.1")
    tab.find("[name=method] option:last-child").click()  # BREW
    tab.find("[name=path]").send_keys("caf\u00e9?milk=no")
    tab.find("[name=fields]").send_keys("X-Hat: three horns\nX-Two: 2")
    tab.find("[name=content]").send_keys("black")
    tab.find("#inspector-form button").click()
    tab.wait_text("#inspector-line", r"^BREW /inspect/caf%C3%A9\?milk=no HTTP/1\.1$")
    shown = tab.text("#inspector-facts")
    assert "/inspect/caf\u00e9" in shown
    assert "5 bytes" in shown
    assert "black" in shown
    assert tab.fields()["x-hat"] == "three horns"


def test_the_inspector_shows_the_head_that_answers_head(tab: Tab) -> None:
    tab.wait_text("#inspector-line", "HTTP/1.1")
    tab.find("[name=method] option:nth-child(2)").click()
    tab.find("#inspector-form button").click()
    tab.wait_text("#inspector-line", r"^200 ")
    assert tab.fields()["content-type"] == "application/json"


def test_a_field_without_colon_is_explained(tab: Tab) -> None:
    tab.wait_text("#inspector-line", "HTTP/1.1")
    tab.find("[name=fields]").send_keys("three horns")
    tab.find("#inspector-form button").click()
    tab.wait_text("#inspector-line", r"this is not: three horns$")


def test_text_is_echoed(tab: Tab) -> None:
    text = "Three horns, \u00e7a va <b>?"
    box = tab.find("#echo [name=text]")
    box.clear()
    box.send_keys(text)
    tab.find("#echo-form button").click()
    tab.wait_text("#echo-state", rf"^{len(text.encode())} bytes back in \d+ pieces? after")
    assert tab.text("#echo-answer") == text


def test_a_file_is_uploaded(tab: Tab, tmp_path: Path) -> None:
    content = bytes(range(256)) * 7813  # 2 MB
    file = tmp_path / "horns.bin"
    file.write_bytes(content)
    tab.find("#upload-file").send_keys(str(file))
    tab.wait_text("#upload-facts", "the browser's own digest is the same")
    assert tab.text("#upload-facts .digest") == sha256(content).hexdigest()
    assert tab.text("#upload-state") == f"{len(content):,} bytes received"
    assert tab.find("#upload-progress").get_property("value") == 1


def test_the_clock_ticks_and_pauses(tab: Tab) -> None:
    # The page notes each: a busy machine may not look at it for a second.
    tab.driver.execute_script(
        "const tick = document.querySelector('#clock-tick');"
        "window.ticks = [];"
        "new MutationObserver(() => window.ticks.push(Number(tick.textContent)))"
        ".observe(tick, {childList: true, characterData: true, subtree: true});"
    )

    def ticks() -> list[int]:
        return list(dict.fromkeys(tab.driver.execute_script("return window.ticks")))

    wait_for(lambda: len(ticks()) >= 3, DEADLINE, "three ticks")
    first, *others = ticks()
    assert others == list(range(first + 1, first + 1 + len(others)))
    tab.wait_text("#clock-state", "^live$")
    tab.wait_text("#fact-streams", "^1$")
    tab.find("#clock-toggle").click()
    tab.wait_text("#clock-state", "^paused$")
    tab.wait_text("#clock-toggle", "^Resume$")


def join(tab: Tab, name: str) -> None:
    field = tab.find("#chat-join [name=name]")
    field.clear()
    field.send_keys(name)
    tab.find("#chat-join button").click()
    tab.wait_text("#chat-state", f"^joined as {name}$")


def say(tab: Tab, text: str) -> None:
    tab.find("#chat-say [name=text]").send_keys(text)
    tab.find("#chat-say [type=submit]").click()


@pytest.fixture
def other_window(driver: "Chrome", tab: Tab, server: Server) -> Iterator[str]:
    """A second window with the page; the first has the focus."""
    first = driver.current_window_handle
    driver.switch_to.new_window("window")
    driver.get(f"{server.url}/")
    second = driver.current_window_handle
    driver.switch_to.window(first)
    yield second
    driver.switch_to.window(second)
    driver.close()
    driver.switch_to.window(first)


def test_two_windows_talk(tab: Tab, other_window: str) -> None:
    """There is one Tab: it shows the window that has the focus."""
    windows = tab.driver.switch_to
    first = tab.driver.current_window_handle
    join(tab, "Anna")
    tab.wait_text("#chat-people-title", "^1 person here$")
    say(tab, "Is <b>anybody</b> there?")
    tab.wait_text("#chat-log", r"Anna Is <b>anybody</b> there\? \d\d:\d\d")

    windows.window(other_window)
    join(tab, "Jürgen")
    tab.wait_text("#chat-log", "anybody")  # said before he came
    tab.wait_text("#chat-people", r"^Anna\nJürgen \(you\)$")
    say(tab, "Ça va, \u4f60\u597d")
    tab.wait_text("#chat-log", "Jürgen Ça va, \u4f60\u597d")

    windows.window(first)
    tab.wait_text("#chat-log", "Jürgen has come in .*\\n?.*Jürgen Ça va, \u4f60\u597d")
    tab.wait_text("#chat-people-title", "^2 people here$")

    windows.window(other_window)
    tab.find("#chat-leave").click()
    tab.wait_text("#chat-state", "^not joined$")
    windows.window(first)
    tab.wait_text("#chat-log", "Jürgen has left")
    tab.wait_text("#chat-people", r"^Anna \(you\)$")


def test_the_chat_says_why_it_ends(tab: Tab, server: Server) -> None:
    tab.find("#clock-toggle").click()  # a stream that can't reconnect is a complaint
    join(tab, "Anna")
    tab.driver.execute_script(
        "document.querySelector('#chat-say [name=text]').removeAttribute('maxlength');"
        "document.querySelector('#chat-say [name=text]').value = 'x'.repeat(501);"
    )
    tab.find("#chat-say [type=submit]").click()
    tab.wait_text("#chat-state", "^closed: at most 500 characters$")
    join(tab, "Anna")
    assert server.stop(signal.SIGTERM, DEADLINE) in (0, -signal.SIGTERM)
    tab.wait_text("#chat-state", "^closed: ")


def test_the_facts_are_those_of_the_process(tab: Tab, server: Server) -> None:
    tab.wait_text("#fact-pid", f"^{server.pid}$")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", tab.text("#fact-uptime"))


def test_an_unknown_page_says_so(driver: "Chrome", server: Server) -> None:
    driver.get(f"{server.url}/nowhere")
    tab = Tab(driver)
    assert tab.text("h1") == "Not Found"
    assert tab.text(".error").count("There is nothing at /nowhere.") == 1
    tab.find(".error a").click()
    tab.wait_text("h1", "running")
    assert [text for text in tab.complaints() if "404" not in text] == []


def test_an_open_clock_does_not_hold_the_server_up(server: Server) -> None:
    with urlopen(f"{server.url}/clock", timeout=DEADLINE) as stream:
        assert stream.readline().startswith(b"retry:")
        code = server.stop(signal.SIGTERM, DEADLINE)
        rest = stream.read()  # to a proper end: a stream cut short would raise
    assert b"data: " in rest
    assert code in (0, -signal.SIGTERM)  # Uvicorn raises the signal again once it is done
