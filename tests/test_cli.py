"""The command line: as click sees it in this process, and as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner, Result

from tests.support.surroundings import without_options
from tricorn import __version__
from tricorn.cli import main
from tricorn.settings.config import Config
from tricorn.settings.option import Group
from tricorn.settings.options import OPTIONS, RUN_PARAMETERS


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    with without_options():
        yield
    sys.path[:] = path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configs that the command line would serve, instead of serving them."""
    configs: list[Config] = []

    def main_run(config: Config) -> int:
        configs.append(config)
        return 0

    program = ModuleType("tricorn.serve.run")
    program.main_run = main_run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tricorn.serve.run", program)
    return configs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def error(*arguments: str) -> str:
    """The one line that says what is wrong with `arguments`."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


class TestServing:
    def test_the_app_and_its_options(self, started: list[Config]) -> None:
        line = "main:app --port 0 --no-access-log --header X-A:1 --header X-B:2 --factory"
        assert run(*line.split()).exit_code == 0
        (config,) = started
        assert (config.app, config.port, config.access_log) == ("main:app", 0, False)
        assert config.headers == [("X-A", "1"), ("X-B", "2")]
        assert config.factory

    def test_options_may_stand_before_the_app(self, started: list[Config]) -> None:
        assert run("--port=0", "--bind=", "main:app").exit_code == 2
        assert run("--port=0", "main:app").exit_code == 0
        assert started[0].app == "main:app"

    @pytest.mark.parametrize(
        "set_app",
        [
            lambda: os.environ.update(UVICORN_APP="main:app"),
            lambda: os.environ.update(TRICORN_APP="main:app"),
            lambda: Path("pyproject.toml").write_text('[tool.tricorn]\napp = "main:app"\n'),
        ],
    )
    def test_the_app_from_elsewhere(self, set_app: Any, started: list[Config]) -> None:
        set_app()
        assert run().exit_code == 0
        assert started[0].app == "main:app"

    def test_the_app_is_looked_for_in_the_working_directory_first(
        self, started: list[Config]
    ) -> None:
        assert run("main:app").exit_code == 0
        assert sys.path[0] == ""

    def test_the_app_is_looked_for_in_app_dir_first(self, started: list[Config]) -> None:
        Path("src").mkdir()
        assert run("main:app", "--app-dir", "src").exit_code == 0
        assert sys.path[0] == str(Path("src").resolve())

    def test_the_demo(self, started: list[Config]) -> None:
        os.environ["UVICORN_APP"] = "main:app"
        assert run("--demo").exit_code == 0
        assert started[0].app == "tricorn.demo:app"

    def test_the_exit_code_is_the_servers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        program = ModuleType("tricorn.serve.run")
        program.main_run = lambda config: 3  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tricorn.serve.run", program)
        assert run("main:app").exit_code == 3

    def test_a_config_made_in_vain_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What only Config finds out, such as a socket address, is told as all else is."""
        program = ModuleType("tricorn.serve.run")
        program.main_run = lambda config: Config("m:a", port=-1)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tricorn.serve.run", program)
        assert error("main:app") == "port: -1 is not a whole number from 0 to 65535"


class TestUnreadVariables:
    def test_one_is_named_and_the_server_starts(self, started: list[Config]) -> None:
        os.environ["TRICORN_WORKRES"] = "4"
        os.environ["TRICORN_BACKLOG"] = "7"
        result = run("main:app")
        assert result.exit_code == 0
        warned = "Warning: TRICORN_WORKRES in the environment has no effect; did you mean"
        assert result.stderr == f"{warned} TRICORN_WORKERS?\n"
        assert started[0].backlog == 7


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "what is there to serve? Name it, as in `tricorn main:app`, or try `tricorn --d"),
            ([""], "what is there to serve?"),
            (["--demo", "main:app"], "--demo serves an application of its own; leave 'main:app'"),
            (["main:app", "other"], "Got unexpected extra argument"),
            (["main:app", "--prot", "1"], "No such option"),
            (["main:app", "--port"], "Option '--port' requires an argument"),
            (["main:app", "--port", "x"], "--port: 'x' is not a whole number from 0 to 65535"),
            (["main:app", "--port", "-1"], "--port: '-1' is not a whole number from 0 to 65535"),
            (["main:app", "--factory=1"], "Option '--factory' does not take a value"),
            (["main:app", "--header", "X"], "--header: 'X' is not a field as Name:Value"),
            (["main:app", "--config", "x"], "--config: 'x' is not a file that exists"),
            (["main:app", "--app-dir", "x"], "--app-dir: 'x' is not a directory that exists"),
            (["main:app", "--env-file", "x"], "--env-file: 'x' is not a file that exists"),
            (["main:app", "--log-config", "x"], "--log-config: 'x' is not a file that exists"),
            (["main:app", "--loop", "x"], "--loop: 'x' is not one of auto, uvloop,"),
            (["main:app", "--bind", "x"], "--bind: 'x' has no port; write host:port"),
            (["main:app", "--uds", "x", "--fd", "3"], "--uds and --fd both say where to listen"),
            (
                ["main:app", "--reload", "--reload-dir", "x"],
                "--reload-dir: 'x' is not a directory that exists",
            ),
            (["main:app", "--workers", "x"], "--workers: 'x' is not auto or a whole number"),
            (
                ["main:app", "--health-path", "x"],
                "--health-path: 'x' is no path; write one such as",
            ),
            (
                ["main:app", "--dev-https", "--ssl-certfile", __file__],
                "--dev-https and --ssl-certfile both say which certificate to use;",
            ),
        ],
    )
    def test_are_one_line(self, arguments: list[str], message: str, started: list[Config]) -> None:
        assert error(*arguments).startswith(message)
        assert started == []

    def test_a_variable(self, started: list[Config]) -> None:
        os.environ["TRICORN_PORT"] = "tcp://10.0.0.1:80"
        message = "TRICORN_PORT in the environment: 'tcp://10.0.0.1:80' is not a whole number"
        assert error("main:app").startswith(message)

    def test_of_two_options_say_where_each_came_from(self, started: list[Config]) -> None:
        os.environ["TRICORN_SSL_CERTFILE"] = __file__
        places = "--dev-https and TRICORN_SSL_CERTFILE in the environment both say which"
        assert error("main:app", "--dev-https").startswith(places)

    def test_of_a_lack_names_the_variable_that_asks(self, started: list[Config]) -> None:
        os.environ["TRICORN_HTTPS_REDIRECT"] = "80"
        place = "TRICORN_HTTPS_REDIRECT in the environment: there is no https here;"
        assert error("main:app").startswith(place)

    def test_a_value_with_a_line_end(self, started: list[Config]) -> None:
        assert error("main:app", "--port", "1\nError: 2").startswith(r"--port: '1\nError: 2' is")


class TestInformation:
    def test_help_has_each_option_in_its_group(self) -> None:
        result = run("--help")
        assert result.exit_code == 0
        sections = result.stdout.split("\n\n")
        for group in Group:
            (section,) = (text for text in sections if text.startswith(f"{group.value}:\n"))
            for option in OPTIONS:
                if option.on_command_line and option.name != "app":
                    there = re.search(rf"\n  {option.flags}[ \n]", section) is not None
                    assert there == (option.group is group), option.name

    def test_help_fits_the_terminal(self) -> None:
        assert max(map(len, run("--help").stdout.splitlines())) <= 80

    def test_help_breaks_no_flag(self) -> None:
        assert not [line for line in run("--help").stdout.splitlines() if line.endswith("-")]

    def test_version(self) -> None:
        result = run("--version")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Running tricorn {__version__} (")
        assert result.stdout.count("\n") == 1

    def test_show_config_needs_no_app_and_serves_none(self, started: list[Config]) -> None:
        result = run("--show-config", "--port", "0")
        assert result.exit_code == 0
        assert "command line (--port)" in result.stdout
        assert started == []

    def test_show_config_tells_mistakes(self) -> None:
        assert error("--show-config", "--port", "x").startswith("--port: 'x' is not")

    def test_programs_may_call_it_without_exit(self, started: list[Config]) -> None:
        assert main.main(["main:app"], standalone_mode=False) == 0
        assert started[0].app == "main:app"


class TestFlagThatMayHaveAValue:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("--http2 main:app", "all"),
            ("main:app --http2", "all"),
            ("--http2 --port 0 main:app", "all"),
            ("--http2 tls main:app", "tls"),
            ("main:app --http2=off", "off"),
        ],
    )
    def test_alone_and_with_one(self, line: str, value: str, started: list[Config]) -> None:
        assert run(*line.split()).exit_code == 0
        assert started[0].http2 == value
        assert started[0].app == "main:app"


# Commands that must mean to tricorn what they mean to Uvicorn.
COMMANDS = [
    "m:a",
    "m:a --host 0.0.0.0 --port 80",
    "m:a --port=0 --uds= --root-path /api --backlog 5",
    "m:a --host 127.0.0.1 --port 8000 --uds /x",
    "m:a --fd 0 --lifespan off --interface asgi3 --loop asyncio --http h11",
    "m:a --factory --reset-contextvars --no-proxy-headers --no-server-header --no-date-header",
    "m:a --no-access-log --access-log --use-colors --log-level debug",
    "m:a --header X-A:1 --header X-B:2:3 --forwarded-allow-ips *",
    "m:a --limit-concurrency 5 --limit-max-requests 7 --limit-max-requests-jitter 2",
    "m:a --timeout-keep-alive 7 --timeout-graceful-shutdown 9 --timeout-worker-healthcheck 3",
    "m:a --ws none --ws-ping-interval 0 --ws-per-message-deflate no --workers 1",
    "m:a --loop package.loops:factory --h11-max-incomplete-event-size 100000 --app-dir src",
]
VARIABLES: list[dict[str, str]] = [
    {},
    {"UVICORN_PORT": "81", "UVICORN_ACCESS_LOG": "false", "UVICORN_HEADERS": "X-C:1 X-D:2"},
    {"UVICORN_NO_ACCESS_LOG": "true", "UVICORN_USE_COLORS": "0", "UVICORN_FACTORY": "yes"},
    {"UVICORN_HOST": "", "UVICORN_LIFESPAN": "on", "UVICORN_LIMIT_CONCURRENCY": "3"},
]
# The commands' own defaults that tricorn chose otherwise, or that Config fills in later there.
FILLED_IN = {
    "timeout_graceful_shutdown": (None, 30),
    "workers": (None, 1),
    "forwarded_allow_ips": (None, "127.0.0.1,::1"),
    "http2": (False, "auto"),
}


@pytest.mark.parametrize("variables", VARIABLES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_means_what_it_means_to_uvicorn(
    command: str,
    variables: dict[str, str],
    started: list[Config],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs: dict[str, Any] = {}
    uvicorn_main = sys.modules[uvicorn.run.__module__]
    monkeypatch.setattr(uvicorn_main, "run", lambda app, **options: theirs.update(options, app=app))
    os.environ.update(variables)
    Path("src").mkdir()
    assert CliRunner().invoke(uvicorn.main, command.split()).exit_code == 0
    assert run(*command.split()).exit_code == 0
    theirs["headers"] = [tuple(pair) for pair in theirs["headers"]]
    theirs["uds"] = theirs["uds"] or None
    for name in set(RUN_PARAMETERS) & set(theirs) - {"log_config", "app_dir"}:
        ours = getattr(started[0], name)
        assert ours == theirs[name] or FILLED_IN.get(name) == (theirs[name], ours), name
    assert sys.path[0] == (theirs["app_dir"] and os.path.abspath(theirs["app_dir"]))


class TestProcess:
    """Exit codes and streams of the real thing."""

    @staticmethod
    def run(*arguments: str, module: str = "tricorn") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    @pytest.mark.parametrize("module", ["tricorn", "tricorn.cli"])
    def test_without_app(self, module: str) -> None:
        done = self.run(module=module)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "--demo" in done.stderr

    def test_a_bad_value(self) -> None:
        done = self.run("main:app", "--port", "x")
        assert done.returncode == 2
        assert done.stderr == "Error: --port: 'x' is not a whole number from 0 to 65535\n"

    @pytest.mark.parametrize("argument", ["--help", "--version", "--show-config"])
    def test_information(self, argument: str) -> None:
        done = self.run(argument)
        assert done.returncode == 0
        assert done.stdout
        assert done.stderr == ""

    def test_the_installed_command(self) -> None:
        command = Path(sys.executable).with_name("tricorn")
        if not command.exists():
            pytest.skip("tricorn isn't installed as a command here")
        done = subprocess.run([command, "--version"], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0

    def test_help_loads_neither_loop_nor_server(self) -> None:
        script = (
            "import sys; from tricorn.cli import main\n"
            "main.main(['--help'], standalone_mode=False)\n"
            "heavy = {'asyncio', 'uvloop', 'ssl', 'logging', 'tomllib', 'tricorn.serve',"
            " 'tricorn.net', 'tricorn.asgi', 'tricorn.wire'}\n"
            "sys.exit(', '.join(sorted(heavy & set(sys.modules))))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stderr.strip() == ""
