"""Variables of the environment, and files of them."""

import os
from pathlib import Path

import pytest

from tests.settings.refusals import in_file, refusal
from tricorn.settings.sources import Given, Rank, resolve


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

    def test_a_line_that_is_none(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is skipped, with one warning, however often the file is read."""
        Path("odd.env").write_text("A=1\n=2\n")
        for _ in range(2):
            resolve({"env_file": "odd.env"})
        assert caplog.messages == [
            "odd.env: python-dotenv could not parse statement starting at line 2"
        ]

    def test_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "dotenv", None)
        Path(".env").touch()
        message = "--env-file: reading '.env' needs the python-dotenv package; install "
        assert refusal({"env_file": ".env"}).startswith(message)
