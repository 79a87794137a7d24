"""What starts a server, and where it can't."""

import sys
from typing import Any

import pytest

from tricorn.launch import refuse_processes_on_windows, run
from tricorn.settings.config import Config
from tricorn.settings.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"reload": True, "workers": 4}, "--reload"),
        ({"workers": 4}, "--workers"),
        ({"control": "ctl"}, "--control"),
    ],
)
def test_windows_has_no_processes(
    options: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config("main:app", **options)
    refuse_processes_on_windows(config)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match=f"^{name} works by signals and sockets"):
        refuse_processes_on_windows(config)
    with pytest.raises(ConfigError, match=f"^{name} works by signals and sockets"):
        run("main:app", **options)
