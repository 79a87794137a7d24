"""What --version prints."""

import platform
import sys

import pytest

import tricorn.wire.h1
from tricorn.settings.version import version_line


def test_it_says_what_runs() -> None:
    line = version_line("9.8.7")
    assert line.startswith("Running tricorn 9.8.7 (")
    assert f"with {platform.python_implementation()} {platform.python_version()} on" in line
    assert platform.system() in line
    assert "\n" not in line


def test_it_says_the_speed() -> None:
    interpreted = (tricorn.wire.h1.__file__ or "").endswith(".py")
    assert ("(interpreted)" if interpreted else "(compiled)") in version_line("9.8.7")


def test_it_says_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    uvloop = pytest.importorskip("uvloop")
    assert version_line("9.8.7").endswith(f", loop uvloop {uvloop.__version__}")
    monkeypatch.setattr("tricorn.settings.version.find_spec", lambda name: None)
    assert version_line("9.8.7").endswith(", loop asyncio")
    assert "uvloop" in sys.modules  # it is installed; only the look-up was replaced
