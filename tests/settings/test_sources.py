"""Precedence of the sources, and how messages call them."""

import os
from pathlib import Path

import pytest

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Kind, Option
from tricorn.settings.options import OPTIONS
from tricorn.settings.sources import Given, Rank, resolve


def refusal(line: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(line or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def in_file(text: str, name: str = "tricorn.toml") -> dict[str, object]:
    """A command line that names a config file with `text`."""
    Path(name).write_text(text)
    return {"config": name}


def test_without_anything_all_is_default() -> None:
    values = resolve({})
    assert list(values) == [option.name for option in OPTIONS]
    for option in OPTIONS:
        assert values[option.name] == Given(option.default, Rank.DEFAULT, "default")


# Each source, weakest first: what sets `port` there, and how it is called.
SOURCES = {
    "file": (7001, "port in tricorn.toml"),
    "UVICORN_PORT": (7002, "UVICORN_PORT in the environment"),
    "TRICORN_PORT": (7003, "TRICORN_PORT in the environment"),
    "line": (7004, "--port"),
}


def set_port(source: str, line: dict[str, object], port: object) -> None:
    if source == "file":
        line |= in_file(f"port = {port!r}\n")
    elif source == "line":
        line["port"] = str(port)
    else:
        os.environ[source] = str(port)


@pytest.mark.parametrize("stronger", SOURCES)
@pytest.mark.parametrize("weaker", SOURCES)
def test_of_each_pair_the_stronger_wins(weaker: str, stronger: str) -> None:
    order = list(SOURCES)
    if order.index(weaker) > order.index(stronger):
        weaker, stronger = stronger, weaker
    line: dict[str, object] = {}
    for source in (weaker, stronger):
        set_port(source, line, SOURCES[source][0])
    port = resolve(line)["port"]
    assert (port.value, port.where) == SOURCES[stronger]


@pytest.mark.parametrize("source", SOURCES)
def test_a_bad_value_is_told_with_its_source(source: str) -> None:
    line: dict[str, object] = {}
    set_port(source, line, "high")
    assert refusal(line) == f"{SOURCES[source][1]}: 'high' is not a whole number from 0 to 65535"


def test_a_bad_value_in_the_file_is_told_though_it_is_replaced() -> None:
    line: dict[str, object] = {}
    set_port("file", line, "high")
    set_port("line", line, 80)
    assert refusal(line).startswith("port in tricorn.toml: 'high' is not")


def test_the_origin_of_a_value_on_the_command_line() -> None:
    assert resolve({"port": "80"})["port"].origin == "command line (--port)"


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "text", "name", "value"),
        [
            ("UVICORN_APP", "main:app", "app", "main:app"),
            ("TRICORN_APP", "main:app", "app", "main:app"),
            ("UVICORN_ACCESS_LOG", "false", "access_log", False),
            ("UVICORN_ACCESS_LOG", "OFF", "access_log", False),
            ("UVICORN_FACTORY", "1", "factory", True),
            ("UVICORN_HEADERS", "X-A:1 X-B:2", "headers", [("X-A", "1"), ("X-B", "2")]),
            ("TRICORN_BIND", ":80  [::1]:81", "bind", [":80", "[::1]:81"]),
            ("UVICORN_ROOT_PATH", "/api", "root_path", "/api"),
            ("TRICORN_UDS_MODE", "660", "uds_mode", 0o660),
            ("FORWARDED_ALLOW_IPS", "10.0.0.0/8", "forwarded_allow_ips", "10.0.0.0/8"),
            ("FORWARDED_ALLOW_IPS", "", "forwarded_allow_ips", ""),
            ("WEB_CONCURRENCY", "1", "workers", 1),
        ],
    )
    def test_is_read(self, variable: str, text: str, name: str, value: object) -> None:
        os.environ[variable] = text
        given = resolve({})[name]
        assert given == Given(value, Rank.ENVIRONMENT, f"{variable} in the environment")

    @pytest.mark.parametrize(
        "variable",
        [
            "UVICORN_NO_ACCESS_LOG",  # the positive name only, as in Uvicorn
            "UVICORN_HEADER",  # the parameter's name, not the flag's
            "UVICORN_BIND",  # not an option of Uvicorn's
            "TRICORN_CONFIG",
            "TRICORN_DEMO",
            "TRICORN_SHOW_CONFIG",
            "TRICORN_TIMEOUT_NOTIFY",
            "TRICORN_COMPILE",
        ],
    )
    def test_is_not_read(self, variable: str) -> None:
        os.environ[variable] = "1"
        assert all(given.rank is Rank.DEFAULT for given in resolve({}).values())

    @pytest.mark.parametrize(
        "variable", ["UVICORN_PORT", "TRICORN_PORT", "WEB_CONCURRENCY", "PORT", "UVICORN_RELOAD"]
    )
    def test_empty_is_not_set(self, variable: str) -> None:
        os.environ[variable] = ""
        assert all(given.rank is Rank.DEFAULT for given in resolve({}).values())

    @pytest.mark.parametrize("prefix", ["TRICORN", "UVICORN"])
    def test_prefixed_variables_beat_plain_ones(self, prefix: str) -> None:
        os.environ["FORWARDED_ALLOW_IPS"] = "10.0.0.1"
        os.environ[f"{prefix}_FORWARDED_ALLOW_IPS"] = "10.0.0.2"
        assert resolve({})["forwarded_allow_ips"].value == "10.0.0.2"

    def test_plain_ones_beat_the_file_and_yield_to_the_line(self) -> None:
        os.environ["FORWARDED_ALLOW_IPS"] = "10.0.0.1"
        line = in_file('forwarded_allow_ips = "10.0.0.2"')
        assert resolve(line)["forwarded_allow_ips"].value == "10.0.0.1"
        line["forwarded_allow_ips"] = "10.0.0.3"
        assert resolve(line)["forwarded_allow_ips"].value == "10.0.0.3"


def sample(option: Option) -> str:
    """A value that differs from the default and asks for nothing that isn't there."""
    if option.choices:
        return next(choice for choice in reversed(option.choices) if choice != option.default)
    samples = {
        Kind.WORKERS: "auto",
        Kind.NUMBER: str(min(7, option.most or 7)),
        Kind.SECONDS: "7",
        Kind.BOOLEAN: "false" if option.default else "true",
        Kind.LIST: "fd://7",
        Kind.FIELDS: "X-A:1",
        Kind.MODE: "600",
        Kind.FILE: "tricorn.log.ini",
        Kind.PEERS: "10.0.0.1",
        Kind.HSTS: "7",
    }
    return samples.get(option.kind, "sample")


THERE = [o for o in OPTIONS if o.in_sources]


@pytest.mark.parametrize("option", THERE, ids=lambda o: o.name)
def test_each_option_can_be_set_in_each_source(option: Option) -> None:
    text = sample(option)
    Path("tricorn.log.ini").touch()
    from_line = resolve({option.name: [text] if option.kind is Kind.LIST else text})
    assert from_line[option.name].rank is Rank.LINE
    from_file = resolve(in_file(f"{option.name.replace('_', '-')} = {text!r}"))
    assert from_file[option.name].rank is Rank.FILE
    os.environ[option.environment[0]] = text
    from_environment = resolve({})
    assert from_environment[option.name].rank is Rank.ENVIRONMENT
    values = {result[option.name].value == option.default for result in (from_line, from_file)}
    assert values == {False}
    assert from_line[option.name].value == from_environment[option.name].value
    assert from_line[option.name].value == from_file[option.name].value


class TestFile:
    def test_values_of_tomls_own_types(self) -> None:
        text = """
            app = "main:app"
            port = 7000
            timeout-head = 2.5
            access_log = false
            bind = ["unix:/x", "unix:/y"]
            log-level = "debug"
            uds-mode = 0o600

            [headers]
            X-A = "1"
        """
        values = resolve(in_file(text.replace("port = 7000", "")))
        assert {name: given.value for name, given in values.items() if given.rank is Rank.FILE} == {
            "app": "main:app",
            "timeout_head": 2.5,
            "access_log": False,
            "bind": ["unix:/x", "unix:/y"],
            "log_level": "debug",
            "uds_mode": 0o600,
            "headers": [("X-A", "1")],
        }

    def test_the_flags_spelling_of_a_list_works_too(self) -> None:
        assert resolve(in_file('header = ["X-A:1"]'))["headers"].value == [("X-A", "1")]

    def test_pyproject_of_the_working_directory(self) -> None:
        Path("pyproject.toml").write_text("[tool.tricorn]\nport = 7000\n")
        port = resolve({})["port"]
        assert port == Given(7000, Rank.FILE, "port in [tool.tricorn] of pyproject.toml")

    def test_a_named_file_replaces_pyproject(self) -> None:
        Path("pyproject.toml").write_text("[tool.tricorn]\nport = 7000\n")
        assert resolve(in_file("factory = true"))["port"].rank is Rank.DEFAULT

    def test_a_named_pyproject_is_read_as_one(self) -> None:
        Path("sub").mkdir()
        Path("sub/pyproject.toml").write_text("name = 'x'\n[tool.tricorn]\nport = 7000\n")
        assert resolve({"config": "sub/pyproject.toml"})["port"].value == 7000

    @pytest.mark.parametrize(
        "text",
        ["", "[tool.other]\nport = 1\n", "not toml at all", "[tool]\nx = 1 # tricorn\n"],
    )
    def test_a_pyproject_without_our_table_is_none_of_our_business(self, text: str) -> None:
        Path("pyproject.toml").write_text(text)
        assert all(given.rank is Rank.DEFAULT for given in resolve({}).values())

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("prot = 1", "'prot' in tricorn.toml is not an option; did you mean 'port'?"),
            ("acces-log = 1", "'acces-log' in tricorn.toml is not an option; did you mean 'acc"),
            ("zzzzzz = 1", "'zzzzzz' in tricorn.toml is not an option"),
            ("config = 'x'", "'config' in tricorn.toml is not an option"),
            ("demo = true", "'demo' in tricorn.toml is not an option"),
            ("callback_notify = 1", "'callback_notify' in tricorn.toml is not an option"),
            ("[tool.tricorn]\nport = 1", "'tool' in tricorn.toml is not an option"),
            (
                "log-level = 'info'\nlog_level = 'info'",
                "'log_level' in tricorn.toml says log_level a second time",
            ),
            ("port = ", "--config: 'tricorn.toml' isn't valid TOML: Invalid value"),
            ("port = 70000", "port in tricorn.toml: 70000 is not a whole number from 0 to 65535"),
            ("port = 2024-01-01", "port in tricorn.toml: datetime.date(2024, 1, 1) is not a whole"),
            ("access_log = 'perhaps'", "access_log in tricorn.toml: 'perhaps' is not true or f"),
            ("headers = ['X-A']", "headers in tricorn.toml: 'X-A' is not a field as Name:Value"),
            ("http2 = 'h2c'", "http2 in tricorn.toml: 'h2c' is not one of auto, tls, all, off"),
        ],
    )
    def test_mistakes_are_one_line(self, text: str, message: str) -> None:
        assert refusal(in_file(text)).startswith(message)

    def test_bytes_that_are_no_text(self) -> None:
        Path("tricorn.toml").write_bytes(b"port = '\xff'")
        assert "isn't valid TOML" in refusal({"config": "tricorn.toml"})

    def test_a_missing_file(self) -> None:
        message = "--config: 'tricorn.toml' is not a file that exists"
        assert refusal({"config": "tricorn.toml"}) == message

    def test_tool_tricorn_that_is_no_table(self) -> None:
        Path("pyproject.toml").write_text("tool.tricorn = 1")
        assert refusal() == "tool.tricorn in pyproject.toml is not a table of options"


class TestPort:
    def test_alone_it_says_where_to_listen(self) -> None:
        os.environ["PORT"] = "7000"
        values = resolve({})
        where = "PORT in the environment"
        assert values["host"] == Given("0.0.0.0", Rank.ENVIRONMENT, where)
        assert values["port"] == Given(7000, Rank.ENVIRONMENT, where)

    @pytest.mark.parametrize(
        "line",
        [
            {"host": "127.0.0.1"},
            {"port": "8000"},
            {"bind": ["unix:/x"]},
            {"uds": "/x"},
            {"fd": "3"},
        ],
    )
    def test_whatever_else_says_it_wins(self, line: dict[str, object]) -> None:
        before = resolve(line)
        os.environ["PORT"] = "7000"
        assert resolve(line) == before

    def test_a_file_wins_too(self) -> None:
        os.environ["PORT"] = "7000"
        values = resolve(in_file("uds = '/x'"))
        assert values["port"].rank is Rank.DEFAULT

    def test_so_do_sockets_handed_over_by_systemd(self) -> None:
        os.environ |= {"PORT": "7000", "LISTEN_PID": str(os.getpid())}
        try:
            assert resolve({})["port"].rank is Rank.DEFAULT
        finally:
            del os.environ["LISTEN_PID"]

    def test_a_bad_one(self) -> None:
        os.environ["PORT"] = "http"
        assert refusal() == "PORT in the environment: 'http' is not a whole number from 0 to 65535"


class TestEnvFile:
    def test_its_variables_are_there_for_the_application(self) -> None:
        Path(".env").write_text("SECRET=1\nHOME_OF_X=2\n")
        os.environ["SECRET"] = "0"
        resolve({"env_file": ".env"})
        assert (os.environ["SECRET"], os.environ["HOME_OF_X"]) == ("0", "2")

    def test_plain_variables_in_it_count(self) -> None:
        Path(".env").write_text("FORWARDED_ALLOW_IPS=10.0.0.1\nPORT=7000\nWEB_CONCURRENCY=1\n")
        values = resolve({"env_file": ".env"})
        assert values["forwarded_allow_ips"].where == "FORWARDED_ALLOW_IPS in .env"
        assert values["port"] == Given(7000, Rank.ENVIRONMENT, "PORT in .env")
        assert values["workers"] == Given(1, Rank.ENVIRONMENT, "WEB_CONCURRENCY in .env")

    def test_prefixed_ones_do_not(self) -> None:
        Path(".env").write_text("UVICORN_BACKLOG=1\nTRICORN_BACKLOG=1\n")
        assert resolve({"env_file": ".env"})["backlog"].rank is Rank.DEFAULT

    @pytest.mark.parametrize("stronger", ["line", "UVICORN_FORWARDED_ALLOW_IPS", "plain"])
    def test_what_was_said_elsewhere_stays(self, stronger: str) -> None:
        Path(".env").write_text("FORWARDED_ALLOW_IPS=10.0.0.1\n")
        line: dict[str, object] = {"env_file": ".env"}
        if stronger == "line":
            line["forwarded_allow_ips"] = "10.0.0.2"
        else:
            os.environ[stronger if stronger != "plain" else "FORWARDED_ALLOW_IPS"] = "10.0.0.2"
        assert resolve(line)["forwarded_allow_ips"].value == "10.0.0.2"

    def test_it_beats_the_config_file_as_the_environment_does(self) -> None:
        Path(".env").write_text("FORWARDED_ALLOW_IPS=10.0.0.1\n")
        line = in_file("forwarded_allow_ips = '10.0.0.2'\nenv_file = '.env'")
        assert resolve(line)["forwarded_allow_ips"].value == "10.0.0.1"

    def test_a_bad_value_names_the_file(self) -> None:
        Path(".env").write_text("WEB_CONCURRENCY=many\n")
        message = "WEB_CONCURRENCY in .env: 'many' is not auto or a whole number"
        assert refusal({"env_file": ".env"}).startswith(message)

    def test_a_missing_one(self) -> None:
        assert refusal({"env_file": ".env"}) == "--env-file: '.env' is not a file that exists"

    def test_one_that_is_no_text(self) -> None:
        Path(".env").write_bytes(b"A=\xff\n")
        assert refusal({"env_file": ".env"}).startswith("--env-file: '.env' can't be read: ")

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "dotenv", None)
        Path(".env").touch()
        message = "--env-file: reading '.env' needs the python-dotenv package; install "
        assert refusal({"env_file": ".env"}).startswith(message)


class TestContradictions:
    @pytest.mark.parametrize(
        ("line", "places"),
        [
            ({"uds": "/x", "fd": "3"}, "--uds and --fd"),
            ({"bind": [":80"], "port": "80"}, "--bind and --port"),
            ({"bind": [":80"], "port": "8000"}, "--bind and --port"),
            ({"bind": [":80"], "host": "::"}, "--bind and --host"),
            ({"bind": [":80"], "uds": "/x"}, "--bind and --uds"),
            ({"bind": [":80"], "fd": "0"}, "--bind and --fd"),
        ],
    )
    def test_in_one_source_are_an_error(self, line: dict[str, object], places: str) -> None:
        assert refusal(line) == f"{places} both say where to listen; give only one of them"

    def test_in_the_environment(self) -> None:
        os.environ |= {"TRICORN_BIND": ":80", "UVICORN_PORT": "81"}
        message = "TRICORN_BIND in the environment and UVICORN_PORT in the environment both say"
        assert refusal().startswith(message)

    def test_in_a_file(self) -> None:
        message = "uds in tricorn.toml and fd in tricorn.toml both say where to listen;"
        assert refusal(in_file("uds = '/x'\nfd = 3")).startswith(message)

    def test_between_sources_the_stronger_wins(self) -> None:
        values = resolve({**in_file("bind = [':80']"), "port": "81"})
        assert values["port"].value == 81
        replaced = "default (--port replaces bind in tricorn.toml)"
        assert values["bind"] == Given(None, Rank.DEFAULT, replaced)

    def test_bind_replaces_a_weaker_port(self) -> None:
        os.environ["UVICORN_PORT"] = "7000"
        os.environ["UVICORN_HOST"] = "::"
        values = resolve({"bind": [":80"]})
        assert values["bind"].value == [":80"]
        assert (values["host"].value, values["port"].value) == ("127.0.0.1", 8000)

    def test_what_programs_pass_along_is_none(self) -> None:
        values = resolve({"host": "127.0.0.1", "port": "8000", "uds": "/x"})
        assert values["uds"].value == "/x"
        assert resolve({"uds": "", "fd": "3"})["fd"].value == 3


class TestFlagThatIsAChoice:
    """Uvicorn's --http2 has no value and true for its only one."""

    @pytest.mark.parametrize(
        ("given", "meant"),
        [("true", "all"), (True, "all"), ("false", "off"), (False, "off"), ("tls", "tls")],
    )
    def test_true_and_false_are_choices(self, given: object, meant: str) -> None:
        assert resolve({"http2": given})["http2"].value == meant
