"""The speed that `./dev test` asked for is the one that runs."""

import importlib
import os
from pathlib import Path

import pytest

import tricorn
from tests.support.speeds import is_compiled

PACKAGE = Path(tricorn.__file__).parent


def module_name(path: Path) -> str:
    return ".".join(("tricorn", *path.relative_to(PACKAGE).with_suffix("").parts))


def hot_modules() -> list[str]:
    """Modules that setup.py compiles: an ``x.pyx``, or an ``x.py`` with an ``x.pxd``."""
    paths = {path.with_suffix("") for path in PACKAGE.rglob("*.pyx")}
    sidecars = {path.with_suffix("") for path in PACKAGE.rglob("*.pxd")}
    paths |= {path for path in sidecars if path.with_suffix(".py").exists()}
    return sorted(module_name(path) for path in paths)


@pytest.fixture
def speed() -> str:
    asked = os.environ.get("TEST_SPEED")
    if asked is None:
        pytest.skip("TEST_SPEED is not set: any speed will do")
    return asked


def test_the_package_holds_the_sources_of_its_hot_modules():
    assert hot_modules(), "no .pxd or .pyx in the installed package"


def test_hot_modules_run_at_the_speed_asked_for(speed):
    expected = {"compiled": True, "interpreted": False}[speed]
    found = {name: is_compiled(importlib.import_module(name)) for name in hot_modules()}
    assert found == dict.fromkeys(hot_modules(), expected)


@pytest.mark.parametrize("source", sorted(PACKAGE.rglob("*.pyx")), ids=lambda path: path.stem)
def test_a_pyx_has_an_interpreted_twin(source):
    assert source.with_suffix(".py").exists()


def test_the_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").exists()
