"""Errors under --reload: what the browser shows, and how saving mends it."""

from __future__ import annotations

import html

import pytest

from tests.supervise.reload_rig import (
    Project,
    ask,
    peek,
    reloading,
    start_reloading,
    wait_answer,
)
from tests.support.raw import Response
from tests.support.server import Server
from tests.support.wait import DEADLINE, wait_for


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("def oops(:", "SyntaxError: invalid syntax"),
            ("import os\n1 / 0", "ZeroDivisionError: division by zero"),
            ("import absent_module", "No module named 'absent_module'"),
            ("raise SystemExit('no database')", "ended with 'no database'"),
            ("", 'Attribute "app" not found in module "main"'),
        ],
    )
    def test_are_told_in_terminal_and_browser_until_mended(
        self, project: Project, text: str, message: str
    ) -> None:
        with reloading(project) as server:
            project.write("main.py", text)
            page = wait_page(server, message)
            assert b"<html" in page.body and b"location.replace" in page.body
            plain = ask(server, "/", "Accept: application/json")
            assert (plain.status, plain.header(b"content-type")) == (
                500,
                b"text/plain; charset=utf-8",
            )
            assert message in plain.body.decode() and b"<html" not in plain.body
            server.wait_output("Waiting for changes.")
            if "ended with" not in message and text:
                assert server.stderr().count(message) == 1
            with server.connect() as waiting:
                waiting.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Tricorn-Wait: 1\r\n\r\n")
                wait_for(lambda: b"\r\n\r\n" in peek(waiting))
                project.save("two")
                waiting.read_until_closed()
            # The next answer is the new code's: it is asked as soon as the page may load again.
            assert ask(server).body.startswith(b"two")

    def test_at_the_first_start(self, project: Project) -> None:
        project.write("main.py", "def oops(:")
        with start_reloading(project) as server:
            server.wait_started()
            wait_page(server, "SyntaxError")
            project.save("two")
            wait_answer(server, b"two")
            assert server.stop() == 0

    def test_of_the_lifespan(self, project: Project) -> None:
        with reloading(project, "--lifespan", "on") as server:
            project.save("two", on_lifespan="raise RuntimeError('no <database>')")
            page = wait_page(server, "RuntimeError: no <database>")
            assert b"<database>" not in page.body
            project.save("three")
            wait_answer(server, b"three")

    def test_that_end_the_process(self, project: Project) -> None:
        with reloading(project) as server:
            project.write("main.py", "import os\nos._exit(7)")
            wait_page(server, "ended with 7 while it started")
            project.save("two")
            wait_answer(server, b"two")


def wait_page(server: Server, message: str) -> Response:
    def found() -> Response | None:
        answer = ask(server, "/", "Accept: text/html,*/*;q=0.8")
        is_it = answer.status == 500 and message in html.unescape(answer.body.decode())
        return answer if is_it else None

    return wait_for(found, DEADLINE, f"a page with {message!r}; log:\n{server.output()}")
