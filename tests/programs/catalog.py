"""The programs: what is installed, how they are started, and what is tried with them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.programs.browsing import Page, browse
from tests.support.wait import wait_for

PATIENCE = 120.0


class Running(NamedTuple):
    """A program that has been started."""

    url: str
    folder: Path  # in which it runs, with its own copy of `apps`


class Program(NamedTuple):
    """`command` has PORT where the port goes."""

    name: str
    requirement: str
    command: str
    check: Callable[[Running], None]
    told: str  # what is checked, for the table
    ready: str = "/"  # what answers with 200 once it is up


def get(running: Running, path: str = "/", **options) -> httpx.Response:
    answer = httpx.get(running.url + path, timeout=PATIENCE, trust_env=False, **options)
    answer.raise_for_status()
    return answer


def post(running: Running, path: str, content: object) -> httpx.Response:
    answer = httpx.post(running.url + path, json=content, timeout=PATIENCE, trust_env=False)
    answer.raise_for_status()
    return answer


def edit(running: Running, name: str, before: str, after: str) -> None:
    """Saves a file as an editor does: whole, under another name first."""
    path = running.folder / name
    half = path.with_name(path.name + "~")
    half.write_text(path.read_text().replace(before, after))
    half.replace(path)


def datasette(running: Running) -> None:
    query = "/_memory.json?sql=select+6*7+as+answer&_shape=array"
    assert get(running, query).json() == [{"answer": 42}]
    assert "answer" in get(running, "/_memory.csv?sql=select+6*7+as+answer&_stream=1").text


def fasthtml(running: Running) -> None:
    assert "version one" in get(running).text
    edit(running, "with_fasthtml.py", '"one"', '"two"')
    wait_for(lambda: "version two" in get(running).text, PATIENCE)


def gradio(running: Running) -> None:
    event = post(running, "/gradio_api/call/letters", {"data": ["abc"]}).json()["event_id"]
    stream = get(running, f"/gradio_api/call/letters/{event}").text
    assert stream.count("event: generating") >= 2 and '["abc"]' in stream, stream


def nicegui(running: Running) -> None:
    def steps(page: Page) -> None:
        page.shows("version one")
        page.click("button")
        page.shows("clicked 1")
        edit(running, "with_nicegui.py", '"one"', '"two"')
        # The page loads again by itself when it has a new connection.
        page.shows("version two")
        page.click("button")
        page.shows("clicked 1")

    browse(running.url, steps)


def streamlit(running: Running) -> None:
    def steps(page: Page) -> None:
        page.shows("the button: waits")
        page.click("[data-testid=stButton] button")
        page.shows("the button: pressed")

    browse(running.url, steps)


def marimo(running: Running) -> None:
    browse(running.url, lambda page: page.shows("the answer is 42"))


def chainlit(running: Running) -> None:
    def steps(page: Page) -> None:
        page.type("#chat-input", "good day")
        page.click("#chat-submit")
        page.shows("you said good day")

    browse(running.url, steps)


def mlflow(running: Running) -> None:
    made = post(running, "/api/2.0/mlflow/experiments/create", {"name": "tried"}).json()
    found = get(
        running,
        "/api/2.0/mlflow/experiments/get",
        params={"experiment_id": made["experiment_id"]},
    )
    assert found.json()["experiment"]["name"] == "tried"


PROGRAMS = (
    Program(
        "Datasette",
        "datasette",
        "datasette serve --memory -p PORT",
        datasette,
        "a query as JSON, a CSV stream",
        "/-/versions.json",
    ),
    Program(
        "FastHTML",
        "python-fasthtml",
        "python with_fasthtml.py PORT reload",
        fasthtml,
        "a page; it is served anew after a change",
    ),
    Program(
        "Gradio",
        "gradio",
        "python with_gradio.py PORT",
        gradio,
        "a function's output as it comes, over Server-Sent Events",
    ),
    Program(
        "NiceGUI",
        "nicegui",
        "python with_nicegui.py PORT reload",
        nicegui,
        "clicks in Chromium, over socket.io; the page is new after a change",
    ),
    Program(
        "Streamlit",
        "streamlit",
        "streamlit run with_streamlit.py --server.port PORT --server.address 127.0.0.1"
        " --server.headless true --browser.gatherUsageStats false",
        streamlit,
        "a click in Chromium, over a WebSocket",
    ),
    Program(
        "marimo",
        "marimo",
        "marimo run with_marimo.py --headless --no-token -p PORT",
        marimo,
        "a cell's output in Chromium, over a WebSocket",
    ),
    Program(
        "Chainlit",
        "chainlit",
        "chainlit run with_chainlit.py --headless --port PORT",
        chainlit,
        "a message and its answer in Chromium, over socket.io",
    ),
    Program(
        "MLflow",
        "mlflow",
        "mlflow server --port PORT --workers 1",
        mlflow,
        "an experiment created and read by its REST interface",
        "/health",
    ),
)
