"""The configuration file, and the table in pyproject.toml."""

from pathlib import Path

import pytest

from tests.settings.refusals import in_file, refusal
from tricorn.settings.sources import Given, Rank, resolve


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
