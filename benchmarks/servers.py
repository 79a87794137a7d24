"""How each server is started. One worker, each with the settings its own documentation gives for
speed; only what a scenario asks for differs from one scenario to the next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.scenarios import DEFLATED, GROUPS, Scenario

HOST = "127.0.0.1"


class Launch(NamedTuple):
    """What a command line is made from: the folder of the environment's programs, the scenario,
    and a free port."""

    programs: Path
    scenario: Scenario
    port: int

    def program(self, name: str) -> str:
        """The path of an installed program."""
        return str(self.programs / name)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Server:
    """One row of the tables.

    `package` is the distribution that must be installed (empty: none). `unsupported` maps the key
    of a scenario to why it can't be run. `environment` is "main" or "interpreted".
    """

    key: str
    title: str
    package: str
    command: Callable[[Launch], list[str]]
    unsupported: Mapping[str, str] = field(default_factory=dict)
    environment: str = "main"

    @property
    def ours(self) -> bool:
        """Whether this is tricorn or a variant of it, which tricorn can't lose to."""
        return self.package == "tricorn"


def _tricorn(*options: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        return [launch.program("tricorn"), *_uvicorn_options(launch), *options]

    return command


def _uvicorn_options(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.scenario.app,
        *("--port", str(launch.port)),
        *("--interface", "wsgi" if launch.scenario.interface == "wsgi" else "asgi3"),
        *("--log-level", "info" if log else "warning"),
        "--access-log" if log else "--no-access-log",
    ]


def _uvicorn(launch: Launch) -> list[str]:
    engines = ["--loop", "uvloop", "--http", "httptools"]
    return [launch.program("uvicorn"), *_uvicorn_options(launch), *engines]


def _uvicorn_wsproto(launch: Launch) -> list[str]:
    return [*_uvicorn(launch), "--ws", "wsproto"]


def _granian(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("granian"),
        launch.scenario.app,
        *("--host", HOST, "--port", str(launch.port)),
        *("--interface", launch.scenario.interface),
        *("--workers", "1", "--runtime-threads", "1", "--runtime-mode", "st"),
        *("--loop", "uvloop", "--http", "1", "--backlog", "2048"),
        "--ws" if launch.scenario.talk else "--no-ws",
        *("--log-level", "info" if log else "warning"),
        "--access-log" if log else "--no-access-log",
    ]


def _h2corn(launch: Launch) -> list[str]:
    return [
        launch.program("h2corn"),
        launch.scenario.app,
        *("--bind", launch.address, "--backlog", "2048"),
        *("--workers", "1", "--runtime-threads", "1", "--loop", "uvloop"),
        "--access-log" if launch.scenario.access_log else "--no-access-log",
    ]


def _peregrine(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("peregrine"),
        *("--host", HOST, "--port", str(launch.port)),
        *("--protocol", launch.scenario.interface),
        *("--log-level", "info" if log else "warning"),
        *(["--access-log"] if log else []),
        *("--max-connections", "8192"),
        *(["--ws-compress"] if launch.scenario.key in DEFLATED else []),
        launch.scenario.app,
    ]


def _fastpysgi(launch: Launch) -> list[str]:
    where = ["--host", HOST, "--port", str(launch.port)]
    return [launch.program("fastpysgi"), *where, launch.scenario.app]


def _hypercorn(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("hypercorn"),
        *("--bind", launch.address, "--backlog", "2048"),
        *("--workers", "1", "--worker-class", "uvloop"),
        *("--log-level", "info" if log else "warning"),
        *(["--access-logfile", "-"] if log else []),
        # Without the prefix the interface is guessed from the app's signature.
        f"{launch.scenario.interface}:{launch.scenario.app}",
    ]


def _gunicorn(launch: Launch) -> list[str]:
    # The asgi worker takes no WSGI apps; gthread is gunicorn's worker with keep-alive for those.
    wsgi = launch.scenario.interface == "wsgi"
    worker = ["gthread", "--threads", "4"] if wsgi else ["asgi", "--asgi-loop", "uvloop"]
    return [
        launch.program("gunicorn"),
        *("--bind", launch.address, "--backlog", "2048", "--no-control-socket"),
        *("--workers", "1", "--worker-connections", "8192", "--worker-class", *worker),
        *("--log-level", "warning"),
        *(["--access-logfile", "-"] if launch.scenario.access_log else []),
        launch.scenario.app,
    ]


def _floor(launch: Launch) -> list[str]:
    content = launch.scenario.answer.decode("ascii")
    return [
        launch.program("floor"),
        str(launch.port),
        content,
        str(int(launch.scenario.closes)),
    ]


_NO_WEBSOCKET = dict.fromkeys(GROUPS["ws"], "it speaks no WebSocket")
_NO_DEFLATE = dict.fromkeys(DEFLATED, "it has no permessage-deflate")
_FIXED = "it sends one fixed answer"
_NO_CONTENT = "it reads no content"

SERVERS = (
    Server("tricorn", "tricorn", "tricorn", _tricorn()),
    Server("tricorn-asyncio", "tricorn (asyncio loop)", "tricorn", _tricorn("--loop", "asyncio")),
    Server(
        "tricorn-interpreted",
        "tricorn (interpreted)",
        "tricorn",
        _tricorn(),
        environment="interpreted",
    ),
    Server("uvicorn", "uvicorn[standard]", "uvicorn", _uvicorn),
    Server(
        "uvicorn-wsproto",
        "uvicorn (wsproto)",
        "wsproto",
        _uvicorn_wsproto,
        dict.fromkeys(GROUPS["http"], "it differs from uvicorn in WebSockets only"),
    ),
    Server("granian", "granian", "granian", _granian, _NO_DEFLATE),
    Server("h2corn", "h2corn", "h2corn", _h2corn, {"wsgi": "it serves ASGI only"}),
    Server("peregrine", "peregrine-server", "peregrine-server", _peregrine),
    Server(
        "fastpysgi",
        "fastpysgi",
        "fastpysgi",
        _fastpysgi,
        {"log": "it has no access log", **_NO_WEBSOCKET},
    ),
    Server("hypercorn", "hypercorn", "hypercorn", _hypercorn),
    Server("gunicorn", "gunicorn (asgi worker)", "gunicorn", _gunicorn, _NO_DEFLATE),
    Server(
        "floor",
        "floor (C epoll loop)",
        "",
        _floor,
        {
            "stream": _FIXED,
            "post": _NO_CONTENT,
            "upload": _NO_CONTENT,
            "log": "it has no log",
            "fastapi": "it runs no app",
            "wsgi": "it runs no app",
            **_NO_WEBSOCKET,
        },
        environment="floor",
    ),
)
