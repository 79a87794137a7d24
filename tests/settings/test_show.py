"""What --show-config prints."""

import os
import re
from pathlib import Path

from tricorn.settings.options import BY_NAME, OPTIONS
from tricorn.settings.show import default_text, show, value_text
from tricorn.settings.sources import resolve


def test_a_line_for_each_option_with_value_and_source() -> None:
    Path("tricorn.toml").write_text('root-path = "/api"\n')
    os.environ["UVICORN_BACKLOG"] = "7"
    text = show(resolve({"config": "tricorn.toml", "port": "80", "headers": ["X-A: 1", "X-B:2"]}))
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines()}
    assert list(rows) == [option.name for option in OPTIONS if option.in_sources]
    assert rows["host"] == ["127.0.0.1", "default"]
    assert rows["root_path"] == ["/api", "root_path in tricorn.toml"]
    assert rows["backlog"] == ["7", "UVICORN_BACKLOG in the environment"]
    assert rows["port"] == ["80", "command line (--port)"]
    headers = next(line for line in text.splitlines() if line.startswith("headers "))
    assert re.split(r"  +", headers)[1:] == ["X-A:1, X-B:2", "command line (--header)"]


def test_columns_are_aligned() -> None:
    lines = show(resolve({})).splitlines()
    assert len({line.rindex("  default") for line in lines}) == 1


def test_values_read_as_they_are_written() -> None:
    assert value_text(BY_NAME["uds_mode"], 0o660) == "660"
    assert value_text(BY_NAME["factory"], True) == "true"
    assert value_text(BY_NAME["timeout_head"], 30.0) == "30"
    assert value_text(BY_NAME["timeout_head"], 0.5) == "0.5"
    assert value_text(BY_NAME["uds"], None) == "-"
    assert value_text(BY_NAME["headers"], []) == "-"


def test_a_secret_is_not_shown() -> None:
    assert value_text(BY_NAME["ssl_keyfile_password"], "hunter2") == "***"


def test_defaults_in_help() -> None:
    assert default_text(BY_NAME["port"]) == "8000"
    assert default_text(BY_NAME["access_log"]) == "true"
    assert default_text(BY_NAME["factory"]) == ""
    assert default_text(BY_NAME["fd"]) == ""
