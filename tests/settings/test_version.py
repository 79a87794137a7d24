"""What --version prints."""

import platform
import sys

import pytest

import tricorn
import tricorn.wire.h1
from tricorn.settings.version import version_line


def test_it_says_what_runs() -> None:
    line = version_line()
    assert line.startswith(f"Running tricorn {tricorn.__version__} (")
    assert f"with {platform.python_implementation()} {platform.python_version()} on" in line
    assert platform.system() in line
    assert "\n" not in line


def test_it_says_the_speed() -> None:
    interpreted = (tricorn.wire.h1.__file__ or "").endswith(".py")
    assert ("(interpreted)" if interpreted else "(compiled)") in version_line()


def test_it_says_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    uvloop = pytest.importorskip("uvloop")
    assert version_line().endswith(f", loop uvloop {uvloop.__version__}")
    monkeypatch.setattr("tricorn.settings.version.find_spec", lambda name: None)
    assert version_line().endswith(", loop asyncio")
    assert "uvloop" in sys.modules  # it is installed; only the look-up was replaced
